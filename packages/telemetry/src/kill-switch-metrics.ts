import {
  KILL_SCOPES,
  type KillSwitch,
  type MetricSample,
  type MetricsRegistry,
} from '@cortex-governance/core';
import type { MetricDescription } from './metric-description.ts';
import { single } from './metric-samples.ts';

export const KILL_SWITCH_METRICS = {
  stops: {
    name: 'governance_kill_switch_stops',
    type: 'gauge',
    help: 'Stops in force, by scope.',
    labelNames: ['scope'],
  },
  readable: {
    name: 'governance_kill_switch_readable',
    type: 'gauge',
    help: '1 while the state of the kill switch can be read, 0 when it cannot and everything is stopped.',
    labelNames: [],
  },
  version: {
    name: 'governance_kill_switch_version',
    type: 'gauge',
    help: 'Version of the state of the kill switch; rises with every change.',
    labelNames: [],
  },
} as const satisfies Record<string, MetricDescription>;

type KillSwitchState = Pick<KillSwitch, 'status'>;

/** Exposes the state of the kill switch. Every scope has a sample, so that an alert never lacks one. */
export function registerKillSwitchMetrics(
  registry: MetricsRegistry,
  killSwitch: KillSwitchState,
): void {
  registry.gauge(KILL_SWITCH_METRICS.stops, () => stopSamples(killSwitch));
  registry.gauge(KILL_SWITCH_METRICS.readable, () => single(killSwitch.status().readable));
  registry.gauge(KILL_SWITCH_METRICS.version, () => single(killSwitch.status().version));
}

function stopSamples(killSwitch: KillSwitchState): MetricSample[] {
  const { entries } = killSwitch.status();
  return KILL_SCOPES.map((scope) => ({
    labels: { scope },
    value: entries.filter((entry) => entry.scope === scope).length,
  }));
}
