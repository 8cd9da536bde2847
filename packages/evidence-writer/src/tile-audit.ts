import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './bounded-read.ts';
import { EMPTY_ROOT, foldHashes, HASH_BYTES } from './merkle-hash.ts';
import { hashesAtLevel, TILE_WIDTH, type TileLevel, tilePath } from './tile-path.ts';
import { isPartialWidth, type TileFault, TileFiles } from './verify/tile-files.ts';

/** A tile that is being filled. */
interface OpenTile {
  readonly hashes: Buffer;
  count: number;
}

/**
 * Computes the upper part of a log's tree from the leaf hashes of its entry bundles, and compares every
 * hash tile above level 0 with it. Shares no code with the tree that the writer keeps.
 */
export class TileAudit {
  readonly #files: TileFiles;
  /** By tile level, from 1 on. */
  readonly #open: OpenTile[] = [];
  /** Leaf hashes of the bundle that is not full; none may follow it. */
  #rest: Uint8Array = Buffer.alloc(0);
  #full = 0;

  constructor(folder: string, signedSize: number, onFault: (fault: TileFault) => void) {
    this.#files = new TileFiles(folder, signedSize, onFault);
  }

  /** Records added. */
  get size(): number {
    return this.#full * TILE_WIDTH + this.#rest.length / HASH_BYTES;
  }

  /** Adds the leaf hashes of the next bundle; only the last may have less than 256. */
  add(leaves: Uint8Array): void {
    this.#rest = leaves;
    if (leaves.length < TILE_WIDTH * HASH_BYTES) return;
    this.#rest = Buffer.alloc(0);
    this.#full += 1;
    let hash = foldHashes(leaves);
    for (let level = 1; ; level += 1) {
      const tile = this.#tileAt(level);
      tile.hashes.set(hash, tile.count * HASH_BYTES);
      tile.count += 1;
      if (tile.count < TILE_WIDTH) return;
      this.#compare(level, tile, true);
      hash = foldHashes(tile.hashes);
      tile.count = 0;
    }
  }

  /** The root of everything added, followed by the leaf hashes of an unfinished bundle. */
  root(leaves: Uint8Array = this.#rest): Uint8Array {
    let edge = leaves.length === 0 ? null : foldHashes(leaves);
    for (const tile of this.#open.slice(1)) {
      const nodes = tile.hashes.subarray(0, tile.count * HASH_BYTES);
      if (edge !== null) edge = foldHashes(Buffer.concat([nodes, edge]));
      else if (tile.count > 0) edge = foldHashes(nodes);
    }
    return edge ?? EMPTY_ROOT;
  }

  /** Compares the tiles that did not become full. @param complete whether all records were added. */
  finish(complete: boolean): void {
    for (const [level, tile] of this.#open.entries()) {
      if (level > 0 && tile.count > 0) this.#compare(level, tile, complete);
    }
  }

  #tileAt(level: number): OpenTile {
    for (let next = this.#open.length; next <= level; next += 1) {
      this.#open.push({ hashes: Buffer.alloc(next === 0 ? 0 : TILE_WIDTH * HASH_BYTES), count: 0 });
    }
    // The loop has just made what was not there.
    return this.#open[level] as OpenTile;
  }

  #compare(level: number, tile: OpenTile, complete: boolean): void {
    const index = Math.floor((hashesAtLevel(this.#full * TILE_WIDTH, level) - 1) / TILE_WIDTH);
    const hashes = tile.hashes.subarray(0, tile.count * HASH_BYTES);
    this.#files.compare({ level, index, hashes, complete });
  }
}

/** Widths under which a tile may be on disk: those of its partial files, then 256 for the full one. */
export async function tileWidths(
  folder: string,
  level: TileLevel,
  index: number,
): Promise<readonly number[]> {
  const names = await namesIn(join(folder, `${tilePath(level, index)}.p`));
  const partial = names.filter(isPartialWidth).map(Number);
  return [...partial.sort((a, b) => a - b), TILE_WIDTH];
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
