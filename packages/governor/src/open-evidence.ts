import { type EvidenceWriter, errorMessage } from '@cortex-governance/core';
import { createEvidenceWriter } from '@cortex-governance/evidence-writer';
import type { Opening } from './opening.ts';
import { UnavailableEvidence } from './unavailable-evidence.ts';

/**
 * The evidence log of this process. With `evidence.mode: standard` a log that cannot be opened is
 * reported and replaced by one that drops and counts.
 * @throws {GovernanceError} with `evidence.mode: strict`, see `createEvidenceWriter`.
 */
export async function openEvidence(opening: Opening): Promise<EvidenceWriter> {
  const { options, config, paths, clock, logger, cleanup } = opening;
  try {
    const evidence = await createEvidenceWriter({
      dir: paths.evidenceDir,
      name: options.name,
      nameOnConflict: 'next',
      keyFile: paths.evidenceKeyFile,
      maxQueueRecords: config.evidence.maxQueuedRecords,
      maxQueueBytes: config.evidence.maxQueuedBytes,
      whenFull: config.evidence.whenFull,
      checkpointIntervalMs: config.evidence.checkpointMs,
      clock,
      logger,
    });
    cleanup.add(() => evidence.close());
    return evidence;
  } catch (error) {
    if (config.evidence.mode === 'strict') throw error;
    const problem = errorMessage(error);
    logger.error('EVIDENCE_WRITE_FAILED', { dir: paths.evidenceDir, error });
    return new UnavailableEvidence(paths.evidenceDir, problem, config.evidence.whenFull === 'deny');
  }
}
