import { join } from 'node:path';
import { GovernanceError } from '@cortex-governance/core';
import { parseCheckpoint } from '../checkpoint.ts';
import {
  announcedRanges,
  isErased,
  RECORDS_ERASED,
  type RecordRange,
} from '../erasure-announcement.ts';
import { HASH_BYTES } from '../merkle-hash.ts';
import { parseRecord } from '../record-parser.ts';
import { type LogHead, readEntries, readLogFile } from '../tier/log-head.ts';
import { TILE_WIDTH, tilePath } from '../tile-path.ts';
import type { Archive } from './archive.ts';
import {
  archiveLogName,
  CHECKPOINTS,
  checkpointKey,
  edgeKey,
  edgePrefix,
  entriesKey,
  keysKey,
  sizeOfKey,
  tileKey,
} from './archive-keys.ts';
import { encodeLogKeys, readLogKeys } from './log-keys-file.ts';
import type { RetentionClass } from './retention.ts';

/** Levels of hash tiles that a tree of 2^53 records has. */
const MAX_LEVELS = 7;

/** One log on its way into an archive; what the archive holds is asked once, and when it seems to be gone. */
export class ArchivedLog {
  readonly #archive: Archive;
  readonly #folder: string;
  readonly #kept: RetentionClass;
  readonly #name: string;
  /** Records under the newest checkpoint in the archive. */
  #size = 0;
  /** Full bundles in the archive. */
  #bundles = 0;
  /** Keys of edges; all but the newest are outdated. */
  #edges: string[] = [];
  #keys = '';

  private constructor(archive: Archive, folder: string, kept: RetentionClass, log: string) {
    this.#archive = archive;
    this.#folder = folder;
    this.#kept = kept;
    this.#name = archiveLogName(log);
  }

  static async open(
    archive: Archive,
    folder: string,
    kept: RetentionClass,
    log: string,
  ): Promise<ArchivedLog> {
    const archived = new ArchivedLog(archive, folder, kept, log);
    for await (const { key } of archive.store.list(`${CHECKPOINTS}/${archived.#name}/`)) {
      archived.#size = Math.max(archived.#size, sizeOfKey(key) ?? 0);
    }
    archived.#bundles = Math.floor(archived.#size / TILE_WIDTH);
    for await (const { key } of archive.store.list(edgePrefix(kept, archived.#name))) {
      archived.#edges.push(key);
    }
    return archived;
  }

  get size(): number {
    return this.#size;
  }

  get bundles(): number {
    return this.#bundles;
  }

  /** Whether the newest checkpoint that was archived is still there. */
  async isThere(): Promise<boolean> {
    if (this.#size === 0) return true;
    return (await this.#archive.find(checkpointKey(this.#name, this.#size))) !== null;
  }

  /** Archives the next full bundles with the hash tiles that they complete. */
  async addBundles(count: number): Promise<void> {
    const first = this.#bundles;
    const indexes = Array.from({ length: count }, (_, i) => first + i);
    const read = await Promise.all(indexes.map((index) => this.#readBundle(index)));
    const announced = read.flatMap(({ ranges }) => ranges);
    await Promise.all(
      read.map(async ({ index, entries }) => {
        const left = entries.map((entry, i) =>
          isErased(announced, index * TILE_WIDTH + i) ? Buffer.alloc(0) : entry,
        );
        await this.#archive.putEntries(entriesKey(this.#kept, this.#name, index), left);
        await this.#putTiles(index);
      }),
    );
    this.#bundles = first + count;
    await this.#erase(announced);
  }

  /**
   * Archives a checkpoint, with the records behind its last full bundle; all full bundles must be there.
   * False when the log has gone on meanwhile.
   */
  async addHead(head: LogHead): Promise<boolean> {
    const width = head.size % TILE_WIDTH;
    const edge = edgeKey(this.#kept, this.#name, head.size);
    if (width > 0) {
      const entries = await readEntries(this.#folder, this.#bundles, width);
      if (entries === null || entries.some(({ length }) => length === 0)) return false;
      await this.#archive.putEntries(edge, entries);
      await this.#erase(this.#announcedIn(entries, this.#bundles * TILE_WIDTH));
    }
    await this.#putKeys(head.size);
    await this.#putCheckpoint(head);
    this.#size = head.size;
    // What is in a full bundle or a wider edge now; an erasure would not find it here.
    for (const key of this.#edges) {
      if (sizeOfKey(key) !== head.size) await this.#archive.store.delete(key);
    }
    this.#edges = width > 0 ? [edge, `${edge}.lz4`] : [];
    return true;
  }

  async #readBundle(
    index: number,
  ): Promise<{ index: number; entries: readonly Buffer[]; ranges: readonly RecordRange[] }> {
    const entries = (await readEntries(this.#folder, index, TILE_WIDTH)) ?? [];
    return { index, entries, ranges: this.#announcedIn(entries, index * TILE_WIDTH) };
  }

  #announcedIn(entries: readonly Buffer[], start: number): readonly RecordRange[] {
    return entries.flatMap((entry, i) => {
      if (!entry.includes(RECORDS_ERASED)) return [];
      const { record } = parseRecord(entry, start + i);
      return record === null ? [] : announcedRanges(record);
    });
  }

  /** Erases announced records from the bundles that are in the archive, whether or not they are erased in the log yet. */
  async #erase(ranges: readonly RecordRange[]): Promise<void> {
    const touched = new Set<number>();
    for (const [from, to] of ranges) {
      const end = Math.min(to, this.#bundles * TILE_WIDTH);
      for (let at = from; at < end; at = (Math.floor(at / TILE_WIDTH) + 1) * TILE_WIDTH) {
        touched.add(Math.floor(at / TILE_WIDTH));
      }
    }
    for (const index of touched) {
      const key = entriesKey(this.#kept, this.#name, index);
      await this.#archive.eraseEntries(key, index * TILE_WIDTH, ranges);
    }
  }

  async #putTiles(bundle: number): Promise<void> {
    for (let level = 0; level < MAX_LEVELS; level += 1) {
      const span = TILE_WIDTH ** level;
      if ((bundle + 1) % span !== 0) return;
      const index = (bundle + 1) / span - 1;
      const file = join(this.#folder, tilePath(level, index));
      const bytes = await readLogFile(file, TILE_WIDTH * HASH_BYTES);
      if (bytes?.length !== TILE_WIDTH * HASH_BYTES) throw corrupt(file, 'not a full tile');
      await this.#archive.put(tileKey(this.#name, level, index), bytes);
    }
  }

  async #putKeys(size: number): Promise<void> {
    const content = encodeLogKeys(await readLogKeys(this.#folder));
    if (content.toString() === this.#keys) return;
    const key = keysKey(this.#name, size);
    const existing = await this.#archive.find(key);
    if (existing === null) await this.#archive.put(key, content);
    this.#keys = content.toString();
  }

  /** A log may sign one head more than once, by a new key or with a witness: the first is kept. */
  async #putCheckpoint(head: LogHead): Promise<void> {
    const key = checkpointKey(this.#name, head.size);
    const existing = await this.#archive.find(key);
    if (existing === null) return this.#archive.put(key, head.note);
    const { size, root } = parseCheckpoint(existing.content.toString(), key);
    if (size !== head.size || Buffer.compare(root, head.root) !== 0) {
      throw corrupt(key, `the archive holds another head of ${head.size} records`);
    }
  }
}

function corrupt(file: string, problem: string): GovernanceError {
  return new GovernanceError('EVIDENCE_CORRUPT', { file, place: 'content', problem });
}
