import type { MetricDefinition, MetricSample } from '@cortex-governance/core';
import { readLabelSet } from './label-set.ts';
import type { SourceValue } from './metric-source.ts';
import type { DropReason } from './registry-metrics.ts';

/** A counter or gauge: a function that yields its samples when it is asked. */
export interface SampledMetric {
  readonly type: 'counter' | 'gauge';
  readonly definition: MetricDefinition;
  readonly read: () => Iterable<MetricSample>;
  readonly maxSeries: number;
  readonly onDrop: (reason: DropReason) => void;
}

/** The samples of now that can be exposed: the first of each label set, at most `maxSeries`. */
export function readSamples(metric: SampledMetric): SourceValue[] {
  const { type, definition, maxSeries, onDrop } = metric;
  const values: SourceValue[] = [];
  const seen = new Set<string>();
  let read = 0;
  for (const { labels, value } of metric.read()) {
    read += 1;
    // Past twice the limit the rest is not even counted, or an endless reader would never end.
    if (read > maxSeries * 2) break;
    const set = isValue(type, value) ? readLabelSet(definition.labelNames, labels) : null;
    if (set === null) onDrop('invalid');
    else if (seen.has(set.key)) onDrop('duplicate');
    else if (values.length >= maxSeries) onDrop('limit');
    else {
      seen.add(set.key);
      values.push({ labels: set.labels, value });
    }
  }
  return values;
}

function isValue(type: 'counter' | 'gauge', value: unknown): value is number {
  if (typeof value !== 'number' || Number.isNaN(value)) return false;
  return type === 'gauge' || (value >= 0 && value !== Number.POSITIVE_INFINITY);
}
