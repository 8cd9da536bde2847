/** Fields of a log line. Never secrets, arguments or bodies. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logs. `event` is a stable, upper-case name such as POLICY_UPDATE_FAILED. */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** Discards everything. */
export const silentLogger: Logger = Object.freeze({
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
});
