import { randomUUID } from 'node:crypto';

/** Longest `X-Request-ID` that is taken over. */
export const MAX_REQUEST_ID_LENGTH = 256;

const PRINTABLE = /^[\x20-\x7e]+$/;

/** The caller's `X-Request-ID` when it is printable ASCII within bounds; otherwise a new UUID. */
export function requestId(header: string | string[] | undefined): string {
  const usable =
    typeof header === 'string' && header.length <= MAX_REQUEST_ID_LENGTH && PRINTABLE.test(header);
  return usable ? header : randomUUID();
}
