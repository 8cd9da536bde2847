import { announcedRanges } from '../erasure-announcement.ts';
import type { EvidenceCounts } from '../evidence-report.ts';
import { type CheckScope, FaultBook, type FirstFaults } from '../fault-book.ts';
import { HASH_BYTES } from '../merkle-hash.ts';
import { RecordCounts } from '../record-counts.ts';
import { parseRecord } from '../record-parser.ts';
import { TILE_WIDTH, tilePath } from '../tile-path.ts';
import {
  type Entries,
  type EntryFile,
  findEntries,
  hasHash,
  hashInPlace,
  isEmptyRecord,
  isSameRecord,
  PREFIX_BYTES,
  readEntries,
  recordBytes,
} from './entry-file.ts';
import { append } from './erasure-ledger.ts';
import { recogniseDecision } from './record-pattern.ts';
import {
  isRootAbove,
  readFullTile,
  type TileFault,
  TileFiles,
  tileWidthsSync,
} from './tile-files.ts';

/** Up to 256 records that share an entry bundle. Hashing writes into the bytes. */
export interface EntryGroup extends Entries {
  /** Index of the entry bundle. */
  readonly index: number;
  /** The file of the bundle that the records, or the first of them, were read from; null for none. */
  readonly source: { readonly path: string; readonly width: number } | null;
  /** Whether all records that there are were read. */
  readonly complete: boolean;
  /** Where a record that stands in no bundle was read from. */
  readonly placeOf: ((i: number) => { file: string; offset: number }) | null;
}

/** What is known of one entry bundle. */
export interface BundleFindings {
  readonly index: number;
  /** Leaf hashes of the records that were read, one behind the other, in memory of their own. */
  readonly leaves: Uint8Array<ArrayBuffer>;
  /** The bundle could not be read to its end. */
  readonly isCut: boolean;
}

/** What was found in some bundles. */
export interface EntryFindings {
  readonly faults: FirstFaults;
  readonly counts: EvidenceCounts;
  /** Erased records, as ranges. */
  readonly erased: readonly number[];
  /** Records that events under the checkpoint announce as erased, as ranges. */
  readonly announced: readonly number[];
}

/**
 * Checks entry bundles one by one: every record's form and place, its hash against the level-0 tile, and
 * every other file that claims to hold the same records. Waits for nothing but the disk.
 */
export class EntryAudit {
  readonly #scope: CheckScope;
  readonly #book: FaultBook;
  readonly #tiles: TileFiles;
  readonly #counts = new RecordCounts();
  readonly #erased: number[] = [];
  readonly #announced: number[] = [];
  #group: EntryGroup | null = null;
  /** The tile has hashes of erased records, and the tile above does not have its root. */
  #isTileDoubtful = false;

  constructor(scope: CheckScope) {
    this.#scope = scope;
    this.#book = new FaultBook(scope);
    this.#tiles = new TileFiles(scope.folder, scope.signedSize, (fault) =>
      this.#onTileFault(fault),
    );
  }

  /** What was found in all bundles so far. */
  findings(): EntryFindings {
    return {
      faults: this.#book.firsts(),
      counts: this.#counts.counts(),
      erased: this.#erased,
      announced: this.#announced,
    };
  }

  /** The first `width` records of a bundle, and what is wrong with its file. */
  read(index: number, width: number): { readonly group: EntryGroup; readonly isCut: boolean } {
    const file = findEntries(this.#scope.folder, index, width);
    const isCut = file.offsets.length < width;
    if (file.problem !== null) this.#addCut(file, index, isCut);
    const extra = file.offsets[width];
    const group = {
      index,
      source: file,
      complete: !isCut,
      placeOf: null,
      bytes: file.bytes,
      offsets: extra === undefined ? file.offsets : file.offsets.slice(0, width),
      end: extra ?? file.end,
    };
    return { group, isCut };
  }

  check(group: EntryGroup, isCut = false): BundleFindings {
    this.#group = group;
    this.#isTileDoubtful = false;
    const leaves = Buffer.from(new ArrayBuffer(group.offsets.length * HASH_BYTES));
    this.#takeErased(group, leaves);
    this.#takeRecords(group, leaves);
    const { index, complete } = group;
    if (leaves.length > 0) {
      this.#tiles.compare({ level: 0, index, hashes: leaves, complete });
      this.#compareFiles(group, leaves);
    }
    return { index, leaves: new Uint8Array(leaves.buffer), isCut };
  }

  #addCut(file: EntryFile, index: number, isCut: boolean): void {
    const { path, end, problem } = file;
    this.#book.add(isCut ? 'entry' : 'other', {
      // What stands behind the last record belongs to none, and is no doubt about any.
      index: isCut ? index * TILE_WIDTH + file.offsets.length : null,
      file: path,
      offset: end,
      problem: problem ?? '',
    });
  }

  /** An erased record has no bytes left; its hash is in its tile. */
  #takeErased(group: EntryGroup, leaves: Buffer): void {
    if (!this.#isSealed(group)) return;
    const erased = group.offsets.flatMap((_, i) => (isEmptyRecord(group, i) ? [i] : []));
    const [first] = erased;
    if (first === undefined) return;
    const { index } = group;
    const tile = readFullTile(this.#scope.folder, index);
    if (tile !== null && !isRootAbove(this.#scope.folder, index, tile)) {
      this.#isTileDoubtful = true;
      const problem = 'the hashes of erased records do not lead to the one above them';
      this.#addDoubtfulHash(index, first, problem);
    }
    for (const i of erased) {
      const at = i * HASH_BYTES;
      const hash = tile?.subarray(at, at + HASH_BYTES);
      // Without it the hash stays zero, so that the records do not have the signed root.
      if (hash?.length === HASH_BYTES) leaves.set(hash, at);
      else this.#addDoubtfulHash(index, i, 'has no hash for the erased record');
      append(this.#erased, index * TILE_WIDTH + i, index * TILE_WIDTH + i + 1);
      this.#counts.addErased();
    }
  }

  #addDoubtfulHash(index: number, i: number, problem: string): void {
    const file = tilePath(0, index);
    this.#book.add('entry', {
      index: index * TILE_WIDTH + i,
      file,
      offset: i * HASH_BYTES,
      problem,
    });
  }

  /** Whether the group is a full bundle under the checkpoint: only there records are erased. */
  #isSealed(group: EntryGroup): boolean {
    return (group.index + 1) * TILE_WIDTH <= this.#scope.signedSize;
  }

  #takeRecords(group: EntryGroup, leaves: Buffer): void {
    const { index, bytes, offsets, end } = group;
    const start = index * TILE_WIDTH;
    const isSealed = this.#isSealed(group);
    const text = bytes.toString('latin1', 0, end);
    for (let i = 0; i < offsets.length; i += 1) {
      const from = (offsets[i] ?? 0) + PREFIX_BYTES;
      const to = offsets[i + 1] ?? end;
      if (from === to && isSealed) continue;
      const effect = recogniseDecision(text, from, to, start + i);
      if (effect === null) this.#parse(group, i);
      else this.#counts.addDecision(effect);
      leaves.write(hashInPlace(group, i), i * HASH_BYTES, 'latin1');
    }
  }

  #parse(group: EntryGroup, i: number): void {
    const index = group.index * TILE_WIDTH + i;
    const { record, problem } = parseRecord(recordBytes(group, i), index);
    if (record === null) {
      this.#book.add('other', { index, ...this.#placeOf(group, i), problem: `record: ${problem}` });
      return;
    }
    this.#counts.add(record);
    // What no signature covers announces nothing: anybody could have written it.
    if (index < this.#scope.signedSize) this.#announced.push(...announcedRanges(record).flat());
  }

  #placeOf(group: EntryGroup, i: number): { file: string; offset: number | null } {
    const place = group.placeOf?.(i);
    return place ?? { file: group.source?.path ?? '', offset: group.offsets[i] ?? null };
  }

  #onTileFault(fault: TileFault): void {
    const { index, path, offset, problem } = fault;
    this.#book.add('tile', { index, file: path, offset, problem });
    if (this.#group === null || !fault.isMismatch) return;
    // With hashes of erased records the tile, too, is taken for true; here the tile above speaks against it.
    if (this.#isTileDoubtful) {
      this.#book.add('entry', { index, file: path, offset, problem });
      return;
    }
    const place = this.#placeOf(this.#group, index % TILE_WIDTH);
    this.#book.add('entry', { index, ...place, problem: 'record does not have its hash' });
  }

  /** Compares every other file of the bundle with what was read. */
  #compareFiles(group: EntryGroup, leaves: Buffer): void {
    const { folder } = this.#scope;
    const count = group.offsets.length;
    for (const width of tileWidthsSync(folder, 'entries', group.index)) {
      const isSource = tilePath('entries', group.index, width) === group.source?.path;
      if (isSource && width <= count) continue;
      const file = readEntries(folder, group.index, width);
      if (file !== null) this.#compareFile(file, group, leaves);
    }
  }

  #compareFile(file: EntryFile, group: EntryGroup, leaves: Buffer): void {
    const start = group.index * TILE_WIDTH;
    const { offsets, path, end, problem } = file;
    const known = group.offsets.length;
    for (let i = 0; i < Math.min(offsets.length, known); i += 1) {
      if (isSameRecord(file, group, i) || this.#isKeptCopy(file, i, group, leaves)) continue;
      const other = `record differs from the one in ${group.source?.path ?? 'the journal'}`;
      const offset = offsets[i] ?? null;
      this.#book.add('other', { index: start + i, file: path, offset, problem: other });
      return;
    }
    if (problem !== null) {
      const index = start + offsets.length;
      this.#book.add('other', { index, file: path, offset: end, problem });
    }
    if (!group.complete || offsets.length <= known) return;
    const extra = 'holds records that are not in the log';
    this.#book.add('other', { index: start + known, file: path, offset: null, problem: extra });
  }

  /** Whether an older file still has what was erased since. */
  #isKeptCopy(file: EntryFile, i: number, group: EntryGroup, leaves: Buffer): boolean {
    if (!isEmptyRecord(group, i)) return false;
    return hasHash(file, i, leaves.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
  }
}
