import type { EvidenceWriter, MetricSample, MetricsRegistry } from '@cortex-governance/core';
import type { MetricDescription } from './metric-description.ts';
import { single } from './metric-samples.ts';

const MS_PER_SECOND = 1000;

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
  queueAge: {
    name: 'governance_evidence_queue_age_seconds',
    type: 'gauge',
    help: 'Age of the oldest evidence record that waits to be written, in seconds.',
    labelNames: [],
  },
  checkpointLag: {
    name: 'governance_evidence_checkpoint_lag_seconds',
    type: 'gauge',
    help: 'How long the oldest record on disk has waited for a signed checkpoint, in seconds.',
    labelNames: [],
  },
  batch: {
    name: 'governance_evidence_batch_records',
    type: 'histogram',
    help: 'Records that were written and synced together.',
    labelNames: [],
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
  },
  sync: {
    name: 'governance_evidence_sync_duration_seconds',
    type: 'histogram',
    help: 'Time that the device took to sync a batch, in seconds.',
    labelNames: [],
    // From a cached NVMe drive to a network disk in trouble.
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
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
  bootFailures: {
    name: 'governance_evidence_boot_failures_total',
    type: 'counter',
    help: 'Starts of this process whose boot evidence could not be written, with evidence.mode standard.',
    labelNames: [],
  },
  dropped: {
    name: 'governance_evidence_dropped_total',
    type: 'counter',
    help: 'Evidence records that were dropped, by reason.',
    labelNames: ['reason'],
  },
} as const satisfies Record<string, MetricDescription>;

type EvidenceState = Pick<EvidenceWriter, 'status' | 'onGroup'>;

/**
 * Exposes where the evidence writer stands. Returns the function that ends the observing.
 * @param bootFailures starts that went on without boot evidence; none when left out.
 */
export function registerEvidenceMetrics(
  registry: MetricsRegistry,
  evidence: EvidenceState,
  bootFailures: () => number = () => 0,
): () => void {
  registry.gauge(EVIDENCE_METRICS.healthy, () => single(evidence.status().healthy));
  registry.gauge(EVIDENCE_METRICS.queueRecords, () => single(evidence.status().queuedRecords));
  registry.gauge(EVIDENCE_METRICS.queueBytes, () => single(evidence.status().queuedBytes));
  registry.gauge(EVIDENCE_METRICS.records, () => single(evidence.status().records));
  registry.gauge(EVIDENCE_METRICS.checkpointed, () => single(evidence.status().checkpointed));
  registry.gauge(EVIDENCE_METRICS.queueAge, () =>
    single(evidence.status().oldestQueuedMs / MS_PER_SECOND),
  );
  registry.gauge(EVIDENCE_METRICS.checkpointLag, () =>
    single(evidence.status().uncheckpointedMs / MS_PER_SECOND),
  );
  registry.counter(EVIDENCE_METRICS.bootFailures, () => single(bootFailures()));
  registry.counter(EVIDENCE_METRICS.dropped, () => dropSamples(evidence));
  const { batch, sync } = EVIDENCE_METRICS;
  const batches = registry.histogram(batch, batch.buckets);
  const syncs = registry.histogram(sync, sync.buckets);
  return evidence.onGroup(({ records, syncMs }) => {
    batches.observe({}, records);
    syncs.observe({}, syncMs / MS_PER_SECOND);
  });
}

function dropSamples(evidence: EvidenceState): MetricSample[] {
  return Object.entries(evidence.status().drops).map(([reason, value]) => ({
    labels: { reason },
    value,
  }));
}
