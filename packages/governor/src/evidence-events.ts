import type { EvidenceWriter, GrantIndex, KillSwitch, Logger } from '@cortex-governance/core';

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
  const endGrants = grants.onReload((reload) => {
    if (!reload.changed && reload.ok) return;
    const { ok, policyHash, problems } = reload;
    const type = ok ? 'policy_update' : 'policy_update_failed';
    evidence.appendEvent({ type, properties: { policyHash, problems: [...problems] } });
    if (ok) logger.info('POLICY_UPDATED', { policyHash });
  });
  return () => {
    endKillSwitch();
    endGrants();
  };
}
