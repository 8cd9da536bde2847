import { type Clock, parseOptions, systemClock } from '@cortex-governance/core';
import { z } from 'zod';
import type { RecordRange } from '../erasure-announcement.ts';
import type { EvidenceRecord } from '../evidence-record.ts';
import { matchesFilter, recordMs } from '../record-filter.ts';
import { tierError } from '../tier/tier-error.ts';
import {
  type EvidenceHit,
  type EvidencePage,
  type EvidenceQuery,
  pageOf,
  parseEvidenceQuery,
  positionOf,
} from './evidence-query.ts';
import { type IndexedRecord, indexRow } from './index-row.ts';
import { type KeptDays, keptDays, migrationStatement, partitionStatement } from './index-schema.ts';
import {
  ADD_STATEMENT,
  PROGRESS_STATEMENT,
  pageStatement,
  TIME_STATEMENT,
} from './index-statements.ts';
import type { SqlClient } from './sql-client.ts';

/** Days of records that the index keeps. */
export const DEFAULT_RETAIN_DAYS = 7;

/** Most days that can be kept; each is a table. */
export const MAX_RETAIN_DAYS = 366;

export interface EvidenceIndexOptions {
  /** Closed with the index. */
  readonly client: SqlClient;
  /** @defaultValue 7 */
  readonly retainDays?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** How far the index holds a log. */
export interface IndexProgress {
  /** Index of the first record that was not taken over. */
  readonly next: number;
  /** Records from before this time (milliseconds since the Unix epoch) may be missing. */
  readonly horizonMs: number;
}

/** Consecutive records of one log that are taken over together. */
export interface IndexBatch {
  readonly log: string;
  readonly from: number;
  /** Index after the last; erased records are between, and not among `records`. */
  readonly to: number;
  readonly records: readonly IndexedRecord[];
  readonly erased: readonly RecordRange[];
}

const optionsSchema = z.strictObject({
  client: z.custom<SqlClient>((value) => typeof (value as SqlClient)?.query === 'function'),
  retainDays: z.int().min(1).max(MAX_RETAIN_DAYS).default(DEFAULT_RETAIN_DAYS),
  clock: z
    .custom<Clock>((value) => typeof (value as Clock)?.wallMs === 'function')
    .default(systemClock),
});

/** Records of the last days in a PostgreSQL database, to be asked by tenant, code, tool and so on. */
export class EvidenceIndex {
  readonly #client: SqlClient;
  readonly #retainDays: number;
  readonly #clock: Clock;
  #days: KeptDays | null = null;

  /** @throws {GovernanceError} OPTIONS_INVALID */
  constructor(options: EvidenceIndexOptions) {
    const parsed = parseOptions(optionsSchema, options, 'new EvidenceIndex(options)');
    this.#client = parsed.client;
    this.#retainDays = parsed.retainDays;
    this.#clock = parsed.clock;
  }

  /**
   * Brings the schema up to date, makes the partitions of the days to come and drops those that are too
   * old. Does nothing when that was done today, unless `again`.
   * @throws {GovernanceError} EVIDENCE_TIER_UNAVAILABLE
   */
  async prepare(again = false): Promise<void> {
    const { toMs } = keptDays(this.#clock.wallMs(), this.#retainDays);
    if (!again && this.#days !== null && toMs <= this.#days.toMs) return;
    await this.#query(migrationStatement());
    const [time] = await this.#query(TIME_STATEMENT);
    // The earlier of the two clocks: one that jumps ahead must not drop what is kept.
    const nowMs = Math.min(Number(time?.['ms']), this.#clock.wallMs());
    const days = keptDays(nowMs, this.#retainDays);
    await this.#query(partitionStatement(days));
    this.#days = days;
  }

  /** How far every log is held. @throws {GovernanceError} EVIDENCE_TIER_UNAVAILABLE */
  async progress(): Promise<ReadonlyMap<string, IndexProgress>> {
    const rows = await this.#query(PROGRESS_STATEMENT);
    return new Map(
      rows.map(({ log, next, horizon }) => [
        String(log),
        { next: Number(next), horizonMs: Number(horizon) },
      ]),
    );
  }

  /**
   * Takes over the records of a batch that are not older than what is kept, and removes the erased ones;
   * all of it or nothing. False when the index is not at the start of the batch (any more).
   * @throws {GovernanceError} EVIDENCE_TIER_UNAVAILABLE
   */
  async add({ log, from, to, records, erased }: IndexBatch): Promise<boolean> {
    const days = this.#days;
    if (days === null) throw tierError('warm', 'the index was not prepared');
    const nowMs = Math.min(Math.max(this.#clock.wallMs(), days.fromMs), days.toMs - 1);
    const rows = records.flatMap((one) => {
      const ms = recordMs(one.record);
      if (ms >= 0 && ms < days.fromMs) return [];
      return [indexRow(one, ms < 0 || ms >= days.toMs ? nowMs : ms)];
    });
    const ranges = erased.map(([first, past]) => ({ first, past }));
    const [answer] = await this.#query(ADD_STATEMENT, [
      ...[log, from, to, days.fromMs],
      ...[JSON.stringify(rows), JSON.stringify(ranges)],
    ]);
    return answer?.['moved'] === 1;
  }

  /**
   * One page of the records that a query asks for.
   * @param logs ids of the logs that may answer; null: all that are indexed.
   * @throws {GovernanceError} OPTIONS_INVALID, EVIDENCE_TIER_UNAVAILABLE
   */
  async query(query: EvidenceQuery, logs: readonly string[] | null = null): Promise<EvidencePage> {
    const { after, ...rest } = parseEvidenceQuery(query, 'index.query(query)');
    const hits: EvidenceHit[] = [];
    let position = after;
    for (;;) {
      const { text, values } = pageStatement({ ...rest, after: position }, logs);
      const rows = await this.#query(text, values);
      let last: EvidenceHit | undefined;
      for (const row of rows) {
        last = {
          log: String(row['log']),
          record: JSON.parse(String(row['record'])) as EvidenceRecord,
        };
        if (matchesFilter(last.record, rest)) hits.push(last);
      }
      if (hits.length > rest.limit || rows.length <= rest.limit || last === undefined) break;
      position = positionOf(last);
    }
    return pageOf(hits, rest.limit);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #query(
    text: string,
    values: readonly (string | number | null)[] = [],
  ): ReturnType<SqlClient['query']> {
    try {
      return await this.#client.query(text, values);
    } catch (error) {
      throw tierError('warm', error);
    }
  }
}
