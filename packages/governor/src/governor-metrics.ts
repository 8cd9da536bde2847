import type {
  DecisionEngine,
  EvidenceWriter,
  GrantIndex,
  KillSwitch,
  Logger,
  MetricsRegistry,
  RateLimiter,
} from '@cortex-governance/core';
import {
  registerDecisionMetrics,
  registerEvidenceMetrics,
  registerKillSwitchMetrics,
  registerLimiterMetrics,
  registerLogMetrics,
  registerPolicyMetrics,
  registerTenantMetrics,
} from '@cortex-governance/telemetry';
import type { TenantGuard } from '@cortex-governance/tenant-guard';

/** The parts that count. */
interface CountingParts {
  readonly engine: DecisionEngine;
  readonly killSwitch: KillSwitch;
  readonly grants: GrantIndex;
  readonly tenants: TenantGuard;
  readonly evidence: EvidenceWriter;
  /** Starts that went on without boot evidence. */
  readonly bootFailures: () => number;
  readonly limiter: RateLimiter;
  readonly logger: Logger;
}

/** Exposes the numbers of a governor's parts. Returns the function that ends this. */
export function registerGovernorMetrics(
  registry: MetricsRegistry,
  parts: CountingParts,
): () => void {
  registerDecisionMetrics(registry, parts.engine.counters);
  registerKillSwitchMetrics(registry, parts.killSwitch);
  registerTenantMetrics(registry, parts.tenants);
  const endEvidence = registerEvidenceMetrics(registry, parts.evidence, parts.bootFailures);
  registerLimiterMetrics(registry, parts.limiter);
  const { logger } = parts;
  if ('dropped' in logger) registerLogMetrics(registry, logger as { readonly dropped: number });
  const endPolicy = registerPolicyMetrics(registry, parts.grants);
  return () => {
    endEvidence();
    endPolicy();
  };
}
