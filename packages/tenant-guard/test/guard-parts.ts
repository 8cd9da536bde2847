import type { Clock, LogFields, Logger } from '@cortex-governance/core';
import { createTenantGuard, type TenantGuard, type TenantGuardOptions } from '../src/index.ts';
import { AUDIENCE, ISSUER, NOW_SECONDS } from './token-issuer.ts';

export const PROXY = '10.0.0.1';
export const STRANGER = '203.0.113.9';

/** A clock that stands still until it is told otherwise. */
export class TestClock implements Clock {
  elapsedMs = 0;

  monotonicMs(): number {
    return this.elapsedMs;
  }

  wallMs(): number {
    return NOW_SECONDS * 1000 + this.elapsedMs;
  }
}

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly fields: LogFields;
}

/** Keeps what is logged. */
export class TestLogger implements Logger {
  readonly lines: LogLine[] = [];

  readonly debug = this.#level('debug');
  readonly info = this.#level('info');
  readonly warn = this.#level('warn');
  readonly error = this.#level('error');

  #level(level: string): (event: string, fields?: LogFields) => void {
    return (event, fields = {}) => this.lines.push({ level, event, fields });
  }
}

export type TokenOptions = NonNullable<TenantGuardOptions['tokens']>;

/** A guard that knows `acme` and `globex` and trusts {@link PROXY}. */
export function headerGuard(options: TenantGuardOptions = {}): TenantGuard {
  return createTenantGuard({
    tenants: ['acme', 'globex'],
    header: { trustedPeers: [PROXY] },
    clock: new TestClock(),
    ...options,
  });
}

/** As {@link headerGuard}, with tokens. */
export function tokenGuard(
  tokens: Partial<TokenOptions>,
  options: TenantGuardOptions = {},
): TenantGuard {
  return headerGuard({ tokens: { issuer: ISSUER, audience: AUDIENCE, ...tokens }, ...options });
}
