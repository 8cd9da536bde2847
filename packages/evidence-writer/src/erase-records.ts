import { dirname, join } from 'node:path';
import {
  type Clock,
  EVIDENCE_DROPPED,
  errorMessage,
  GovernanceError,
  parseOptions,
} from '@cortex-governance/core';
import { z } from 'zod';
import { readRecords } from './bundle-reader.ts';
import { openCheckpoint } from './checkpoint.ts';
import { corruptEvidence } from './corrupt-evidence.ts';
import { encodeBundle } from './entry-bundle.ts';
import { RECORDS_ERASED } from './erasure-announcement.ts';
import type { EvidenceRecord } from './evidence-record.ts';
import type { LogFiles } from './log-files.ts';
import { CHECKPOINT_FILE, SCRATCH_FOLDER } from './log-layout.ts';
import type { LogWriter } from './log-writer.ts';
import { leafHash } from './merkle-hash.ts';
import { VerifiedTiles } from './proof/verified-tiles.ts';
import { readLogFile } from './read-log-file.ts';
import { matchesFilter, type RecordFilter, recordMs } from './record-filter.ts';
import { parseRecord } from './record-parser.ts';
import { MAX_NOTE_BYTES } from './signed-note.ts';
import { TILE_WIDTH, tilePath } from './tile-path.ts';
import type { VerifierKey } from './verifier-key.ts';

/** Most ranges that one event announces; as many as fit into a record. */
const MAX_RANGES = 1_000;

/**
 * Bundles without an old enough decision after which a search by time alone ends: the log is in the order of
 * time, but for steps of the clock.
 */
const MAX_NEWER = 16;

const selection = z
  .strictObject({
    before: z.int().min(0).optional(),
    tenant: z.string().min(1).optional(),
    subject: z.string().min(1).optional(),
    session: z.string().min(1).optional(),
  })
  .refine((parts) => Object.values(parts).some((part) => part !== undefined), 'selects everything');

const erasureOptions = z.strictObject({
  select: selection,
  by: z.string().min(1).max(256),
  reason: z.string().min(1).max(1024),
});

/** Which decisions are erased: those that fit every member given; at least one must be. */
export interface ErasureSelection {
  /** Decided before this time, in milliseconds since the Unix epoch; by the time in the record's id. One without a time never is. */
  readonly before?: number | undefined;
  readonly tenant?: string | undefined;
  /** Id of the subject. */
  readonly subject?: string | undefined;
  readonly session?: string | undefined;
}

/** What is erased, by whom and why. */
export interface ErasureOrder {
  readonly select: ErasureSelection;
  /** Both are recorded in the log, for good: no personal data here. */
  readonly by: string;
  readonly reason: string;
}

/** What was erased. */
export interface Erasure {
  readonly records: number;
  /** Decisions that fit and are too new: they stand in a bundle that is not full yet. */
  readonly tooNew: number;
}

/** A log that is open for erasing. */
export interface EraserParts {
  readonly folder: string;
  readonly files: LogFiles;
  /** The log's key. */
  readonly verifier: VerifierKey;
  readonly clock: Clock;
}

/** A run of records, from the first to the one after the last. */
type Range = readonly [from: number, to: number];

/**
 * Erases decisions from a log: their content goes, their leaf hashes stay, so that every proof and every
 * checkpoint remains valid. What is about to be erased is first announced in the log, under a signed
 * checkpoint; the verifier takes an erased record without announcement for damage. Only records in full
 * bundles of 256 can be erased; erasing again after a failure finishes what was announced.
 */
export class RecordEraser {
  readonly #writer: LogWriter;
  readonly #parts: EraserParts;
  readonly #folder: string;
  #running: Promise<unknown> = Promise.resolve();

  constructor(writer: LogWriter, parts: EraserParts) {
    this.#writer = writer;
    this.#parts = parts;
    this.#folder = parts.folder;
  }

  /**
   * One erasure at a time; further ones wait.
   * @throws {GovernanceError} OPTIONS_INVALID, EVIDENCE_CORRUPT, EVIDENCE_WRITE_FAILED.
   */
  async erase(order: ErasureOrder): Promise<Erasure> {
    const checked = parseOptions(erasureOptions, order, 'erase(order)');
    const turn = this.#running.then(() => this.#erase(checked));
    this.#running = turn.catch(() => {});
    // What it rewrites, another writer must not rewrite at the same time.
    this.#writer.keepFor(turn);
    return turn.catch((error: unknown) => {
      throw error instanceof GovernanceError
        ? error
        : failed(this.#folder, errorMessage(error), error);
    });
  }

  async #erase({ select, by, reason }: z.output<typeof erasureOptions>): Promise<Erasure> {
    await this.#writer.flush();
    // Only what leads to the signed root may be erased: else whoever can change the disk could have a record
    // erased, and its change with it, by making it look like one that is selected.
    const tiles = await this.#openTiles();
    const { size } = tiles;
    // The journal holds the newest of these records once more: its files up to here go with the checkpoint
    // over the announcement, which comes after.
    await this.#writer.sealJournal();
    const sealed = Math.floor(size / TILE_WIDTH);
    let records = 0;
    let ranges: Range[] = [];
    const flush = async (): Promise<void> => {
      records += await this.#eraseRanges(ranges, by, reason);
      ranges = [];
    };
    let newer = 0;
    for (
      let index = 0;
      index < sealed && !(newer >= MAX_NEWER && isByTimeAlone(select));
      index += 1
    ) {
      this.#assertOpen();
      const { found, hasNewer } = await this.#matching(tiles, index, select);
      for (const seq of found) extend(ranges, seq);
      if (found.length > 0) newer = 0;
      else if (hasNewer) newer += 1;
      if (ranges.length >= MAX_RANGES - TILE_WIDTH) await flush();
    }
    await flush();
    const isFull = size % TILE_WIDTH === 0;
    const tooNew = isFull ? 0 : (await this.#matching(tiles, sealed, select)).found.length;
    return { records, tooNew };
  }

  async #openTiles(): Promise<VerifiedTiles> {
    const file = join(this.#folder, CHECKPOINT_FILE);
    const note = await readLogFile(file, MAX_NOTE_BYTES);
    if (note === null) throw corruptEvidence(file, 'file', 'missing');
    const { size, root } = openCheckpoint(note, [this.#parts.verifier], file);
    return VerifiedTiles.open(this.#folder, size, root);
  }

  /** What is announced and not erased yet is found again by the next erasure. */
  #assertOpen(): void {
    if (this.#writer.closing) throw failed(this.#folder, 'the log is being closed');
  }

  /**
   * Which decisions of a bundle are selected, each of them beyond doubt; and whether there is one that is
   * too new for the selection, and not dated in the future.
   */
  async #matching(
    tiles: VerifiedTiles,
    index: number,
    select: ErasureSelection,
  ): Promise<{ readonly found: readonly number[]; readonly hasNewer: boolean }> {
    const found: number[] = [];
    let hasNewer = false;
    const nowMs = this.#parts.clock.wallMs();
    const { before: until, ...names } = select;
    const filter: RecordFilter = { ...names, until };
    const width = Math.min(TILE_WIDTH, tiles.size - index * TILE_WIDTH);
    for (const [i, bytes] of (await readRecords(this.#folder, index, width)).entries()) {
      if (bytes.length === 0) continue;
      const seq = index * TILE_WIDTH + i;
      const { record, problem } = parseRecord(bytes, seq);
      if (problem !== null) throw corruptEvidence(this.#folder, `record ${seq}`, problem);
      if (record.kind !== 'decision') continue;
      if (!matchesFilter(record, filter)) {
        hasNewer ||= isInPast(record, nowMs);
      } else if (leafHash(bytes).equals(await tiles.leaf(seq))) {
        found.push(seq);
      } else {
        throw corruptEvidence(
          this.#folder,
          `record ${seq}`,
          'does not have its hash: nothing is erased',
        );
      }
    }
    return { found, hasNewer };
  }

  async #eraseRanges(ranges: readonly Range[], by: string, reason: string): Promise<number> {
    if (ranges.length === 0) return 0;
    const ticket = this.#writer.appendEvent({
      type: RECORDS_ERASED,
      properties: { ranges, by, reason },
    });
    if (ticket === EVIDENCE_DROPPED)
      throw failed(this.#folder, 'the log did not take the announcement');
    await this.#writer.durable(ticket, 'checkpointed');
    try {
      for (const index of bundlesOf(ranges)) {
        this.#assertOpen();
        await this.#rewrite(index, ranges);
      }
    } catch (error) {
      throw failed(this.#folder, errorMessage(error), error);
    }
    return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  }

  async #rewrite(index: number, ranges: readonly Range[]): Promise<void> {
    const records = await readRecords(this.#folder, index, TILE_WIDTH);
    const kept = records.map((record, i) => {
      const seq = index * TILE_WIDTH + i;
      return ranges.some(([from, to]) => from <= seq && seq < to) ? Buffer.alloc(0) : record;
    });
    const file = join(this.#folder, tilePath('entries', index));
    await this.#parts.files.placeFile(file, join(this.#folder, SCRATCH_FOLDER), encodeBundle(kept));
    // Partial bundles of checkpoints just before this one was full may still be there.
    await this.#parts.files.remove(`${file}.p`);
    await this.#parts.files.syncFolder(dirname(file));
  }
}

function isByTimeAlone({ tenant, subject, session }: ErasureSelection): boolean {
  return tenant === undefined && subject === undefined && session === undefined;
}

function isInPast(record: EvidenceRecord, nowMs: number): boolean {
  const ms = recordMs(record);
  return ms >= 0 && ms <= nowMs;
}

function extend(ranges: Range[], seq: number): void {
  const last = ranges.at(-1);
  if (last !== undefined && last[1] === seq) ranges[ranges.length - 1] = [last[0], seq + 1];
  else ranges.push([seq, seq + 1]);
}

function bundlesOf(ranges: readonly Range[]): readonly number[] {
  const bundles = new Set<number>();
  for (const [from, to] of ranges) {
    const last = Math.floor((to - 1) / TILE_WIDTH);
    for (let index = Math.floor(from / TILE_WIDTH); index <= last; index += 1) bundles.add(index);
  }
  return [...bundles];
}

function failed(file: string, problem: string, cause?: unknown): GovernanceError {
  return new GovernanceError('EVIDENCE_WRITE_FAILED', { file, problem }, { cause });
}
