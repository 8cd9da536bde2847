import type { GrantIndex, MetricsRegistry } from '@cortex-governance/core';
import type { MetricDescription } from './metric-description.ts';
import { single } from './metric-samples.ts';

export const POLICY_METRICS = {
  updateFailures: {
    name: 'governance_policy_update_failures_total',
    type: 'counter',
    help: 'Reloads of the policy that failed and left the last good policy in force.',
    labelNames: [],
  },
  info: {
    name: 'governance_policy_info',
    type: 'gauge',
    help: 'The policy in force, by its hash; always 1.',
    labelNames: ['policy_hash'],
  },
  epoch: {
    name: 'governance_policy_epoch',
    type: 'gauge',
    help: 'Number of the policy in force; rises by one with every change.',
    labelNames: [],
  },
  grants: {
    name: 'governance_policy_grants',
    type: 'gauge',
    help: 'Grants in force.',
    labelNames: [],
  },
  loaded: {
    name: 'governance_policy_loaded_timestamp_seconds',
    type: 'gauge',
    help: 'Time of the last load that succeeded, in seconds since the Unix epoch.',
    labelNames: [],
  },
  problems: {
    name: 'governance_policy_problems',
    type: 'gauge',
    help: 'Problems of the last load; 0 when it succeeded.',
    labelNames: [],
  },
} as const satisfies Record<string, MetricDescription>;

/**
 * Exposes the policy in force, and counts reloads that fail from now on.
 * @returns the function that ends the counting.
 */
export function registerPolicyMetrics(
  registry: MetricsRegistry,
  grants: Pick<GrantIndex, 'status' | 'onReload'>,
): () => void {
  let failures = 0;
  registry.counter(POLICY_METRICS.updateFailures, () => single(failures));
  registry.gauge(POLICY_METRICS.info, () => [
    { labels: { policy_hash: grants.status().policyHash }, value: 1 },
  ]);
  registry.gauge(POLICY_METRICS.epoch, () => single(grants.status().epoch));
  registry.gauge(POLICY_METRICS.grants, () => single(grants.status().grants));
  registry.gauge(POLICY_METRICS.loaded, () => single(Date.parse(grants.status().loadedAt) / 1000));
  registry.gauge(POLICY_METRICS.problems, () => single(grants.status().problems.length));
  return grants.onReload((reload) => {
    if (!reload.ok) failures += 1;
  });
}
