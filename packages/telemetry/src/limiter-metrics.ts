import type { MetricSample, MetricsRegistry, RateLimiter } from '@cortex-governance/core';
import type { MetricDescription } from './metric-description.ts';
import { single } from './metric-samples.ts';

export const LIMITER_METRICS = {
  keys: {
    name: 'governance_limiter_keys',
    type: 'gauge',
    help: 'Keys (such as tenant, tool and action) that the rate limiter counts.',
    labelNames: [],
  },
  slots: {
    name: 'governance_limiter_slots',
    type: 'gauge',
    help: 'Slots of eight bytes that the counters of the rate limiter hold.',
    labelNames: [],
  },
  evictions: {
    name: 'governance_limiter_evictions_total',
    type: 'counter',
    help: 'Keys without effect that made room for others in the rate limiter.',
    labelNames: [],
  },
  refused: {
    name: 'governance_limiter_refused_total',
    type: 'counter',
    help: 'Calls that the rate limiter refused because it was full, or could not count their rule.',
    labelNames: ['reason'],
  },
  reservations: {
    name: 'governance_limiter_reservations',
    type: 'gauge',
    help: 'Admitted calls that are not settled; some may be over and not yet removed.',
    labelNames: [],
  },
  callIds: {
    name: 'governance_limiter_call_ids',
    type: 'gauge',
    help: 'Call ids that the rate limiter remembers; some may be over and not yet removed.',
    labelNames: [],
  },
  storeAvailable: {
    name: 'governance_limiter_store_available',
    type: 'gauge',
    help: '1 while the store that limits are shared through answers, 0 while a part of it does not.',
    labelNames: [],
  },
  withoutStore: {
    name: 'governance_limiter_without_store_total',
    type: 'counter',
    help: 'Calls that were answered without the shared store: as failMode says, or refused because their lease was pending.',
    labelNames: ['reason'],
  },
  retries: {
    name: 'governance_limiter_shared_retries_total',
    type: 'counter',
    help: 'Steps on shared memory that another thread was ahead of.',
    labelNames: [],
  },
} as const satisfies Record<string, MetricDescription>;

/** What limiters know of themselves; each has the members that mean something for its store. */
export interface LimiterNumbers {
  readonly slots?: number;
  readonly evictions?: number;
  readonly refusedFull?: number;
  readonly refusedInvalidRule?: number;
  readonly reservations?: number;
  readonly callIds?: number;
  readonly storeAvailable?: boolean;
  readonly takenWithoutStore?: number;
  readonly leasePending?: number;
  readonly retries?: number;
}

/** A limiter that may have more to tell than its size. */
export type MeasuredLimiter = Pick<RateLimiter, 'size'> & { readonly stats?: () => LimiterNumbers };

/** Exposes the size of the rate limiter, and of `stats()` what it has. What it has not has no samples. */
export function registerLimiterMetrics(registry: MetricsRegistry, limiter: MeasuredLimiter): void {
  const read = (): LimiterNumbers => limiter.stats?.() ?? {};
  registry.gauge(LIMITER_METRICS.keys, () => single(limiter.size()));
  registry.gauge(LIMITER_METRICS.slots, () => known(read().slots));
  registry.counter(LIMITER_METRICS.evictions, () => known(read().evictions));
  registry.counter(LIMITER_METRICS.refused, () => {
    const { refusedFull, refusedInvalidRule } = read();
    return byReason({ full: refusedFull, invalid_rule: refusedInvalidRule });
  });
  registry.gauge(LIMITER_METRICS.reservations, () => known(read().reservations));
  registry.gauge(LIMITER_METRICS.callIds, () => known(read().callIds));
  registry.gauge(LIMITER_METRICS.storeAvailable, () => known(read().storeAvailable));
  registry.counter(LIMITER_METRICS.withoutStore, () => {
    const { takenWithoutStore, leasePending } = read();
    return byReason({ unavailable: takenWithoutStore, lease_pending: leasePending });
  });
  registry.counter(LIMITER_METRICS.retries, () => known(read().retries));
}

function known(value: number | boolean | undefined): readonly MetricSample[] {
  return value === undefined ? [] : single(value);
}

function byReason(counts: Readonly<Record<string, number | undefined>>): MetricSample[] {
  return Object.entries(counts).flatMap(([reason, value]) =>
    value === undefined ? [] : [{ labels: { reason }, value }],
  );
}
