import type { LogFields, Logger } from '@cortex-governance/core';

export interface LoggedLine {
  readonly level: string;
  readonly event: string;
  readonly fields: LogFields;
}

/** Keeps what is logged. */
export class TestLogger implements Logger {
  readonly lines: LoggedLine[] = [];

  readonly debug = this.#level('debug');
  readonly info = this.#level('info');
  readonly warn = this.#level('warn');
  readonly error = this.#level('error');

  #level(level: string): (event: string, fields?: LogFields) => void {
    return (event, fields = {}) => this.lines.push({ level, event, fields });
  }
}
