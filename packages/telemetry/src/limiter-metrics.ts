import type { MetricsRegistry, RateLimiter } from '@cortex-governance/core';
import type { MetricDescription } from './metric-description.ts';
import { single } from './metric-samples.ts';

export const LIMITER_METRICS = {
  keys: {
    name: 'governance_limiter_keys',
    type: 'gauge',
    help: 'Keys (tenant, tool and action) that the rate limiter counts.',
    labelNames: [],
  },
} as const satisfies Record<string, MetricDescription>;

/** Exposes the size of the rate limiter. */
export function registerLimiterMetrics(
  registry: MetricsRegistry,
  limiter: Pick<RateLimiter, 'size'>,
): void {
  registry.gauge(LIMITER_METRICS.keys, () => single(limiter.size()));
}
