import type { MetricSample } from '@cortex-governance/core';

/** The one sample of a metric without labels; true and false are 1 and 0. */
export function single(value: number | boolean): readonly MetricSample[] {
  return [{ labels: {}, value: Number(value) }];
}
