/** What a script granted; see the scripts for what each member means. */
export interface RedisGrant {
  readonly granted: number;
  readonly mark: number;
  readonly usableMs: number;
  readonly waitMs: number;
  readonly left: number;
}

/** Longest lease, wait or time that is believed, in microseconds: 800 days. */
const MAX_SPAN_US = 800 * 24 * 3_600_000_000;

const REPLY = /^(\d{1,16}) (\d{1,16}) (\d{1,16}) (\d{1,16}) (\d{1,16})$/;

/** The reply of a script; null when it is not one, or grants more than was asked for. */
export function parseGrant(reply: string, most: number): RedisGrant | null {
  const match = REPLY.exec(reply);
  if (match === null) return null;
  const [granted = 0, mark = 0, usableUs = 0, waitUs = 0, left = 0] = match.slice(1).map(Number);
  if (granted > most || usableUs > MAX_SPAN_US || waitUs > MAX_SPAN_US) return null;
  return { granted, mark, usableMs: usableUs / 1000, waitMs: waitUs / 1000, left };
}
