import type { EvidenceWriter, GrantIndex, KillSwitch, Logger } from '@cortex-governance/core';

/** Stops named in one record; more would not fit. Their number is always recorded. */
const MAX_RECORDED_STOPS = 16;

/**
 * Records every change of the kill switch and of the grants as evidence, and logs it.
 * Returns the function that ends this.
 */
export function recordChanges(
  killSwitch: KillSwitch,
  grants: GrantIndex,
  evidence: EvidenceWriter,
  logger: Logger,
): () => void {
  const endKillSwitch = killSwitch.onChange((change) => {
    const properties = { ...change, target: change.target === null ? null : { ...change.target } };
    evidence.appendEvent({ type: 'kill_switch', properties });
    logger.warn('KILL_SWITCH_CHANGED', properties);
  });
  const endGrants = grants.onReload(({ ok, changed, policyHash, problems }) => {
    const type = ok ? 'policy_update' : 'policy_update_failed';
    evidence.appendEvent({ type, properties: { changed, policyHash, problems: [...problems] } });
  });
  return () => {
    endKillSwitch();
    endGrants();
  };
}

/** Records the stops that a process starts under; a change before the log was open left no record of its own. */
export function recordStopsInForce(killSwitch: KillSwitch, evidence: EvidenceWriter): void {
  const { readable, problem, entries } = killSwitch.status();
  if (readable && entries.length === 0) return;
  const stops = entries
    .slice(0, MAX_RECORDED_STOPS)
    .map(({ actor: _, reason: __, ...stop }) => stop);
  const properties = { readable, problem, count: entries.length, stops };
  evidence.appendEvent({ type: 'kill_switch_in_force', properties });
}
