import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '@cortex-governance/core';
import { isMissing, readBounded } from './bounded-read.ts';
import { EMPTY_ROOT, HASH_BYTES, nodeHash } from './merkle-hash.ts';
import { hashesAtLevel, TILE_WIDTH, type TileLevel, tilePath } from './tile-path.ts';

/** Levels of nodes between two levels of tiles. */
const LEVELS_PER_TILE = 8;

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

/**
 * Computes a log's tree from its records, one tile at a time, and compares every hash tile on disk with
 * it: full, partial, needed or left over. Shares no code with the tree that the writer keeps.
 */
export class TileAudit {
  readonly #folder: string;
  /** Records under the signed checkpoint: their tiles must be there. */
  readonly #signedSize: number;
  readonly #onFault: (fault: TileFault) => void;
  /** By tile level: the hashes of the tile that is being filled. */
  readonly #open: Uint8Array[][] = [];
  #size = 0;

  constructor(folder: string, signedSize: number, onFault: (fault: TileFault) => void) {
    this.#folder = folder;
    this.#signedSize = signedSize;
    this.#onFault = onFault;
  }

  get size(): number {
    return this.#size;
  }

  async add(leaf: Uint8Array): Promise<void> {
    this.#size += 1;
    let hash = leaf;
    for (let level = 0; ; level += 1) {
      const tile = this.#tileAt(level);
      tile.push(hash);
      if (tile.length < TILE_WIDTH) return;
      await this.#check(level, tile, true);
      this.#open[level] = [];
      hash = foldTile(tile);
    }
  }

  /** The root of everything added so far. */
  root(): Uint8Array {
    let edge: Uint8Array | null = null;
    for (const tile of this.#open) {
      const nodes: Uint8Array[] = edge === null ? tile : [...tile, edge];
      if (nodes.length > 0) edge = foldTile(nodes);
    }
    return edge ?? EMPTY_ROOT;
  }

  /** Compares the tiles that did not become full. @param complete whether all records were added. */
  async finish(complete: boolean): Promise<void> {
    for (const [level, tile] of this.#open.entries()) {
      if (tile.length > 0) await this.#check(level, tile, complete);
    }
  }

  #tileAt(level: number): Uint8Array[] {
    const tile = this.#open[level] ?? [];
    this.#open[level] = tile;
    return tile;
  }

  async #check(level: number, tile: readonly Uint8Array[], complete: boolean): Promise<void> {
    const index = Math.floor((hashesAtLevel(this.#size, level) - 1) / TILE_WIDTH);
    const needed = Math.min(
      hashesAtLevel(this.#signedSize, level) - index * TILE_WIDTH,
      TILE_WIDTH,
    );
    const expected = Buffer.concat(tile);
    let widest = 0;
    for (const width of await tileWidths(this.#folder, level, index)) {
      const isThere = await this.#compare(level, index, width, expected, complete);
      if (isThere) widest = Math.max(widest, width);
    }
    if (widest < needed) this.#report(level, index, needed, 0, MISSING);
  }

  async #compare(
    level: number,
    index: number,
    width: number,
    expected: Buffer,
    complete: boolean,
  ): Promise<boolean> {
    const file = join(this.#folder, tilePath(level, index, width));
    let bytes: Buffer | null;
    try {
      bytes = await readBounded(file, TILE_WIDTH * HASH_BYTES);
    } catch (error) {
      this.#report(level, index, width, 0, errorMessage(error));
      return true;
    }
    if (bytes === null) return false;
    const known = Math.min(bytes.length, expected.length, width * HASH_BYTES);
    const wrong = firstDifference(bytes, expected, known);
    if (wrong !== -1) {
      this.#report(level, index, width, wrong, MISMATCH);
    } else if (bytes.length !== width * HASH_BYTES) {
      this.#report(level, index, width, known, `${bytes.length} bytes, not ${width * HASH_BYTES}`);
    } else if (complete && bytes.length > expected.length) {
      this.#report(level, index, width, known, 'covers records that are not in the log');
    }
    return true;
  }

  #report(level: number, index: number, width: number, offset: number, problem: string): void {
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
export async function tileWidths(
  folder: string,
  level: TileLevel,
  index: number,
): Promise<readonly number[]> {
  const partial = (await namesIn(join(folder, `${tilePath(level, index)}.p`)))
    .filter((name) => /^[1-9]\d{0,2}$/.test(name))
    .map(Number)
    .filter((width) => width < TILE_WIDTH)
    .sort((a, b) => a - b);
  return [...partial, TILE_WIDTH];
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Root of the hashes as leaves of one subtree: pairs, level by level; an odd last one is carried up. */
function foldTile(hashes: readonly Uint8Array[]): Uint8Array {
  let row = hashes;
  for (let level = 0; level < LEVELS_PER_TILE; level += 1) {
    const next: Uint8Array[] = [];
    for (let i = 0; i < row.length; i += 2) {
      const left = row[i] ?? EMPTY_ROOT;
      const right = row[i + 1];
      next.push(right === undefined ? left : nodeHash(left, right));
    }
    row = next;
  }
  return row[0] ?? EMPTY_ROOT;
}

/** Where the first hash starts that differs within `length` bytes, or -1. */
function firstDifference(bytes: Buffer, expected: Buffer, length: number): number {
  if (bytes.compare(expected, 0, length, 0, length) === 0) return -1;
  let at = 0;
  while (bytes[at] === expected[at]) at += 1;
  return at - (at % HASH_BYTES);
}
