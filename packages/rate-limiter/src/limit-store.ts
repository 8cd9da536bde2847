import type { DecisionRequest, Limit, LimitRule, LimitState } from '@cortex-governance/core';

/**
 * The counters of one limit of one rule: one for each caller that the limit's `by` tells apart. Rules
 * whose limits count the same things share counters: a reload of the grants resets nothing.
 *
 * Synchronous, without I/O; nothing throws. All of it may be called for any caller at any time.
 */
export interface LimitCounters {
  readonly limit: Limit;
  /** What the latest {@link take} that charged returned to find its charge again; see {@link give}. */
  readonly token: number;
  /**
   * Charges `units` and returns 0; or charges nothing and returns the milliseconds (at least 1) until they
   * could be had, LIMITER_FULL or LIMITER_UNAVAILABLE. One unit is one call.
   */
  take(request: DecisionRequest, units: number, nowMs: number): number;
  /** What {@link take} would return now; charges nothing. */
  peek(request: DecisionRequest, units: number, nowMs: number): number;
  /**
   * Gives back units that a {@link take} charged, found by its token. What has left its window by now is
   * not given back, so that no window ever holds more than the limit.
   */
  give(request: DecisionRequest, units: number, token: number, nowMs: number): void;
  /** Charges units without asking: what a call used above its estimate. Budgets only. */
  charge(request: DecisionRequest, units: number, nowMs: number): void;
  inspect(request: DecisionRequest, nowMs: number): LimitState;
}

/** Numbers of a store, for metrics. */
export interface LimitStoreStats {
  readonly keys: number;
  /** Keys without effect that made room for others. */
  readonly evictions: number;
  /** Slots of eight bytes held over all keys, where a store has such. */
  readonly slots?: number;
}

/** Where counters live: in this process, in memory shared by worker threads, or in Redis. */
export interface LimitStore {
  /** The counters of a limit of a rule; called once for each rule, off the request path of later calls. */
  open(limit: Limit, rule: LimitRule): LimitCounters;
  /** As `RateLimiter.notice`: how the latest take or peek was answered without the shared store. */
  readonly notice: string;
  /** As `RateLimiter.prepare`, for the counters of one rule. */
  readonly prepare:
    | ((counters: readonly LimitCounters[], request: DecisionRequest) => Promise<void>)
    | null;
  stats(): LimitStoreStats;
  close(): Promise<void>;
}
