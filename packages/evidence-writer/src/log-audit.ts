import { join } from 'node:path';
import { errorMessage } from '@cortex-governance/core';
import { type FoundBundle, readBundle, readBundleFile } from './bundle-reader.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { EvidenceCounts, EvidenceFault } from './evidence-report.ts';
import { FaultBook, type FaultClass } from './fault-book.ts';
import { JournalCursor } from './journal-cursor.ts';
import { CHECKPOINT_FILE, JOURNAL_FOLDER } from './log-layout.ts';
import { leafHash } from './merkle-hash.ts';
import { RecordCounts } from './record-counts.ts';
import { parseRecord } from './record-parser.ts';
import { findStrayFiles } from './stray-files.ts';
import { TileAudit, type TileFault, tileWidths } from './tile-audit.ts';
import { TILE_WIDTH } from './tile-path.ts';

/** Records between two reports of progress. */
const PROGRESS_RECORDS = 4096;

/** What an audit is told. */
export interface LogAuditParts {
  readonly folder: string;
  /** The newest head; its signature was checked. */
  readonly checkpoint: Checkpoint;
  /** An older head that the log must continue; null when none is known. */
  readonly older: Checkpoint | null;
  /** Whether a process may be writing. */
  readonly live: boolean;
  readonly onProgress: (records: number) => void;
}

/** What an audit found. */
export interface LogAuditResult {
  readonly records: number;
  readonly firstFault: EvidenceFault | null;
  readonly counts: EvidenceCounts;
}

/** One pass over all records of a log, comparing everything on disk with them. One use. */
export class LogAudit {
  readonly #parts: LogAuditParts;
  readonly #book: FaultBook;
  readonly #tiles: TileAudit;
  readonly #journal: JournalCursor;
  readonly #counts = new RecordCounts();
  /** Records of the entry bundle that is being read, and where they were read from. */
  #bundle: Buffer[] = [];
  #source = '';
  #proven: boolean;

  constructor(parts: LogAuditParts) {
    const { folder, checkpoint, live } = parts;
    this.#parts = parts;
    this.#book = new FaultBook(
      (fault) => live && fault.index !== null && fault.index >= checkpoint.size,
    );
    this.#tiles = new TileAudit(folder, checkpoint.size, (fault) => this.#onTileFault(fault));
    this.#journal = new JournalCursor(join(folder, JOURNAL_FOLDER));
    this.#proven = checkpoint.size === 0 && isEqual(this.#tiles.root(), checkpoint.root);
  }

  async run(): Promise<LogAuditResult> {
    await this.#journal.advance();
    const complete = await this.#readBundles();
    if (complete) await this.#readTail();
    await this.#tiles.finish(complete);
    await this.#compareBundleFiles(complete);
    this.#checkJournalEnd();
    this.#checkOlder();
    if (complete) await this.#checkStrayFiles();
    return {
      records: this.#tiles.size,
      firstFault: this.#book.first(this.#proven) ?? (this.#proven ? null : this.#rootFault()),
      counts: this.#counts.counts(),
    };
  }

  /** Reads the records under the checkpoint; false when one cannot be read. */
  async #readBundles(): Promise<boolean> {
    const { folder, checkpoint } = this.#parts;
    for (let start = 0; start < checkpoint.size; start += TILE_WIDTH) {
      const width = Math.min(checkpoint.size - start, TILE_WIDTH);
      const bundle = await readBundle(folder, start / TILE_WIDTH, width);
      this.#source = bundle.path;
      for (const [i, record] of bundle.records.slice(0, width).entries()) {
        await this.#compareWithJournal(record, start + i);
        await this.#take(record, bundle.path, bundle.offsets[i] ?? null);
      }
      if (bundle.problem !== null) {
        const isCut = bundle.records.length < width;
        // What stands behind the last record belongs to none, and is no doubt about any.
        const index = isCut ? start + bundle.records.length : null;
        this.#addFault(isCut ? 'entry' : 'other', index, bundle.path, bundle.end, bundle.problem);
        if (isCut) return false;
      }
    }
    return true;
  }

  /** Reads the records that only the journal has. */
  async #readTail(): Promise<void> {
    const { size } = this.#parts.checkpoint;
    const { start } = this.#journal;
    if (start !== null && start > size) {
      this.#addFault(
        'other',
        size,
        JOURNAL_FOLDER,
        null,
        `records ${size} to ${start - 1} are missing`,
      );
      return;
    }
    for (let next = this.#journal.current; next !== null; next = this.#journal.current) {
      await this.#take(next.record, next.file, next.offset);
      await this.#journal.advance();
    }
  }

  async #compareWithJournal(record: Buffer, index: number): Promise<void> {
    const journaled = this.#journal.current;
    if (journaled === null || journaled.index !== index) return;
    if (!journaled.record.equals(record)) {
      const problem = 'record differs from the one in the log';
      this.#addFault('other', index, journaled.file, journaled.offset, problem);
    }
    await this.#journal.advance();
  }

  async #take(record: Buffer, file: string, offset: number | null): Promise<void> {
    const index = this.#tiles.size;
    const parsed = parseRecord(record, index);
    if (parsed.problem === null) this.#counts.add(parsed.record);
    else this.#addFault('other', index, file, offset, `record: ${parsed.problem}`);
    this.#bundle.push(record);
    await this.#tiles.add(leafHash(record));
    this.#checkHeads();
    if (this.#bundle.length === TILE_WIDTH) {
      await this.#compareBundleFiles(true);
      this.#bundle = [];
    }
    if (this.#tiles.size % PROGRESS_RECORDS === 0) this.#parts.onProgress(this.#tiles.size);
  }

  #checkHeads(): void {
    const { checkpoint, older } = this.#parts;
    const { size } = this.#tiles;
    if (size === checkpoint.size) this.#proven = isEqual(this.#tiles.root(), checkpoint.root);
    if (older !== null && size === older.size && !isEqual(this.#tiles.root(), older.root)) {
      const problem = `the first ${size} records are not those of the older checkpoint`;
      this.#addFault('other', null, CHECKPOINT_FILE, null, problem);
    }
  }

  #onTileFault(fault: TileFault): void {
    this.#addFault('tile', fault.index, fault.path, fault.offset, fault.problem);
    if (fault.level !== 0 || !fault.isMismatch) return;
    const before = this.#bundle.slice(0, fault.index % TILE_WIDTH);
    const offset = before.reduce((sum, record) => sum + 2 + record.length, 0);
    this.#addFault('entry', fault.index, this.#source, offset, 'record does not have its hash');
  }

  /** Compares every other file of the current entry bundle with what was read. */
  async #compareBundleFiles(complete: boolean): Promise<void> {
    const { folder } = this.#parts;
    if (this.#bundle.length === 0) return;
    const index = Math.floor((this.#tiles.size - 1) / TILE_WIDTH);
    for (const width of await tileWidths(folder, 'entries', index)) {
      const found = await readBundleFile(folder, index, width);
      if (found === null || (found.path === this.#source && width <= this.#bundle.length)) continue;
      this.#compareBundle(found, index * TILE_WIDTH, complete);
    }
  }

  #compareBundle(found: FoundBundle, start: number, complete: boolean): void {
    const { records, offsets, path, end, problem } = found;
    for (const [i, record] of records.entries()) {
      const known = this.#bundle[i];
      if (known !== undefined && !known.equals(record)) {
        const other = `record differs from the one in ${this.#source}`;
        this.#addFault('other', start + i, path, offsets[i] ?? null, other);
        return;
      }
    }
    if (problem !== null) this.#addFault('other', start + records.length, path, end, problem);
    if (!complete || records.length <= this.#bundle.length) return;
    const extra = start + this.#bundle.length;
    this.#addFault('other', extra, path, null, 'holds records that are not in the log');
  }

  #checkJournalEnd(): void {
    const { size } = this.#parts.checkpoint;
    const { fault, end } = this.#journal;
    if (fault !== null) {
      const isTorn = fault.torn && fault.index >= size;
      this.#addFault('other', fault.index, fault.file, fault.offset, fault.problem, isTorn);
    } else if (this.#journal.current === null && end !== null && end < size && !this.#parts.live) {
      this.#addFault('other', end, JOURNAL_FOLDER, null, 'the journal ends before the checkpoint');
    }
  }

  #checkOlder(): void {
    const { older, checkpoint } = this.#parts;
    if (older === null || older.size <= checkpoint.size) return;
    const problem = `cut back to ${checkpoint.size} records; the older checkpoint has ${older.size}`;
    this.#addFault('other', checkpoint.size, CHECKPOINT_FILE, null, problem);
  }

  async #checkStrayFiles(): Promise<void> {
    try {
      for await (const stray of findStrayFiles(this.#parts.folder, this.#tiles.size)) {
        this.#addFault('other', stray.index, stray.path, null, stray.problem);
      }
    } catch (error) {
      this.#addFault('other', null, '', null, errorMessage(error));
    }
  }

  #rootFault(): EvidenceFault {
    const file = join(this.#parts.folder, CHECKPOINT_FILE);
    const problem = 'the records do not have the signed root';
    return { index: null, file, offset: null, problem, kind: 'damaged' };
  }

  /** @param file below the log's folder, or absolute. */
  #addFault(
    faultClass: FaultClass,
    index: number | null,
    file: string,
    offset: number | null,
    problem: string,
    isTorn = false,
  ): void {
    const { folder } = this.#parts;
    this.#book.add(faultClass, {
      index,
      file: file.startsWith(folder) ? file : join(folder, file),
      offset,
      problem,
      kind: isTorn ? 'torn_tail' : 'damaged',
    });
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
