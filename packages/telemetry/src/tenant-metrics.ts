import type { MetricSample, MetricsRegistry } from '@cortex-governance/core';
import type { MetricDescription } from './metric-description.ts';
import { single } from './metric-samples.ts';

export const TENANT_METRICS = {
  missingContext: {
    name: 'security_tenant_missing_context_total',
    type: 'counter',
    help: 'Requests and decisions that named no tenant.',
    labelNames: [],
  },
  fallbacks: {
    name: 'governance_tenant_fallbacks_total',
    type: 'counter',
    help: 'Requests given the tenant "default" for want of one, because failClosed is off.',
    labelNames: [],
  },
  keysUnavailable: {
    name: 'governance_tenant_keys_unavailable_total',
    type: 'counter',
    help: 'Tokens refused because the keys to verify them could not be had.',
    labelNames: [],
  },
  denied: {
    name: 'governance_tenant_denied_total',
    type: 'counter',
    help: 'Requests that got no tenant, by reason code.',
    labelNames: ['code'],
  },
} as const satisfies Record<string, MetricDescription>;

/** The totals that a tenant guard keeps. */
export interface TenantTotals {
  readonly missingContext: number;
  readonly fallbacks: number;
  readonly keysUnavailable: number;
  readonly denied: Readonly<Record<string, number>>;
}

/** Exposes the totals of a tenant guard. */
export function registerTenantMetrics(
  registry: MetricsRegistry,
  guard: { counters(): TenantTotals },
): void {
  registry.counter(TENANT_METRICS.missingContext, () => single(guard.counters().missingContext));
  registry.counter(TENANT_METRICS.fallbacks, () => single(guard.counters().fallbacks));
  registry.counter(TENANT_METRICS.keysUnavailable, () => single(guard.counters().keysUnavailable));
  registry.counter(TENANT_METRICS.denied, () => deniedSamples(guard.counters()));
}

function deniedSamples({ denied }: TenantTotals): MetricSample[] {
  return Object.entries(denied).map(([code, value]) => ({ labels: { code }, value }));
}
