import { join } from 'node:path';
import { errorMessage } from '@cortex-governance/core';
import type { Checkpoint } from './checkpoint.ts';
import type { EvidenceCounts, EvidenceFault } from './evidence-report.ts';
import { type CheckScope, FaultBook } from './fault-book.ts';
import { JournalCursor } from './journal-cursor.ts';
import { CHECKPOINT_FILE, JOURNAL_FOLDER } from './log-layout.ts';
import { HASH_BYTES, leafHash } from './merkle-hash.ts';
import { RecordCounts } from './record-counts.ts';
import { findStrayFiles } from './stray-files.ts';
import { TileAudit } from './tile-audit.ts';
import { TILE_WIDTH, tilePath } from './tile-path.ts';
import { BATCH_BUNDLES, type BatchFindings } from './verify/bundle-batch.ts';
import { BundlePool } from './verify/bundle-pool.ts';
import {
  type BundleFindings,
  EntryAudit,
  type EntryFindings,
  type EntryGroup,
} from './verify/entry-audit.ts';
import { readEntries, recordBytes } from './verify/entry-file.ts';
import { ErasureLedger } from './verify/erasure-ledger.ts';
import { HeadCheck } from './verify/head-check.ts';
import { emptyGroup, TailReader } from './verify/tail-reader.ts';

/** What an audit is told. */
export interface LogAuditParts {
  readonly folder: string;
  /** The newest head; its signature was checked. */
  readonly checkpoint: Checkpoint;
  /** Heads that were kept elsewhere, and that the log must hold; their signatures were checked. */
  readonly kept: readonly Checkpoint[];
  /** Whether a process may be writing. */
  readonly live: boolean;
  /** Threads that check entry bundles beside this one; none for 0 and 1. */
  readonly threads: number;
  readonly onProgress: (records: number) => void;
}

/** What an audit found. */
export interface LogAuditResult {
  readonly records: number;
  /** Records that a head signs which the log agrees with. */
  readonly signed: number;
  readonly firstFault: EvidenceFault | null;
  readonly counts: EvidenceCounts;
  /** A record is erased that no event under the checkpoint announced. */
  readonly hasUnannounced: boolean;
}

/**
 * One pass over all records of a log, comparing everything on disk with them. Full entry bundles are
 * checked in threads; this one puts together what they find, in the order of the log. One use.
 */
export class LogAudit {
  readonly #parts: LogAuditParts;
  readonly #scope: CheckScope;
  readonly #book: FaultBook;
  readonly #heads: HeadCheck;
  readonly #tiles: TileAudit;
  readonly #journal: JournalCursor;
  readonly #counts = new RecordCounts();
  readonly #erasures = new ErasureLedger();
  #hasUnannounced = false;

  constructor(parts: LogAuditParts) {
    const { folder, checkpoint, live } = parts;
    this.#parts = parts;
    this.#scope = { folder, signedSize: checkpoint.size, live };
    this.#book = new FaultBook(this.#scope);
    this.#heads = new HeadCheck(checkpoint, parts.kept);
    this.#tiles = new TileAudit(folder, checkpoint.size, (fault) => {
      const { index, path, offset, problem } = fault;
      this.#book.add('tile', { index, file: path, offset, problem });
    });
    this.#journal = new JournalCursor(join(folder, JOURNAL_FOLDER));
  }

  async run(): Promise<LogAuditResult> {
    await this.#journal.advance();
    const complete = (await this.#readFullBundles()) && (await this.#readRest());
    this.#tiles.finish(complete);
    this.#checkJournalEnd();
    const { size } = this.#tiles;
    this.#heads.findFaults(Math.max(size, this.#scope.signedSize), this.#book);
    if (!complete) await this.#readAnnouncements();
    this.#checkErasures();
    if (complete) await this.#checkStrayFiles();
    const { isProven } = this.#heads;
    return {
      records: size,
      signed: this.#heads.signedSize(),
      firstFault: this.#book.first(isProven) ?? (isProven ? null : this.#rootFault()),
      counts: this.#counts.counts(),
      hasUnannounced: this.#hasUnannounced,
    };
  }

  /** Checks the full bundles under the checkpoint; false when one cannot be read to its end. */
  async #readFullBundles(): Promise<boolean> {
    const full = Math.floor(this.#scope.signedSize / TILE_WIDTH);
    if (full === 0) return true;
    const pool = await BundlePool.start(this.#scope, this.#parts.threads);
    const ahead: Promise<BatchFindings>[] = [];
    try {
      for (let first = 0; first < full || ahead.length > 0; ) {
        while (first < full && ahead.length < pool.ahead) {
          const found = pool.check({ first, count: Math.min(BATCH_BUNDLES, full - first) });
          // Whether it failed is asked in its turn, or no more.
          found.catch(() => {});
          ahead.push(found);
          first += BATCH_BUNDLES;
        }
        const batch = await ahead.shift();
        if (batch !== undefined && !(await this.#takeBatch(batch))) return false;
      }
      return true;
    } finally {
      await pool.close();
    }
  }

  async #takeBatch(batch: BatchFindings): Promise<boolean> {
    this.#merge(batch);
    for (const bundle of batch.bundles) {
      await this.#take(bundle);
      if (bundle.isCut) return false;
    }
    this.#parts.onProgress(this.#tiles.size);
    return true;
  }

  /** Checks the last bundle under the checkpoint, and the records that only the journal has. */
  async #readRest(): Promise<boolean> {
    const { signedSize } = this.#scope;
    const index = Math.floor(signedSize / TILE_WIDTH);
    const audit = new EntryAudit(this.#scope);
    const tail = new TailReader(this.#journal, this.#book, signedSize);
    const width = signedSize % TILE_WIDTH;
    const last = width > 0 ? audit.read(index, width) : { group: emptyGroup(index), isCut: false };
    await this.#compareWithJournal(index * TILE_WIDTH, leavesOf(last.group));
    let group = last.group;
    if (!last.isCut) group = await tail.fill(group);
    for (;;) {
      if (group.offsets.length > 0) await this.#take(audit.check(group));
      if (last.isCut || group.offsets.length < TILE_WIDTH) break;
      group = await tail.next(group.index + 1);
    }
    this.#merge(audit.findings());
    return !last.isCut;
  }

  #merge(found: EntryFindings): void {
    this.#book.addAll(found.faults);
    this.#counts.addAll(found.counts);
    this.#erasures.addErased(found.erased);
    this.#erasures.addAnnounced(found.announced);
  }

  async #take({ index, leaves }: BundleFindings): Promise<void> {
    const start = index * TILE_WIDTH;
    await this.#compareWithJournal(start, leaves);
    for (const size of this.#heads.sizesWithin(start, start + leaves.length / HASH_BYTES)) {
      const root = this.#tiles.root(leaves.subarray(0, (size - start) * HASH_BYTES));
      this.#heads.setRoot(size, root);
    }
    this.#tiles.add(leaves);
  }

  /** Moves the journal behind the bundle that starts at an index. */
  async #compareWithJournal(start: number, leaves: Uint8Array): Promise<void> {
    const end = start + leaves.length / HASH_BYTES;
    for (let next = this.#journal.current; next !== null; next = this.#journal.current) {
      const { index, record, file, offset } = next;
      if (index < start || index >= end) return;
      const at = (index - start) * HASH_BYTES;
      // By hash: of an erased record there is nothing else left to compare with.
      if (!leafHash(record).equals(leaves.subarray(at, at + HASH_BYTES))) {
        const problem = 'record differs from the one in the log';
        this.#book.add('other', { index, file, offset, problem });
      }
      const moving = this.#journal.advance();
      if (moving !== undefined) await moving;
    }
  }

  #checkJournalEnd(): void {
    const { signedSize, live } = this.#scope;
    const { fault, end, current } = this.#journal;
    if (fault !== null) {
      const { index, file, offset, problem } = fault;
      const kind = fault.torn && index >= signedSize ? 'torn_tail' : 'damaged';
      this.#book.add('other', { index, file, offset, problem, kind });
    } else if (current === null && end !== null && end < signedSize && !live) {
      const problem = 'the journal ends before the checkpoint';
      this.#book.add('other', { index: end, file: JOURNAL_FOLDER, offset: null, problem });
    }
  }

  /**
   * Behind a bundle that cannot be read to its end: what is announced there, so that a record is not
   * called erased without an announcement where another is damaged.
   */
  async #readAnnouncements(): Promise<void> {
    const { signedSize } = this.#scope;
    if (this.#erasures.firstUnannounced() === null) return;
    const from = Math.floor(this.#tiles.size / TILE_WIDTH) + 1;
    for (let index = from; index * TILE_WIDTH < signedSize; index += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      const audit = new EntryAudit(this.#scope);
      const width = Math.min(TILE_WIDTH, signedSize - index * TILE_WIDTH);
      const { group } = audit.read(index, width);
      // A size is easily written: nothing is searched that is not there.
      if (group.offsets.length === 0) return;
      audit.check(group);
      this.#erasures.addAnnounced(audit.findings().announced);
    }
  }

  /**
   * Of a damaged log only the bundle that is damaged first is asked: the damage may have taken the
   * announcement of others.
   */
  #checkErasures(): void {
    const damaged = this.#heads.isProven ? null : this.#book.firstEntry();
    if (!this.#heads.isProven && damaged === null) return;
    const from = damaged === null ? 0 : damaged - (damaged % TILE_WIDTH);
    const to = damaged === null ? Infinity : from + TILE_WIDTH;
    const index = this.#erasures.firstUnannounced(from, to);
    if (index === null) return;
    this.#hasUnannounced = true;
    const bundle = Math.floor(index / TILE_WIDTH);
    const entries = readEntries(this.#scope.folder, bundle, TILE_WIDTH);
    this.#book.add('other', {
      index,
      file: tilePath('entries', bundle),
      offset: entries?.offsets[index % TILE_WIDTH] ?? null,
      problem: 'record erased without an announcement in the log',
    });
  }

  async #checkStrayFiles(): Promise<void> {
    try {
      for await (const stray of findStrayFiles(this.#scope.folder, this.#tiles.size)) {
        const { index, path, problem } = stray;
        this.#book.add('other', { index, file: path, offset: null, problem });
      }
    } catch (error) {
      const problem = errorMessage(error);
      this.#book.add('other', { index: null, file: this.#scope.folder, offset: null, problem });
    }
  }

  #rootFault(): EvidenceFault {
    const file = join(this.#scope.folder, CHECKPOINT_FILE);
    const problem = 'the records do not have the signed root';
    return { index: null, file, offset: null, problem, kind: 'damaged' };
  }
}

function leavesOf(group: EntryGroup): Uint8Array {
  return Buffer.concat(group.offsets.map((_, i) => leafHash(recordBytes(group, i))));
}
