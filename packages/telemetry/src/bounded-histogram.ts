import type { Histogram, MetricDefinition } from '@cortex-governance/core';
import { type LabelSet, labelKey, readLabelSet } from './label-set.ts';
import type { SourceValue } from './metric-source.ts';
import type { DropReason } from './registry-metrics.ts';

interface HistogramSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Observations in each bucket alone; the last is the one without an upper bound. */
  readonly counts: Float64Array;
  sum: number;
}

/**
 * A histogram that never holds more than `maxSeries` series. An observation that it cannot take is
 * dropped and counted; `observe` never throws, because a metric must not fail a request.
 */
export class BoundedHistogram implements Histogram {
  readonly #definition: MetricDefinition;
  readonly #buckets: readonly number[];
  readonly #maxSeries: number;
  readonly #onDrop: (reason: DropReason) => void;
  readonly #series = new Map<string, HistogramSeries>();

  constructor(
    definition: MetricDefinition,
    buckets: readonly number[],
    maxSeries: number,
    onDrop: (reason: DropReason) => void,
  ) {
    this.#definition = definition;
    this.#buckets = buckets;
    this.#maxSeries = maxSeries;
    this.#onDrop = onDrop;
  }

  observe(labels: Readonly<Record<string, string>>, value: number): void {
    const series = Number.isFinite(value) ? this.#seriesOf(labels) : 'invalid';
    if (typeof series === 'string') {
      this.#onDrop(series);
      return;
    }
    const bucket = this.#bucketOf(value);
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.sum += value;
  }

  /** The lines of every series: the buckets, each with all below it, the sum and the count. */
  values(): SourceValue[] {
    const { name } = this.#definition;
    const values: SourceValue[] = [];
    for (const { labels, counts, sum } of this.#series.values()) {
      let count = 0;
      for (const [i, own] of counts.entries()) {
        count += own;
        const bound = this.#buckets[i];
        const le = bound === undefined ? '+Inf' : String(bound);
        values.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: count });
      }
      values.push({ metricName: `${name}_sum`, labels, value: sum });
      values.push({ metricName: `${name}_count`, labels, value: count });
    }
    return values;
  }

  #seriesOf(labels: Readonly<Record<string, string>>): HistogramSeries | DropReason {
    const { labelNames } = this.#definition;
    const key = labelKey(labelNames, labels);
    if (key === null) return 'invalid';
    return this.#series.get(key) ?? this.#addSeries(readLabelSet(labelNames, labels));
  }

  #addSeries(set: LabelSet | null): HistogramSeries | DropReason {
    if (set === null) return 'invalid';
    // Labels with characters that cannot be exposed are found only in the form that can.
    const known = this.#series.get(set.key);
    if (known !== undefined) return known;
    if (this.#series.size >= this.#maxSeries) return 'limit';
    const counts = new Float64Array(this.#buckets.length + 1);
    const series = { labels: set.labels, counts, sum: 0 };
    this.#series.set(set.key, series);
    return series;
  }

  #bucketOf(value: number): number {
    let i = 0;
    while (i < this.#buckets.length && value > (this.#buckets[i] ?? 0)) i += 1;
    return i;
  }
}
