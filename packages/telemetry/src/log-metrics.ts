import type { MetricsRegistry } from '@cortex-governance/core';
import type { MetricDescription } from './metric-description.ts';
import { single } from './metric-samples.ts';

export const LOG_METRICS = {
  dropped: {
    name: 'governance_log_lines_dropped_total',
    type: 'counter',
    help: 'Log lines that could not be written.',
    labelNames: [],
  },
} as const satisfies Record<string, MetricDescription>;

/** Exposes how many log lines were lost. */
export function registerLogMetrics(
  registry: MetricsRegistry,
  logger: { readonly dropped: number },
): void {
  registry.counter(LOG_METRICS.dropped, () => single(logger.dropped));
}
