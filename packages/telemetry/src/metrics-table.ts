import { DECISION_METRICS } from './decision-metrics.ts';
import { EVIDENCE_METRICS } from './evidence-metrics.ts';
import { EVIDENCE_TIER_METRICS } from './evidence-tier-metrics.ts';
import { KILL_SWITCH_METRICS } from './kill-switch-metrics.ts';
import { LIMITER_METRICS } from './limiter-metrics.ts';
import { LOG_METRICS } from './log-metrics.ts';
import type { MetricDescription } from './metric-description.ts';
import { POLICY_METRICS } from './policy-metrics.ts';
import { REGISTRY_METRICS } from './registry-metrics.ts';
import { REQUEST_METRICS } from './request-metrics.ts';
import { TENANT_METRICS } from './tenant-metrics.ts';

/** Every metric of this project, by family; the process metrics of prom-client are not among them. */
export const METRICS: readonly MetricDescription[] = Object.freeze([
  ...Object.values(DECISION_METRICS),
  ...Object.values(REQUEST_METRICS),
  ...Object.values(TENANT_METRICS),
  ...Object.values(POLICY_METRICS),
  ...Object.values(EVIDENCE_METRICS),
  ...Object.values(EVIDENCE_TIER_METRICS),
  ...Object.values(KILL_SWITCH_METRICS),
  ...Object.values(LIMITER_METRICS),
  ...Object.values(LOG_METRICS),
  ...Object.values(REGISTRY_METRICS),
]);
