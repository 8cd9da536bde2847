// The complete public surface of @cortex-governance/telemetry: named exports only; adding a line here is adding API.

export { registerDecisionMetrics } from './decision-metrics.ts';
export { registerEvidenceMetrics } from './evidence-metrics.ts';
export {
  EVIDENCE_TIER_METRICS,
  type EvidenceTierNumbers,
  type MeasuredEvidenceTier,
  registerEvidenceTierMetrics,
} from './evidence-tier-metrics.ts';
export { registerKillSwitchMetrics } from './kill-switch-metrics.ts';
export {
  type LimiterNumbers,
  type MeasuredLimiter,
  registerLimiterMetrics,
} from './limiter-metrics.ts';
export type { LogDestination } from './log-destination.ts';
export { registerLogMetrics } from './log-metrics.ts';
export { createLogger, type LoggerOptions, type StructuredLogger } from './logger.ts';
export type { MetricDescription } from './metric-description.ts';
export { createMetricsRegistry, type MetricsRegistryOptions } from './metrics-registry.ts';
export { METRICS } from './metrics-table.ts';
export { registerPolicyMetrics } from './policy-metrics.ts';
export {
  createRequestMetrics,
  type ObservedRequest,
  type RequestMetrics,
} from './request-metrics.ts';
export { registerTenantMetrics, type TenantTotals } from './tenant-metrics.ts';
