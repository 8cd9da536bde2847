import type { Clock, LogFields, Logger } from '@cortex-governance/core';

/** Least time between two log lines of one event, in milliseconds: a hostile caller must not fill the log. */
export const LOG_INTERVAL_MS = 1000;

interface EventState {
  loggedAtMs: number;
  suppressed: number;
}

/**
 * Logs the first of many like events at once, and at most one in {@link LOG_INTERVAL_MS} after it.
 * Each line carries `suppressed`: how many were not logged since the one before.
 */
export class EventThrottle {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #states = new Map<string, EventState>();

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** @param event one of a fixed set of names: the throttle keeps one state for each. */
  log(level: 'warn' | 'error', event: string, fields: LogFields): void {
    const nowMs = this.#clock.monotonicMs();
    const state = this.#states.get(event);
    if (state === undefined) {
      this.#states.set(event, { loggedAtMs: nowMs, suppressed: 0 });
      this.#logger[level](event, { ...fields, suppressed: 0 });
      return;
    }
    if (nowMs - state.loggedAtMs < LOG_INTERVAL_MS) {
      state.suppressed += 1;
      return;
    }
    this.#logger[level](event, { ...fields, suppressed: state.suppressed });
    state.loggedAtMs = nowMs;
    state.suppressed = 0;
  }
}
