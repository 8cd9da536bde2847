import { errorMessage, GovernanceError } from '@cortex-governance/core';

/** Why a tier cannot be used now: an EVIDENCE_TIER_UNAVAILABLE, or the GovernanceError that was thrown. */
export function tierError(tier: string, thrown: unknown): GovernanceError {
  if (thrown instanceof GovernanceError) return thrown;
  const problem = errorMessage(thrown) || 'failed without saying why';
  return new GovernanceError('EVIDENCE_TIER_UNAVAILABLE', { tier, problem }, { cause: thrown });
}

/**
 * An optional peer dependency.
 * @throws {GovernanceError} EVIDENCE_TIER_UNAVAILABLE, naming the package to install.
 */
export async function loadPeer<M>(tier: string, name: string, load: () => Promise<M>): Promise<M> {
  try {
    return await load();
  } catch (cause) {
    const problem = `the package ${name} cannot be loaded; install it beside this one`;
    throw new GovernanceError('EVIDENCE_TIER_UNAVAILABLE', { tier, problem }, { cause });
  }
}
