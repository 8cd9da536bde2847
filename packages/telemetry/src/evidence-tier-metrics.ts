import type { MetricSample, MetricsRegistry } from '@cortex-governance/core';
import type { MetricDescription } from './metric-description.ts';

const MS_PER_SECOND = 1_000;

export const EVIDENCE_TIER_METRICS = {
  up: {
    name: 'governance_evidence_tier_up',
    type: 'gauge',
    help: '1 while a tier behind the evidence log (warm, cold) follows it, 0 while it cannot.',
    labelNames: ['tier'],
  },
  behindRecords: {
    name: 'governance_evidence_tier_behind_records',
    type: 'gauge',
    help: 'Records under a signed checkpoint that a tier did not hold when it last looked.',
    labelNames: ['tier'],
  },
  behindSeconds: {
    name: 'governance_evidence_tier_behind_seconds',
    type: 'gauge',
    help: 'How long a tier has not been level with the signed checkpoints.',
    labelNames: ['tier'],
  },
  records: {
    name: 'governance_evidence_tier_records_total',
    type: 'counter',
    help: 'Records that a tier took over from the log.',
    labelNames: ['tier'],
  },
  failures: {
    name: 'governance_evidence_tier_failures_total',
    type: 'counter',
    help: 'Pieces of work for a tier that failed; each is tried again.',
    labelNames: ['tier'],
  },
} as const satisfies Record<string, MetricDescription>;

/** What a tier knows of itself. */
export interface EvidenceTierNumbers {
  readonly tier: string;
  readonly healthy: boolean;
  readonly behindRecords: number;
  readonly behindMs: number;
  readonly taken: number;
  readonly failures: number;
}

/** A tier behind the evidence log. */
export interface MeasuredEvidenceTier {
  status(): EvidenceTierNumbers;
}

/** Exposes where the tiers behind the evidence log stand; without a tier there are no samples. */
export function registerEvidenceTierMetrics(
  registry: MetricsRegistry,
  tiers: readonly MeasuredEvidenceTier[],
): void {
  const each = (value: (numbers: EvidenceTierNumbers) => number) => (): MetricSample[] =>
    tiers.map((tier) => {
      const numbers = tier.status();
      return { labels: { tier: numbers.tier }, value: value(numbers) };
    });
  const { up, behindRecords, behindSeconds, records, failures } = EVIDENCE_TIER_METRICS;
  registry.gauge(
    up,
    each(({ healthy }) => Number(healthy)),
  );
  registry.gauge(
    behindRecords,
    each((numbers) => numbers.behindRecords),
  );
  registry.gauge(
    behindSeconds,
    each(({ behindMs }) => behindMs / MS_PER_SECOND),
  );
  registry.counter(
    records,
    each(({ taken }) => taken),
  );
  registry.counter(
    failures,
    each((numbers) => numbers.failures),
  );
}
