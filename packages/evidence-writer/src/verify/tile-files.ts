import { join } from 'node:path';
import { errorMessage } from '@cortex-governance/core';
import { foldHashes, HASH_BYTES } from '../merkle-hash.ts';
import { hashesAtLevel, TILE_WIDTH, type TileLevel, tilePath } from '../tile-path.ts';
import { namesInSync, readBoundedSync } from './own-file-sync.ts';

const MISSING = 'missing';
const MISMATCH = 'hash does not follow from the records';

/** A hash tile that does not hold what the records say. */
export interface TileFault {
  readonly level: number;
  /** First record below the hash. */
  readonly index: number;
  readonly path: string;
  readonly offset: number | null;
  readonly problem: string;
  /** The file has another hash than the records; else it is missing or has the wrong length. */
  readonly isMismatch: boolean;
}

/** What a tile is compared with. */
export interface ExpectedTile {
  readonly level: number;
  readonly index: number;
  /** The hashes that follow from the records, one behind the other. */
  readonly hashes: Uint8Array;
  /** Whether all records that there are were read. */
  readonly complete: boolean;
}

/** Compares every file of a hash tile, full, partial, needed or left over, with what the records say. */
export class TileFiles {
  readonly #folder: string;
  /** Records under the signed checkpoint: their tiles must be there. */
  readonly #signedSize: number;
  readonly #onFault: (fault: TileFault) => void;

  constructor(folder: string, signedSize: number, onFault: (fault: TileFault) => void) {
    this.#folder = folder;
    this.#signedSize = signedSize;
    this.#onFault = onFault;
  }

  compare(expected: ExpectedTile): void {
    const { level, index } = expected;
    const signed = hashesAtLevel(this.#signedSize, level) - index * TILE_WIDTH;
    const needed = Math.min(signed, TILE_WIDTH);
    let widest = 0;
    for (const width of tileWidthsSync(this.#folder, level, index)) {
      if (this.#compareFile(expected, width)) widest = width;
    }
    if (widest < needed) this.#report(expected, needed, 0, MISSING);
  }

  /** False when there is no such file. */
  #compareFile(expected: ExpectedTile, width: number): boolean {
    const file = join(this.#folder, tilePath(expected.level, expected.index, width));
    let bytes: Buffer | null;
    try {
      bytes = readBoundedSync(file, TILE_WIDTH * HASH_BYTES);
    } catch (error) {
      this.#report(expected, width, 0, errorMessage(error));
      return true;
    }
    if (bytes === null) return false;
    const length = width * HASH_BYTES;
    const known = Math.min(bytes.length, expected.hashes.length, length);
    const wrong = firstDifference(bytes, expected.hashes, known);
    if (wrong !== -1) {
      this.#report(expected, width, wrong, MISMATCH);
    } else if (bytes.length !== length) {
      this.#report(expected, width, known, `${bytes.length} bytes, not ${length}`);
    } else if (expected.complete && bytes.length > expected.hashes.length) {
      this.#report(expected, width, known, 'covers records that are not in the log');
    }
    return true;
  }

  #report(expected: ExpectedTile, width: number, offset: number, problem: string): void {
    const { level, index } = expected;
    const hash = index * TILE_WIDTH + Math.floor(offset / HASH_BYTES);
    this.#onFault({
      level,
      index: hash * TILE_WIDTH ** level,
      path: tilePath(level, index, width),
      offset: problem === MISSING ? null : offset,
      problem,
      isMismatch: problem === MISMATCH,
    });
  }
}

/** Widths under which this tile may be on disk: those of its partial files, then 256 for the full one. */
export function tileWidthsSync(folder: string, level: TileLevel, index: number): readonly number[] {
  const partial = namesInSync(join(folder, `${tilePath(level, index)}.p`), isPartialWidth);
  return [...partial.map(Number).sort((a, b) => a - b), TILE_WIDTH];
}

/** Whether a name is that of a partial tile: a width below that of a full one. */
export function isPartialWidth(name: string): boolean {
  return /^[1-9]\d{0,2}$/.test(name) && Number(name) < TILE_WIDTH;
}

/** Where the first hash starts that differs within `length` bytes, or -1. */
function firstDifference(bytes: Buffer, expected: Uint8Array, length: number): number {
  if (bytes.compare(expected, 0, length, 0, length) === 0) return -1;
  let at = 0;
  while (bytes[at] === expected[at]) at += 1;
  return at - (at % HASH_BYTES);
}

/** The full level-0 tile of an index; null when there is none that can be read. */
export function readFullTile(folder: string, index: number): Buffer | null {
  return readTile(folder, 0, index, TILE_WIDTH);
}

/**
 * Whether a level-0 tile is full and a level-1 tile has its root; also true where no level-1 tile says
 * anything about it.
 */
export function isRootAbove(folder: string, index: number, tile: Uint8Array): boolean {
  const at = (index % TILE_WIDTH) * HASH_BYTES;
  if (tile.length !== TILE_WIDTH * HASH_BYTES) return false;
  const root = foldHashes(tile);
  let isSilent = true;
  for (const width of tileWidthsSync(folder, 1, Math.floor(index / TILE_WIDTH))) {
    const above = readTile(folder, 1, Math.floor(index / TILE_WIDTH), width);
    if (above?.length !== width * HASH_BYTES || above.length <= at) continue;
    if (above.subarray(at, at + HASH_BYTES).equals(root)) return true;
    isSilent = false;
  }
  return isSilent;
}

/** Null when there is no such file that can be read. */
function readTile(folder: string, level: number, index: number, width: number): Buffer | null {
  try {
    return readBoundedSync(join(folder, tilePath(level, index, width)), TILE_WIDTH * HASH_BYTES);
  } catch {
    return null;
  }
}
