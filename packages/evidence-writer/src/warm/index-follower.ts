import {
  type Clock,
  GovernanceError,
  type Logger,
  silentLogger,
  systemClock,
} from '@cortex-governance/core';
import { announcedRanges, isErased, type RecordRange } from '../erasure-announcement.ts';
import { parseRecord } from '../record-parser.ts';
import { type LogHead, readEntries, readLogHead } from '../tier/log-head.ts';
import { readLogId } from '../tier/log-id.ts';
import {
  DEFAULT_POLL_MS,
  DEFAULT_STALL_MS,
  type TierFollower,
  type TierProgress,
  WorkLoop,
} from '../tier/tier-follower.ts';
import type { TierTimers } from '../tier/tier-timers.ts';
import { TILE_WIDTH } from '../tile-path.ts';
import type { EvidenceIndex, IndexBatch } from './evidence-index.ts';
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
  /** How often logs that stand still are looked at, in milliseconds. @defaultValue 1,000 */
  readonly pollMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly logger?: Logger | undefined;
  readonly timers?: TierTimers | undefined;
}

/**
 * Takes the records of logs into the index, from disk and in the background: those under a signed
 * checkpoint, in order, each once. How far it is stands in the database, beside the rows; a database that
 * was lost, emptied or restored is filled again from the logs.
 */
export function createIndexFollower(options: IndexFollowerOptions): TierFollower {
  const { open, logs, clock = systemClock, logger = silentLogger } = options;
  const feed = new IndexFeed(open, logs);
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
  readonly #logs: () => Promise<readonly string[]>;
  #index: EvidenceIndex | null = null;
  #prepareAgain = true;

  constructor(open: () => Promise<EvidenceIndex>, logs: () => Promise<readonly string[]>) {
    this.#open = open;
    this.#logs = logs;
  }

  async step(signal: AbortSignal): Promise<TierProgress> {
    const index = this.#index ?? (await this.#open());
    this.#index = index;
    const again = this.#prepareAgain;
    this.#prepareAgain = true;
    await index.prepare(again);
    const progress = await index.progress();
    let behindRecords = 0;
    let taken = 0;
    for (const folder of await this.#logs()) {
      const head = await readLogHead(folder);
      const log = head === null ? null : await readLogId(folder, head);
      if (head === null || log === null) continue;
      const next = progress.get(log)?.next ?? 0;
      if (next > head.size) throw aheadOf(folder, next, head.size);
      const done =
        next < head.size && !signal.aborted ? await take(index, folder, log, next, head) : 0;
      behindRecords += head.size - next - done;
      taken += done;
    }
    // After a failure the tables may be gone: only a round without one spares looking.
    this.#prepareAgain = false;
    return { behindRecords, taken };
  }

  async close(): Promise<void> {
    await this.#index?.close();
  }
}

async function take(
  index: EvidenceIndex,
  folder: string,
  log: string,
  from: number,
  head: LogHead,
): Promise<number> {
  const batch = await readBatch(folder, log, from, head.size);
  if (batch.to === from) return 0;
  return (await index.add(batch)) ? batch.to - from : 0;
}

/** Records from an index on, under a checkpoint. */
async function readBatch(
  folder: string,
  log: string,
  from: number,
  size: number,
): Promise<IndexBatch> {
  const records: IndexedRecord[] = [];
  const erased: RecordRange[] = [];
  let next = from;
  let bytes = 0;
  while (next < size && next - from < BATCH_RECORDS && bytes < BATCH_BYTES) {
    const start = next - (next % TILE_WIDTH);
    const entries = await readEntries(
      folder,
      start / TILE_WIDTH,
      Math.min(size - start, TILE_WIDTH),
    );
    if (entries === null) break;
    for (const entry of entries.slice(next - start)) {
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
  return { log, from, to: next, records: kept, erased };
}

function parse(folder: string, bytes: Buffer, index: number): IndexedRecord {
  const { record, problem } = parseRecord(bytes, index);
  if (record !== null) return { record, bytes };
  throw new GovernanceError('EVIDENCE_CORRUPT', {
    file: folder,
    place: `record ${index}`,
    problem,
  });
}

function aheadOf(folder: string, next: number, size: number): GovernanceError {
  const problem = `the index holds ${next} records of this log, more than its checkpoint`;
  return new GovernanceError('EVIDENCE_CORRUPT', {
    file: folder,
    place: `record ${size}`,
    problem,
  });
}
