import { basename, dirname, join } from 'node:path';
import { errorMessage, GovernanceError } from '@cortex-governance/core';
import { readBounded } from '../bounded-read.ts';
import { type Checkpoint, parseCheckpoint } from '../checkpoint.ts';
import { decodeBundle, MAX_RECORD_BYTES } from '../entry-bundle.ts';
import { CHECKPOINT_FILE } from '../log-layout.ts';
import { MAX_NOTE_BYTES } from '../signed-note.ts';
import { TILE_WIDTH, tilePath } from '../tile-path.ts';

/** Largest entry bundle, in bytes. */
export const MAX_BUNDLE_BYTES = TILE_WIDTH * (MAX_RECORD_BYTES + 2);

/** A log's newest signed checkpoint, as it stands on disk. */
export interface LogHead extends Checkpoint {
  /** The exact bytes of the signed note. */
  readonly note: Buffer;
}

/**
 * The newest checkpoint of a log; null when there is none yet. Its signature is not checked here: that
 * is `verifyEvidence`'s job, and a tier that holds a copy proves nothing by itself.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export async function readLogHead(folder: string): Promise<LogHead | null> {
  const file = join(folder, CHECKPOINT_FILE);
  const note = await readLogFile(file, MAX_NOTE_BYTES);
  if (note === null) return null;
  return { ...parseCheckpoint(note.toString(), file), note };
}

/**
 * The first `width` entries of a bundle under a checkpoint; an erased one is empty. Null when the
 * partial bundle of this width was replaced by a wider one: the checkpoint that names it is outdated.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export async function readEntries(
  folder: string,
  index: number,
  width: number,
): Promise<readonly Buffer[] | null> {
  for (const candidate of width === TILE_WIDTH ? [width] : [width, TILE_WIDTH]) {
    const file = join(folder, tilePath('entries', index, candidate));
    const bytes = await readLogFile(file, MAX_BUNDLE_BYTES);
    if (bytes === null) continue;
    const { records, problem, end } = decodeBundle(bytes, candidate);
    if (problem !== null || records.length < candidate) {
      throw corrupt(file, `byte ${end}`, problem ?? `${records.length} records, not ${candidate}`);
    }
    return records.slice(0, width);
  }
  if (width < TILE_WIDTH) return null;
  throw corrupt(join(folder, tilePath('entries', index)), 'file', 'missing');
}

/** A file of a log, or null. @throws {GovernanceError} EVIDENCE_CORRUPT when it cannot be read. */
export async function readLogFile(file: string, maxBytes: number): Promise<Buffer | null> {
  try {
    return await readBounded(file, maxBytes);
  } catch (error) {
    throw corrupt(file, 'file', errorMessage(error));
  }
}

/** The public key file beside a log. */
export function keyFileOf(folder: string): string {
  return join(dirname(folder), `${basename(folder)}.vkey`);
}

function corrupt(file: string, place: string, problem: string): GovernanceError {
  return new GovernanceError('EVIDENCE_CORRUPT', { file, place, problem });
}
