import type { DecisionCounters, MetricSample, MetricsRegistry } from '@cortex-governance/core';
import type { MetricDescription } from './metric-description.ts';

export const DECISION_METRICS = {
  decisions: {
    name: 'governance_decision_count',
    type: 'counter',
    help: 'Verdicts given, by effect, by the stage that answered, by reason code, and by whether shadow mode turned a denial into an allow.',
    labelNames: ['result', 'stage', 'code', 'shadowed'],
  },
} as const satisfies Record<string, MetricDescription>;

/** Exposes the engine's verdict counters. */
export function registerDecisionMetrics(
  registry: MetricsRegistry,
  counters: Pick<DecisionCounters, 'counts'>,
): void {
  registry.counter(DECISION_METRICS.decisions, () => decisionSamples(counters));
}

function* decisionSamples(counters: Pick<DecisionCounters, 'counts'>): Generator<MetricSample> {
  for (const { result, stage, code, shadowed, count } of counters.counts()) {
    yield { labels: { result, stage, code, shadowed: String(shadowed) }, value: count };
  }
}
