/** At most `limit` admissions in any stretch of `windowMs` milliseconds. */
export interface LimitWindow {
  readonly limit: number;
  readonly windowMs: number;
}

/** The limit of one action of one tool. All windows admit a call, or none is charged. */
export interface LimitRule {
  readonly tool: string;
  readonly action: string;
  readonly windows: readonly LimitWindow[];
}

/** Answer of {@link RateLimiter.take} when no key can be added. */
export const LIMITER_FULL = -1;

/** Counts admissions by tenant, tool and action. Implementations MUST NOT do I/O in {@link take}. */
export interface RateLimiter {
  /**
   * Admits one call and returns 0, or charges nothing and returns the milliseconds (at least 1) until
   * one could be admitted, or {@link LIMITER_FULL}. A `callId` that was admitted within the longest
   * window is admitted again free of charge.
   * @param nowMs monotonic milliseconds; a value below the last one counts as the last one.
   */
  take(rule: LimitRule, tenant: string, callId: string | undefined, nowMs: number): number;
  /** Number of keys held, for metrics. */
  size(): number;
}
