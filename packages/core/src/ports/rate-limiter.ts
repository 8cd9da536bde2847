import type { DecisionRequest } from '../decision-request.ts';
import type { BudgetUnit, LimitRule } from './limit-rule.ts';

/** Answer of {@link RateLimiter.take} when no key, call id or reservation can be added. */
export const LIMITER_FULL = -1;

/** Answer of {@link RateLimiter.take} when the store that limits are shared through gives no answer. */
export const LIMITER_UNAVAILABLE = -2;

/** What a call used. A unit that is left out used what was reserved. */
export interface LimitUsage {
  readonly tokens?: number;
  /** In millionths of the operator's currency unit. */
  readonly cost?: number;
}

/** Where one limit stands for one caller, for RateLimit header fields and status pages. */
export interface LimitState {
  /** Such as `calls-60`, `tokens-86400` or `concurrency`; unique within its rule. */
  readonly name: string;
  readonly unit: BudgetUnit | 'concurrency';
  /** Units in a window; for `gcra` the burst, which is what can be had at once. */
  readonly limit: number;
  /** 0 for concurrency. */
  readonly windowMs: number;
  /** Units that could be had now; never below 0. */
  readonly remaining: number;
  /** Milliseconds until more units are free if nobody takes any; 0 when all are. */
  readonly resetMs: number;
}

/**
 * Admits calls within limits. `take`, `settle`, `cancel` and `inspect` are synchronous, do no I/O and do
 * not throw. Times are monotonic milliseconds; one below the last one counts as the last one.
 */
export interface RateLimiter {
  /**
   * Admits one call under every limit of the rule and returns 0; or charges nothing and returns the
   * milliseconds (at least 1) until one could be admitted, {@link LIMITER_FULL} or
   * {@link LIMITER_UNAVAILABLE}. A `request.callId` that the same tenant and subject had admitted for the
   * same tool and action within the rule's longest window is admitted again free of charge.
   * @param id names what is taken, for {@link settle} and {@link cancel}: the verdict's id.
   */
  take(rule: LimitRule, request: DecisionRequest, id: string, nowMs: number): number;
  /**
   * Ends a call: its place under concurrency limits is free, and its budgets are charged what it used,
   * above the estimate in full. False, and nothing done, when the id has no reservation: it was never
   * admitted, is settled, cancelled or expired, or its rule limits neither tokens, cost nor concurrency.
   */
  settle(id: string, usage: LimitUsage, nowMs: number): boolean;
  /**
   * Gives back exactly what the call took: it never ran. Holds for every call with a reservation, and
   * for any other until the next take. False when there is nothing to give back.
   */
  cancel(id: string, nowMs: number): boolean;
  /** The tenant of the call that has this reservation; undefined when none has. */
  reservedBy(id: string): string | undefined;
  /** Where every limit of the rule stands for this caller. Takes nothing. */
  inspect(rule: LimitRule, request: DecisionRequest, nowMs: number): readonly LimitState[];
  /**
   * Fetches what a take of this request will need from a shared store, within a bounded time; null for a
   * limiter that needs nothing. MUST NOT reject.
   */
  readonly prepare: ((rule: LimitRule, request: DecisionRequest) => Promise<void>) | null;
  /** How the latest take was counted when the shared store did not count it; empty otherwise. */
  readonly notice: string;
  /** Number of keys held, for metrics. */
  size(): number;
  /** Gives back what is held in a shared store, and ends. */
  close(): Promise<void>;
}
