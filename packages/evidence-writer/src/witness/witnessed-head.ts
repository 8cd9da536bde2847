import { join } from 'node:path';
import { type Checkpoint, openCheckpoint } from '../checkpoint.ts';
import { WITNESSED_CHECKPOINT_FILE } from '../log-layout.ts';
import { readLogFile } from '../read-log-file.ts';
import { MAX_NOTE_BYTES } from '../signed-note.ts';
import type { VerifierKey } from '../verifier-key.ts';
import { type Cosignature, readCosignatures } from './cosignature.ts';

/** The newest head of a log that witnesses have cosigned. */
export interface WitnessedHead {
  readonly checkpoint: Checkpoint;
  /** Those of known witnesses that are right. */
  readonly cosignatures: readonly Cosignature[];
}

/**
 * The witnessed head in a log's folder; null when there is none. One that cannot be read counts as none
 * where nobody asks for witnesses: it is theirs, and no part of what the log's key signs for.
 * @param witnesses keys of type `cosignature`.
 * @throws {GovernanceError} EVIDENCE_CORRUPT when witnesses are asked for, and the log's key has not signed it.
 */
export async function readWitnessedHead(
  folder: string,
  logKeys: readonly VerifierKey[],
  witnesses: readonly VerifierKey[],
): Promise<WitnessedHead | null> {
  const file = join(folder, WITNESSED_CHECKPOINT_FILE);
  try {
    const note = await readLogFile(file, MAX_NOTE_BYTES);
    if (note === null) return null;
    const checkpoint = openCheckpoint(note, logKeys, file);
    return { checkpoint, cosignatures: readCosignatures(note, witnesses, file) };
  } catch (error) {
    if (witnesses.length === 0) return null;
    throw error;
  }
}
