import {
  type Clock,
  type GovernanceError,
  type Logger,
  silentLogger,
  systemClock,
} from '@cortex-governance/core';
import { corruptEvidence } from '../corrupt-evidence.ts';
import { announcedRanges, isErased, type RecordRange } from '../erasure-announcement.ts';
import { parseRecord } from '../record-parser.ts';
import { LogRounds, outageOf } from '../tier/log-rounds.ts';
import { type FollowedKeys, type SignedLog, SignedLogs } from '../tier/signed-log.ts';
import {
  DEFAULT_POLL_MS,
  DEFAULT_STALL_MS,
  type TierFollower,
  type TierProgress,
  WorkLoop,
} from '../tier/tier-follower.ts';
import type { TierTimers } from '../tier/tier-timers.ts';
import { TILE_WIDTH } from '../tile-path.ts';
import type { EvidenceIndex, IndexBatch, IndexProgress } from './evidence-index.ts';
import type { IndexedRecord } from './index-row.ts';

/** Most records that are taken over together: few milliseconds of this thread, between which others run. */
const BATCH_RECORDS = 128;

/** Bytes of records at which a batch is full. */
const BATCH_BYTES = 4_194_304;

/** A statement may take long on a database that is busy, in milliseconds. */
const STALL_MS = DEFAULT_STALL_MS;

export interface IndexFollowerOptions {
  /**
   * Opens the index, which is closed with the follower. Called in the background until it succeeds, so that
   * a database, a package or a setting that is missing keeps nothing else from starting.
   */
  readonly open: () => Promise<EvidenceIndex>;
  /** Folders of the logs to follow; asked before every look. */
  readonly logs: () => Promise<readonly string[]>;
  /**
   * Public keys of a log as `vkey` lines; with them counts every key that they endorsed. Give the key of a log
   * that this process writes. @defaultValue the file beside each log
   */
  readonly publicKeys?: FollowedKeys | undefined;
  /** How often logs that stand still are looked at, in milliseconds. @defaultValue 1,000 */
  readonly pollMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly logger?: Logger | undefined;
  readonly timers?: TierTimers | undefined;
}

/**
 * Takes the records of logs into the index, from disk and in the background: those under a signed
 * checkpoint, in order, each once. How far it is stands in the database, beside the rows; a database that
 * was lost, emptied or restored is filled again from the logs. A checkpoint that the log's key did not sign, or
 * a record that does not lead to its root, fails that log alone: nothing of it is stored or erased.
 */
export function createIndexFollower(options: IndexFollowerOptions): TierFollower {
  const { clock = systemClock, logger = silentLogger } = options;
  const feed = new IndexFeed(options);
  return new WorkLoop({
    tier: 'warm',
    step: (signal) => feed.step(signal),
    release: () => feed.close(),
    pollMs: options.pollMs ?? DEFAULT_POLL_MS,
    stallMs: STALL_MS,
    ...{ clock, logger, timers: options.timers },
  });
}

class IndexFeed {
  readonly #open: () => Promise<EvidenceIndex>;
  readonly #folders: () => Promise<readonly string[]>;
  readonly #logs: SignedLogs;
  readonly #rounds = new LogRounds();
  #index: EvidenceIndex | null = null;
  /** As of the last answer. */
  #progress: ReadonlyMap<string, IndexProgress> = new Map();
  #prepareAgain = true;

  constructor({ open, logs, publicKeys }: IndexFollowerOptions) {
    this.#open = open;
    this.#folders = logs;
    this.#logs = new SignedLogs(publicKeys);
  }

  async step(signal: AbortSignal): Promise<TierProgress> {
    const outage = await outageOf(this.#ask());
    return this.#rounds.run(await this.#folders(), signal, outage, async (folder, note) => {
      const log = await this.#logs.open(folder);
      const next = log === null ? 0 : (this.#progress.get(log.id)?.next ?? 0);
      if (log !== null) note(log.head.size - next);
      if (log === null || outage !== null) return 0;
      if (next > log.head.size) throw aheadOf(folder, next, log.head.size);
      const done = next < log.head.size ? await this.#take(log, next) : 0;
      note(log.head.size - next - done);
      return done;
    });
  }

  async close(): Promise<void> {
    await this.#index?.close();
  }

  async #ask(): Promise<void> {
    const index = this.#index ?? (await this.#open());
    this.#index = index;
    const again = this.#prepareAgain;
    this.#prepareAgain = true;
    await index.prepare(again);
    this.#progress = await index.progress();
    this.#prepareAgain = false;
  }

  async #take(log: SignedLog, from: number): Promise<number> {
    const batch = await readBatch(log, from);
    if (batch.to === from) return 0;
    try {
      return (await this.#index?.add(batch)) === true ? batch.to - from : 0;
    } catch (error) {
      // The tables may be gone.
      this.#prepareAgain = true;
      throw error;
    }
  }
}

/** Records from an index on, under a checkpoint. */
async function readBatch(log: SignedLog, from: number): Promise<IndexBatch> {
  const { folder, id, head } = log;
  const records: IndexedRecord[] = [];
  const erased: RecordRange[] = [];
  const end = Math.min(head.size, from + BATCH_RECORDS);
  let next = from;
  let bytes = 0;
  while (next < end && bytes < BATCH_BYTES) {
    const start = next - (next % TILE_WIDTH);
    const entries = await log.entries(start / TILE_WIDTH, Math.min(head.size - start, TILE_WIDTH));
    for (const entry of entries.slice(next - start, end - start)) {
      if (bytes >= BATCH_BYTES) break;
      if (entry.length > 0) {
        const record = parse(folder, entry, next);
        records.push(record);
        erased.push(...announcedRanges(record.record));
      }
      bytes += entry.length;
      next += 1;
    }
  }
  const kept = records.filter(({ record }) => !isErased(erased, record.seq));
  return { log: id, from, to: next, records: kept, erased };
}

function parse(folder: string, bytes: Buffer, index: number): IndexedRecord {
  const { record, problem } = parseRecord(bytes, index);
  if (record !== null) return { record, bytes };
  throw corruptEvidence(folder, `record ${index}`, problem);
}

function aheadOf(folder: string, next: number, size: number): GovernanceError {
  const problem = `the index holds ${next} records of this log, more than its checkpoint`;
  return corruptEvidence(folder, `record ${size}`, problem);
}
