import { join } from 'node:path';
import { EMPTY_ROOT, nodeHash } from '../merkle-hash.ts';
import { hashesAtLevel, TILE_WIDTH, tilePath } from '../tile-path.ts';
import { type LeafRange, splitPoint } from './leaf-range.ts';
import { corruptTile, readTileHashes } from './tile-file.ts';

/** Levels of nodes between two levels of tiles. */
const LEVELS_PER_TILE = 8;

/** Full tiles kept in memory, about 64 KiB each with the nodes between: those of neighbouring records. */
const MAX_CACHED_TILES = 128;

/** The hashes of a tile, and above them, level by level, the nodes that they make complete. */
type TileNodes = readonly (readonly Uint8Array[])[];

/**
 * Hashes of a tree, read from the tiles of a log and believed only where they lead to a root that was
 * signed: the partial tiles at the right edge together make the root, and every full tile makes one hash
 * of the tile above it.
 */
export class VerifiedTiles {
  readonly size: number;
  readonly #folder: string;
  /** By level: the tile that is not full, where there is one. */
  readonly #edge = new Map<number, TileNodes>();
  /** Full tiles by path, oldest first. */
  readonly #full = new Map<string, TileNodes>();

  private constructor(folder: string, size: number) {
    this.#folder = folder;
    this.size = size;
  }

  /**
   * The tiles under a tree head.
   * @throws {GovernanceError} EVIDENCE_CORRUPT when those at the right edge do not make the root.
   */
  static async open(folder: string, size: number, root: Uint8Array): Promise<VerifiedTiles> {
    const tiles = new VerifiedTiles(folder, size);
    for (let level = 0; hashesAtLevel(size, level) > 0; level += 1) {
      const hashes = hashesAtLevel(size, level);
      const width = hashes % TILE_WIDTH;
      const index = Math.floor(hashes / TILE_WIDTH);
      if (width === 0) continue;
      tiles.#edge.set(level, nodesOver(await readTileHashes(folder, level, index, width)));
    }
    const found = size === 0 ? EMPTY_ROOT : await tiles.hashOf({ start: 0, end: size });
    if (Buffer.compare(found, root) === 0) return tiles;
    throw corruptTile(folder, `the tiles of ${size} records do not make the signed root`);
  }

  /** The hash of a leaf under the tree head. */
  async leaf(index: number): Promise<Uint8Array> {
    return this.#node(0, index);
  }

  /**
   * The root of a run of leaves as RFC 6962 hashes it, at most the tree's.
   * @throws {GovernanceError} EVIDENCE_CORRUPT for a tile that does not lead to the signed root.
   */
  async hashOf({ start, end }: LeafRange): Promise<Uint8Array> {
    const leaves = end - start;
    if (leaves === 1) return this.#node(0, start);
    const half = splitPoint(leaves);
    // A run that came out of splitting a tree starts at a multiple of its length, when that is a power.
    if (half * 2 === leaves) return this.#node(Math.round(Math.log2(leaves)), start / leaves);
    const left = await this.hashOf({ start, end: start + half });
    return nodeHash(left, await this.hashOf({ start: start + half, end }));
  }

  /** The root of the complete subtree of 2^level leaves with this index at its level. */
  async #node(level: number, index: number): Promise<Uint8Array> {
    const inner = level % LEVELS_PER_TILE;
    const width = TILE_WIDTH / 2 ** inner;
    const tile = await this.#tile((level - inner) / LEVELS_PER_TILE, Math.floor(index / width));
    return tile[inner]?.[index % width] ?? EMPTY_ROOT;
  }

  async #tile(level: number, index: number): Promise<TileNodes> {
    const isFull = (index + 1) * TILE_WIDTH <= hashesAtLevel(this.size, level);
    return isFull ? this.#fullTile(level, index) : (this.#edge.get(level) ?? []);
  }

  async #fullTile(level: number, index: number): Promise<TileNodes> {
    const path = tilePath(level, index);
    const known = this.#full.get(path);
    if (known !== undefined) return known;
    const tile = nodesOver(await readTileHashes(this.#folder, level, index, TILE_WIDTH));
    const expected = await this.#node((level + 1) * LEVELS_PER_TILE, index);
    if (Buffer.compare(tile[LEVELS_PER_TILE]?.[0] ?? EMPTY_ROOT, expected) !== 0) {
      throw corruptTile(join(this.#folder, path), 'does not lead to the signed root');
    }
    this.#keep(path, tile);
    return tile;
  }

  #keep(path: string, tile: TileNodes): void {
    this.#full.set(path, tile);
    if (this.#full.size <= MAX_CACHED_TILES) return;
    const [oldest = ''] = this.#full.keys();
    this.#full.delete(oldest);
  }
}

function nodesOver(hashes: readonly Uint8Array[]): TileNodes {
  const rows = [hashes];
  for (let row = hashes; row.length > 1; ) {
    const above: Uint8Array[] = [];
    for (let i = 0; i + 1 < row.length; i += 2) {
      above.push(nodeHash(row[i] ?? EMPTY_ROOT, row[i + 1] ?? EMPTY_ROOT));
    }
    rows.push(above);
    row = above;
  }
  return rows;
}
