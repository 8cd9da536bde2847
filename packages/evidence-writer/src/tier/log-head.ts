import { join } from 'node:path';
import { type Checkpoint, parseCheckpoint } from '../checkpoint.ts';
import { CHECKPOINT_FILE } from '../log-layout.ts';
import { readLogFile } from '../read-log-file.ts';
import { MAX_NOTE_BYTES } from '../signed-note.ts';

/** A log's newest signed checkpoint, as it stands on disk. */
export interface LogHead extends Checkpoint {
  /** The exact bytes of the signed note. */
  readonly note: Buffer;
}

/**
 * The newest checkpoint of a log; null when there is none yet. Its signature is not checked here: that is
 * the job of `SignedLogs`, through which tiers open logs.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export async function readLogHead(folder: string): Promise<LogHead | null> {
  const file = join(folder, CHECKPOINT_FILE);
  const note = await readLogFile(file, MAX_NOTE_BYTES);
  if (note === null) return null;
  return { ...parseCheckpoint(note.toString(), file), note };
}
