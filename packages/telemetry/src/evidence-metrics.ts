import type { EvidenceWriter, MetricSample, MetricsRegistry } from '@cortex-governance/core';
import type { MetricDescription } from './metric-description.ts';
import { single } from './metric-samples.ts';

export const EVIDENCE_METRICS = {
  healthy: {
    name: 'governance_evidence_healthy',
    type: 'gauge',
    help: '1 while evidence can be written, 0 when it cannot.',
    labelNames: [],
  },
  queueRecords: {
    name: 'governance_evidence_queue_records',
    type: 'gauge',
    help: 'Evidence records that wait to be written.',
    labelNames: [],
  },
  queueBytes: {
    name: 'governance_evidence_queue_bytes',
    type: 'gauge',
    help: 'Bytes of the evidence records that wait to be written.',
    labelNames: [],
  },
  records: {
    name: 'governance_evidence_records',
    type: 'gauge',
    help: 'Records in the evidence log.',
    labelNames: [],
  },
  checkpointed: {
    name: 'governance_evidence_checkpointed_records',
    type: 'gauge',
    help: 'Records covered by the newest signed checkpoint.',
    labelNames: [],
  },
  dropped: {
    name: 'governance_evidence_dropped_total',
    type: 'counter',
    help: 'Evidence records that were dropped, by reason.',
    labelNames: ['reason'],
  },
} as const satisfies Record<string, MetricDescription>;

type EvidenceState = Pick<EvidenceWriter, 'status'>;

/** Exposes where the evidence writer stands. */
export function registerEvidenceMetrics(registry: MetricsRegistry, evidence: EvidenceState): void {
  registry.gauge(EVIDENCE_METRICS.healthy, () => single(evidence.status().healthy));
  registry.gauge(EVIDENCE_METRICS.queueRecords, () => single(evidence.status().queuedRecords));
  registry.gauge(EVIDENCE_METRICS.queueBytes, () => single(evidence.status().queuedBytes));
  registry.gauge(EVIDENCE_METRICS.records, () => single(evidence.status().records));
  registry.gauge(EVIDENCE_METRICS.checkpointed, () => single(evidence.status().checkpointed));
  registry.counter(EVIDENCE_METRICS.dropped, () => dropSamples(evidence));
}

function dropSamples(evidence: EvidenceState): MetricSample[] {
  return Object.entries(evidence.status().drops).map(([reason, value]) => ({
    labels: { reason },
    value,
  }));
}
