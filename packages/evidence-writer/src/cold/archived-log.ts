import { type Checkpoint, openCheckpoint } from '../checkpoint.ts';
import { corruptEvidence } from '../corrupt-evidence.ts';
import {
  announcedRanges,
  isErased,
  RECORDS_ERASED,
  type RecordRange,
} from '../erasure-announcement.ts';
import { parseRecord } from '../record-parser.ts';
import type { SignedLog } from '../tier/signed-log.ts';
import { TILE_WIDTH } from '../tile-path.ts';
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
import { nullIfCorrupt } from './null-if-corrupt.ts';
import { RETENTION_CLASSES, type RetentionClass } from './retention.ts';

/** Levels of hash tiles that a tree of 2^53 records has. */
const MAX_LEVELS = 7;

/** One log on its way into an archive; what the archive holds is asked once, and when it seems to be gone. */
export class ArchivedLog {
  readonly #archive: Archive;
  readonly #kept: RetentionClass;
  readonly #name: string;
  /** Records under the newest checkpoint in the archive. */
  #size = 0;
  /** Full bundles in the archive. */
  #bundles = 0;
  #keys = '';

  private constructor(archive: Archive, kept: RetentionClass, log: string) {
    this.#archive = archive;
    this.#kept = kept;
    this.#name = archiveLogName(log);
  }

  /** @throws {GovernanceError} EVIDENCE_CORRUPT when the archive holds more of the log than there is, or another. */
  static async open(archive: Archive, log: SignedLog, kept: RetentionClass): Promise<ArchivedLog> {
    const archived = new ArchivedLog(archive, kept, log.id);
    archived.#size = await archived.#findHead(log);
    archived.#bundles = Math.floor(archived.#size / TILE_WIDTH);
    // What was left over when a process ended between a head and this.
    if (archived.#size > 0) await archived.#dropEdges();
    return archived;
  }

  /** @throws {GovernanceError} EVIDENCE_CORRUPT when the archive holds more records than the log has. */
  assertNotAhead({ folder, head }: SignedLog): void {
    if (this.#size <= head.size) return;
    const problem = `the archive holds ${this.#size} records of this log, more than its checkpoint`;
    throw corruptEvidence(folder, `record ${head.size}`, problem);
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
  async addBundles(log: SignedLog, count: number): Promise<void> {
    const first = this.#bundles;
    const indexes = Array.from({ length: count }, (_, i) => first + i);
    const read = await Promise.all(indexes.map((index) => readBundle(log, index)));
    const announced = read.flatMap(({ ranges }) => ranges);
    await Promise.all(
      read.map(async ({ index, entries }) => {
        const start = index * TILE_WIDTH;
        await this.#archive.putEntries(entriesKey(this.#kept, this.#name, index), entries, {
          isErased: (i) => isErased(announced, start + i),
          isRight: (i, entry) => log.holds(start + i, entry),
        });
        await this.#putTiles(log, index);
      }),
    );
    this.#bundles = first + count;
    await this.#erase(announced);
  }

  /**
   * Archives a checkpoint, with the records behind its last full bundle; all full bundles must be there.
   * False when records of it are erased, which are in a full bundle by then: the log has gone on meanwhile.
   */
  async addHead(log: SignedLog): Promise<boolean> {
    const { size } = log.head;
    const width = size % TILE_WIDTH;
    const start = size - width;
    if (width > 0) {
      const entries = await log.entries(this.#bundles, width);
      if (entries.some(({ length }) => length === 0)) return false;
      await this.#archive.putEntries(edgeKey(this.#kept, this.#name, size), entries, {
        isErased: () => false,
        isRight: (i, entry) => log.holds(start + i, entry),
      });
      await this.#erase(announcedIn(entries, start));
    }
    await this.#putKeys(log);
    await this.#putCheckpoint(log);
    this.#size = size;
    await this.#dropEdges();
    return true;
  }

  /** The newest checkpoint in the archive that the log's keys signed; what they did not sign says nothing. */
  async #findHead(log: SignedLog): Promise<number> {
    const sizes = new Set<number>();
    for await (const { key } of this.#archive.store.list(`${CHECKPOINTS}/${this.#name}/`)) {
      sizes.add(sizeOfKey(key) ?? 0);
    }
    for (const size of [...sizes].sort((a, b) => b - a)) {
      const head = await this.#openHead(log, size);
      if (head === null) continue;
      this.#size = size;
      this.assertNotAhead(log);
      if (size > 0 && Buffer.compare(head.root, await log.root(size)) !== 0) {
        throw corruptEvidence(checkpointKey(this.#name, size), 'content', otherHead(size));
      }
      return size;
    }
    return 0;
  }

  /** The archived checkpoint over so many records; null when there is none that the log's keys signed. */
  async #openHead({ head, chain }: SignedLog, size: number): Promise<Checkpoint | null> {
    const key = checkpointKey(this.#name, size);
    return nullIfCorrupt(async () => {
      const found = await this.#archive.find(key);
      if (found === null) return null;
      const archived = openCheckpoint(found.content, chain, key);
      return archived.size === size && archived.origin === head.origin ? archived : null;
    });
  }

  /**
   * Deletes edges that are outdated, of every class: what is in them is in a full bundle or a wider edge, and
   * an erasure would not find it there.
   */
  async #dropEdges(): Promise<void> {
    for (const kept of RETENTION_CLASSES) {
      for await (const { key } of this.#archive.store.list(edgePrefix(kept, this.#name))) {
        const size = sizeOfKey(key);
        if (size !== null && size < this.#size) await this.#archive.store.delete(key);
      }
    }
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
      // The class may have been another when the bundle was archived.
      for (const kept of RETENTION_CLASSES) {
        const key = entriesKey(kept, this.#name, index);
        await this.#archive.eraseEntries(key, index * TILE_WIDTH, ranges);
      }
    }
  }

  async #putTiles(log: SignedLog, bundle: number): Promise<void> {
    for (let level = 0; level < MAX_LEVELS; level += 1) {
      const span = TILE_WIDTH ** level;
      if ((bundle + 1) % span !== 0) return;
      const index = (bundle + 1) / span - 1;
      await this.#archive.put(tileKey(this.#name, level, index), await log.tile(level, index));
    }
  }

  async #putKeys({ folder, head }: SignedLog): Promise<void> {
    const content = encodeLogKeys(await readLogKeys(folder));
    if (content.toString() === this.#keys) return;
    const key = keysKey(this.#name, head.size);
    const existing = await this.#archive.find(key);
    if (existing === null) await this.#archive.put(key, content);
    this.#keys = content.toString();
  }

  /** A log may sign one head more than once, by a new key or with a witness: the first is kept. */
  async #putCheckpoint(log: SignedLog): Promise<void> {
    const { size, root, note } = log.head;
    const key = checkpointKey(this.#name, size);
    if ((await this.#archive.find(key)) === null) return this.#archive.put(key, note);
    const existing = await this.#openHead(log, size);
    if (existing === null || Buffer.compare(existing.root, root) !== 0) {
      throw corruptEvidence(key, 'content', otherHead(size));
    }
  }
}

async function readBundle(
  log: SignedLog,
  index: number,
): Promise<{ index: number; entries: readonly Buffer[]; ranges: readonly RecordRange[] }> {
  const entries = await log.entries(index, TILE_WIDTH);
  return { index, entries, ranges: announcedIn(entries, index * TILE_WIDTH) };
}

function announcedIn(entries: readonly Buffer[], start: number): readonly RecordRange[] {
  return entries.flatMap((entry, i) => {
    if (!entry.includes(RECORDS_ERASED)) return [];
    const { record } = parseRecord(entry, start + i);
    return record === null ? [] : announcedRanges(record);
  });
}

function otherHead(size: number): string {
  return `the archive holds another head of ${size} records`;
}
