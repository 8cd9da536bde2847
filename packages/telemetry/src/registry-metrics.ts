import type { Logger, MetricSample } from '@cortex-governance/core';
import type { MetricDescription } from './metric-description.ts';

/**
 * Why a sample is not exposed: `limit` (the metric has as many series as are allowed), `duplicate`
 * (its labels were there already), `invalid` (labels that are not those of the metric, or a value
 * that its type does not have).
 */
export type DropReason = 'limit' | 'duplicate' | 'invalid';

export const REGISTRY_METRICS = {
  dropped: {
    name: 'governance_metrics_dropped_series_total',
    type: 'counter',
    help: 'Samples and observations that were left out, by metric and reason (limit, duplicate, invalid).',
    labelNames: ['metric', 'reason'],
  },
  readFailures: {
    name: 'governance_metrics_read_failures_total',
    type: 'counter',
    help: 'Scrapes from which a metric is missing because reading it failed.',
    labelNames: ['metric'],
  },
} as const satisfies Record<string, MetricDescription>;

/** What a registry left out, counted, and logged once for each metric and reason. */
export class RegistryLosses {
  readonly #logger: Logger;
  readonly #drops = new Map<string, Map<DropReason, number>>();
  readonly #failures = new Map<string, number>();
  readonly #failing = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  drop(metric: string, reason: DropReason): void {
    let reasons = this.#drops.get(metric);
    if (reasons === undefined) {
      reasons = new Map();
      this.#drops.set(metric, reasons);
    }
    const count = (reasons.get(reason) ?? 0) + 1;
    reasons.set(reason, count);
    if (count === 1) this.#logger.warn('METRIC_SAMPLES_DROPPED', { metric, reason });
  }

  fail(metric: string, error: unknown): void {
    this.#failures.set(metric, (this.#failures.get(metric) ?? 0) + 1);
    if (this.#failing.has(metric)) return;
    this.#failing.add(metric);
    this.#logger.error('METRIC_READ_FAILED', { metric, error });
  }

  /** A metric that was read: its next failure is news again. */
  succeed(metric: string): void {
    this.#failing.delete(metric);
  }

  *drops(): Generator<MetricSample> {
    for (const [metric, reasons] of this.#drops) {
      for (const [reason, value] of reasons) yield { labels: { metric, reason }, value };
    }
  }

  *failures(): Generator<MetricSample> {
    for (const [metric, value] of this.#failures) yield { labels: { metric }, value };
  }
}
