import { canonicalDigest, type EvidenceWriter, type GrantIndex } from '@cortex-governance/core';
import { writeBootEvidence } from '@cortex-governance/evidence-writer';
import type { Opening } from './opening.ts';
import { packageVersions } from './package-versions.ts';

/**
 * Records what starts here: `boot.json` under the policy hash, and the first event of the log.
 * @param onFailure told with `evidence.mode: standard`, when the start goes on without.
 * @throws {GovernanceError} EVIDENCE_WRITE_FAILED with `evidence.mode: strict`
 */
export async function recordBoot(
  opening: Opening,
  evidence: EvidenceWriter,
  grants: GrantIndex,
  onFailure: () => void,
): Promise<void> {
  const { config, paths, clock, logger } = opening;
  await writeBootEvidence({
    dir: paths.runtimeDir,
    policyHash: grants.current().policyHash,
    configDigest: canonicalDigest(config),
    packages: packageVersions(),
    mode: config.evidence.mode,
    writer: evidence,
    clock,
    logger,
    onFailure,
  });
}
