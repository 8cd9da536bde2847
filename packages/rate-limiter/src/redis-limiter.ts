import type { DecisionRequest, LimitRule } from '@cortex-governance/core';
import { PENDING_NOTICE } from './redis-counters.ts';
import type { RedisStore } from './redis-store.ts';
import { type CallBounds, type RateLimiterStats, StoreLimiter } from './store-limiter.ts';

/** The numbers of one process. */
export interface RedisLimiterStats extends RateLimiterStats {
  /** False from a call that the store, or a part of it, did not answer until one that it did. */
  readonly storeAvailable: boolean;
  /** Takes that were answered by `failMode`: refused, admitted uncounted, or counted by the local share. */
  readonly takenWithoutStore: number;
  /** Takes that were refused because their lease was not there yet. */
  readonly leasePending: number;
}

/** A limiter over limits that processes share through Redis. */
export class RedisLimiter extends StoreLimiter {
  readonly #store: RedisStore;
  #takenWithoutStore = 0;
  #leasePending = 0;

  constructor(store: RedisStore, bounds: CallBounds) {
    super(store, bounds);
    this.#store = store;
  }

  override take(rule: LimitRule, request: DecisionRequest, id: string, nowMs: number): number {
    const wait = super.take(rule, request, id, nowMs);
    const { notice } = this;
    if (notice === PENDING_NOTICE) this.#leasePending += 1;
    else if (notice !== '') this.#takenWithoutStore += 1;
    return wait;
  }

  override stats(): RedisLimiterStats {
    return {
      ...super.stats(),
      storeAvailable: this.#store.link.isUp,
      takenWithoutStore: this.#takenWithoutStore,
      leasePending: this.#leasePending,
    };
  }
}
