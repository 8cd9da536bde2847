import { join, resolve } from 'node:path';
import { GovernanceError, parseOptions } from '@cortex-governance/core';
import { z } from 'zod';
import { type Checkpoint, openCheckpoint } from '../checkpoint.ts';
import { corruptEvidence } from '../corrupt-evidence.ts';
import { CHECKPOINT_FILE } from '../log-layout.ts';
import { readLogFile } from '../read-log-file.ts';
import { MAX_NOTE_BYTES } from '../signed-note.ts';
import { consistencyRanges, inclusionRanges, type LeafRange } from './leaf-range.ts';
import { keysOfLog } from './log-keys.ts';
import { VerifiedTiles } from './verified-tiles.ts';

/** Options of {@link openLogProver}. */
export interface LogProverOptions {
  /** Public keys as C2SP `vkey` lines. @defaultValue the file beside the log */
  readonly publicKeys?: readonly string[];
}

/** Proofs about the records under one signed checkpoint, from the log's hash tiles. */
export interface LogProver {
  /** The tree head that was signed. */
  readonly checkpoint: Checkpoint;
  /** The checkpoint as it stands in the log: a signed note. */
  readonly note: string;
  /** Hash of the record at an index; also of one whose body was erased. */
  leafHash(index: number): Promise<Uint8Array>;
  /** Root of the log's first `size` records. */
  root(size: number): Promise<Uint8Array>;
  /**
   * Hashes that lead from a record to the root of the first `size` records (RFC 6962 section 2.1.1).
   * @param size at most the checkpoint's, and more than the index. @defaultValue the checkpoint's
   */
  inclusionProof(index: number, size?: number): Promise<readonly Uint8Array[]>;
  /**
   * Hashes that show that a tree continues an older one (RFC 6962 section 2.1.2). Every tree continues
   * the empty one, which takes no proof and is refused here.
   * @param newSize at most the checkpoint's. @defaultValue the checkpoint's
   */
  consistencyProof(oldSize: number, newSize?: number): Promise<readonly Uint8Array[]>;
}

const proverOptions = z.strictObject({ publicKeys: z.array(z.string()).min(1).optional() });

/**
 * Opens a log to prove what is in it; works while it is written. Every hash that goes into a proof was
 * found to lead to the signed root.
 * @param dir the log's folder, such as `<dir>/default`.
 * @throws {GovernanceError} OPTIONS_INVALID; EVIDENCE_KEY_INVALID for keys; EVIDENCE_CORRUPT for a
 * checkpoint or tile that is missing, not signed by a known key, or does not lead to the root. What the
 * prover returns rejects likewise, and with OPTIONS_INVALID for an index or size that is not in the tree.
 */
export async function openLogProver(
  dir: string,
  options: LogProverOptions = {},
): Promise<LogProver> {
  const { publicKeys } = parseOptions(proverOptions, options, 'openLogProver(dir, options)');
  const folder = resolve(dir);
  const keys = await keysOfLog(folder, publicKeys);
  const note = await readCheckpointNote(folder);
  const checkpoint = openCheckpoint(note, keys, join(folder, CHECKPOINT_FILE));
  const tiles = await VerifiedTiles.open(folder, checkpoint.size, checkpoint.root);
  return new TileProver(tiles, checkpoint, note.toString());
}

/** Proofs from tiles. */
class TileProver implements LogProver {
  readonly checkpoint: Checkpoint;
  readonly note: string;
  readonly #tiles: VerifiedTiles;

  constructor(tiles: VerifiedTiles, checkpoint: Checkpoint, note: string) {
    this.#tiles = tiles;
    this.checkpoint = checkpoint;
    this.note = note;
  }

  async leafHash(index: number): Promise<Uint8Array> {
    requireWithin('index', index, 0, this.checkpoint.size - 1);
    return this.#tiles.leaf(index);
  }

  async root(size: number): Promise<Uint8Array> {
    requireWithin('size', size, 1, this.checkpoint.size);
    return this.#tiles.hashOf({ start: 0, end: size });
  }

  async inclusionProof(
    index: number,
    size: number = this.checkpoint.size,
  ): Promise<readonly Uint8Array[]> {
    requireWithin('size', size, 0, this.checkpoint.size);
    requireWithin('index', index, 0, size - 1);
    return this.#hashesOf(inclusionRanges(index, size));
  }

  async consistencyProof(
    oldSize: number,
    newSize: number = this.checkpoint.size,
  ): Promise<readonly Uint8Array[]> {
    requireWithin('newSize', newSize, 1, this.checkpoint.size);
    requireWithin('oldSize', oldSize, 1, newSize);
    return this.#hashesOf(consistencyRanges(oldSize, newSize));
  }

  async #hashesOf(ranges: readonly LeafRange[]): Promise<readonly Uint8Array[]> {
    const hashes: Uint8Array[] = [];
    for (const range of ranges) hashes.push(await this.#tiles.hashOf(range));
    return hashes;
  }
}

async function readCheckpointNote(folder: string): Promise<Buffer> {
  const file = join(folder, CHECKPOINT_FILE);
  const note = await readLogFile(file, MAX_NOTE_BYTES);
  if (note === null) throw corruptEvidence(file, 'file', 'missing');
  return note;
}

function requireWithin(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const problem = `${String(value)} is not from ${least} to ${most}`;
  throw new GovernanceError('OPTIONS_INVALID', { where: `LogProver.${name}`, problem });
}
