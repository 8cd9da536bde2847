import { type EvidenceWriter, errorMessage, type Logger } from '@cortex-governance/core';
import {
  createEvidenceWriter,
  createWitnessFollower,
  type EvidenceLog,
  type EvidenceWriterOptions,
  environmentSigningKey,
} from '@cortex-governance/evidence-writer';
import { keepRetention } from './evidence-retention.ts';
import type { GovernanceConfig } from './governance-config.ts';
import type { Opening } from './opening.ts';
import { UnavailableEvidence } from './unavailable-evidence.ts';

/**
 * The evidence log of this process. With `evidence.mode: standard` a log that cannot be opened is
 * reported and replaced by one that drops and counts.
 * @throws {GovernanceError} with `evidence.mode: strict`, see `createEvidenceWriter`.
 */
export async function openEvidence(opening: Opening): Promise<EvidenceWriter> {
  const { config, paths, clock, logger, cleanup } = opening;
  let evidence: EvidenceLog;
  try {
    evidence = await openLog(opening);
  } catch (error) {
    if (config.evidence.mode === 'strict') throw error;
    const problem = errorMessage(error);
    logger.error('EVIDENCE_WRITE_FAILED', { dir: paths.evidenceDir, error });
    return new UnavailableEvidence(paths.evidenceDir, problem, config.evidence.whenFull === 'deny');
  }
  cleanup.add(() => evidence.close());
  const { retention, witnesses } = config.evidence;
  if (retention !== undefined)
    cleanup.add(keepRetention({ evidence, ...retention, clock, logger }));
  if (witnesses !== undefined) cleanup.add(followWitnesses(evidence, witnesses, logger));
  return evidence;
}

function openLog(opening: Opening): Promise<EvidenceLog> {
  const { options, config, paths, clock, logger } = opening;
  const { group, ...evidence } = config.evidence;
  return createEvidenceWriter({
    dir: paths.evidenceDir,
    name: options.name,
    nameOnConflict: 'next',
    originPrefix: evidence.originPrefix,
    ...signingKeyOf(opening),
    maxQueueRecords: evidence.maxQueuedRecords,
    maxQueueBytes: evidence.maxQueuedBytes,
    whenFull: evidence.whenFull,
    checkpointIntervalMs: evidence.checkpointMs,
    groupRecords: group.records,
    groupMaxAgeMs: group.maxAgeMs,
    groupIdleMs: group.idleMs,
    mask: evidence.mask,
    clock,
    logger,
  });
}

/** Shows the log's checkpoints to its witnesses. Returns the function that ends this. */
function followWitnesses(
  evidence: EvidenceLog,
  { of, ...options }: NonNullable<GovernanceConfig['evidence']['witnesses']>,
  logger: Logger,
): () => Promise<void> {
  const { dir } = evidence.status();
  const follower = createWitnessFollower({ dir, witnesses: of, ...options, logger });
  return () => follower.close();
}

/** The key of the host, of the environment, or of the file, in this order. */
function signingKeyOf({
  options,
  config,
  paths,
}: Opening): Pick<EvidenceWriterOptions, 'key' | 'keyFile'> {
  if (options.evidenceKey !== undefined) return { key: options.evidenceKey };
  const { keyEnv } = config.evidence;
  return keyEnv === undefined
    ? { keyFile: paths.evidenceKeyFile }
    : { key: environmentSigningKey(keyEnv) };
}
