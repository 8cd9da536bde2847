import type { MetricDefinition } from '@cortex-governance/core';

/** What is known about a metric before anything is measured; the docs page is generated from it. */
export interface MetricDescription extends MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Upper bounds of a histogram; absent for the other types. */
  readonly buckets?: readonly number[];
}
