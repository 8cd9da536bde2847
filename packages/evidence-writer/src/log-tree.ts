import { dirname, join } from 'node:path';
import { formatCheckpoint } from './checkpoint.ts';
import type { CompactRange } from './compact-range.ts';
import { encodeBundle } from './entry-bundle.ts';
import type { CheckpointSigner } from './keys/checkpoint-signer.ts';
import type { LogFiles } from './log-files.ts';
import { CHECKPOINT_FILE, SCRATCH_FOLDER } from './log-layout.ts';
import { leafHash } from './merkle-hash.ts';

import { hashesAtLevel, TILE_WIDTH, type TileLevel, tilePath } from './tile-path.ts';

/** Tree levels between two tile levels: 2^8 hashes are one tile. */
const LEVELS_PER_TILE = 8;

/** Older checkpoints whose partial tiles stay, for readers that are still at them. */
const KEPT_GENERATIONS = 1;

/** Full tiles that are written side by side: enough to keep a device busy. */
const MAX_PREPARED_FILES = 8;

/** The tree's right edge, as recovery found it. */
export interface TreeEdge {
  readonly range: CompactRange;
  /** By tile level: hashes of the tile that is not full yet. */
  readonly hashes: readonly (readonly Uint8Array[])[];
  /** Records of the entry bundle that is not full yet. */
  readonly records: readonly Uint8Array[];
}

/**
 * The published form of a log: entry bundles, hash tiles and the signed checkpoint, in the layout of
 * C2SP tlog-tiles. One call at a time; the caller MUST NOT go on after a rejection.
 */
export class LogTree {
  readonly #files: LogFiles;
  readonly #folder: string;
  readonly #signer: CheckpointSigner;
  readonly #range: CompactRange;
  readonly #hashes: Uint8Array[][];
  #records: Uint8Array[];
  /** Full tiles that are not written yet. */
  readonly #prepared: { readonly path: string; readonly content: Uint8Array }[] = [];
  /** Folders that hold a new name since they were last synced. */
  readonly #unsynced = new Set<string>();
  /** Partial tiles of recent checkpoints, oldest first. */
  #generations: string[][] = [[]];
  /** Tile levels that the record appended last made full. */
  readonly #full: number[] = [];
  #checkpointed: number;

  constructor(files: LogFiles, folder: string, signer: CheckpointSigner, edge: TreeEdge) {
    this.#files = files;
    this.#folder = folder;
    this.#signer = signer;
    this.#range = edge.range;
    this.#hashes = edge.hashes.map((hashes) => [...hashes]);
    this.#records = [...edge.records];
    this.#checkpointed = edge.range.size;
  }

  /** Records under the newest signed checkpoint. */
  get checkpointed(): number {
    return this.#checkpointed;
  }

  /** Records in the tree, whether under a checkpoint or not. */
  get size(): number {
    return this.#range.size;
  }

  /** Appends records, and writes every bundle and tile that becomes full. */
  async append(records: readonly Uint8Array[]): Promise<void> {
    for (const record of records) {
      this.#records.push(record);
      this.#range.append(leafHash(record), this.#onNode);
      if (this.#full.length > 0) this.#prepareFull(this.#full.splice(0));
      if (this.#prepared.length >= MAX_PREPARED_FILES) await this.#writePrepared();
    }
    await this.#writePrepared();
  }

  /** Writes what is partial, then the signed checkpoint over everything appended. */
  async checkpoint(): Promise<void> {
    const { size } = this;
    const partial: string[] = [];
    for (const [level, hashes] of this.#hashes.entries()) {
      if (hashes.length === 0) continue;
      const path = tilePath(level, partialIndex(size, level), hashes.length);
      partial.push(path);
      // The upper levels seldom change between two checkpoints.
      if (!this.#generations.at(-1)?.includes(path)) await this.#write(path, Buffer.concat(hashes));
    }
    if (this.#records.length > 0) {
      const path = tilePath('entries', partialIndex(size, 0), this.#records.length);
      partial.push(path);
      await this.#write(path, encodeBundle(this.#records));
    }
    await this.#syncNames();
    const text = formatCheckpoint({ origin: this.#signer.name, size, root: this.#range.root() });
    const note = await this.#signer.sign(text);
    await this.#files.replaceFile(join(this.#folder, CHECKPOINT_FILE), note);
    this.#checkpointed = size;
    await this.#removeOutdated(partial);
  }

  readonly #onNode = (level: number, hash: Uint8Array): void => {
    if (level % LEVELS_PER_TILE !== 0) return;
    const tileLevel = level / LEVELS_PER_TILE;
    const hashes = this.#hashesAt(tileLevel);
    hashes.push(hash);
    if (hashes.length === TILE_WIDTH) this.#full.push(tileLevel);
  };

  #hashesAt(level: number): Uint8Array[] {
    const hashes = this.#hashes[level] ?? [];
    this.#hashes[level] = hashes;
    return hashes;
  }

  #prepareFull(levels: readonly number[]): void {
    for (const level of levels) {
      const index = hashesAtLevel(this.size, level) / TILE_WIDTH - 1;
      if (level === 0) {
        this.#prepare('entries', index, encodeBundle(this.#records));
        this.#records = [];
      }
      this.#prepare(level, index, Buffer.concat(this.#hashesAt(level)));
      this.#hashes[level] = [];
    }
  }

  /** Partial tiles of a tile that is now full stay until the checkpoint after the next is in place. */
  #prepare(level: TileLevel, index: number, content: Uint8Array): void {
    const path = tilePath(level, index);
    this.#prepared.push({ path, content });
    this.#generations.at(-1)?.push(`${path}.p`);
  }

  /** Writes full tiles side by side, and returns when none is under way, even if one fails. */
  async #writePrepared(): Promise<void> {
    const files = this.#prepared.splice(0);
    const written = await Promise.allSettled(
      files.map(({ path, content }) => this.#write(path, content)),
    );
    for (const result of written) if (result.status === 'rejected') throw result.reason;
  }

  async #write(path: string, content: Uint8Array): Promise<void> {
    const file = join(this.#folder, path);
    const folder = dirname(file);
    if (!this.#unsynced.has(folder)) await this.#files.makeFolder(folder);
    this.#unsynced.add(folder);
    await this.#files.placeFile(file, join(this.#folder, SCRATCH_FOLDER), content);
  }

  async #syncNames(): Promise<void> {
    for (const folder of this.#unsynced) await this.#files.syncFolder(folder);
    this.#unsynced.clear();
  }

  async #removeOutdated(current: string[]): Promise<void> {
    this.#generations.push(current);
    const keep = new Set(this.#generations.slice(-1 - KEPT_GENERATIONS).flat());
    while (this.#generations.length > 1 + KEPT_GENERATIONS) {
      for (const path of this.#generations.shift() ?? []) {
        if (!keep.has(path)) await this.#files.remove(join(this.#folder, path));
      }
    }
  }
}

/** Index of the tile of a level that is not full in a tree of `size` records. */
function partialIndex(size: number, level: number): number {
  return Math.floor(hashesAtLevel(size, level) / TILE_WIDTH);
}
