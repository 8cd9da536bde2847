import type { LogFields, Logger } from '@cortex-governance/core';

/** One call of a {@link RecordingLogger}. */
export interface LoggedEvent {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields: LogFields;
}

/** A logger that keeps what it is told, in order. */
export class RecordingLogger implements Logger {
  readonly lines: LoggedEvent[] = [];

  readonly debug = this.#method('debug');
  readonly info = this.#method('info');
  readonly warn = this.#method('warn');
  readonly error = this.#method('error');

  /** The events logged so far, without their fields. */
  events(): readonly string[] {
    return this.lines.map(({ event }) => event);
  }

  #method(level: LoggedEvent['level']): (event: string, fields?: LogFields) => void {
    return (event, fields = {}) => {
      this.lines.push({ level, event, fields });
    };
  }
}
