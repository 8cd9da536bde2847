import { EFFECTS, parseOptions } from '@cortex-governance/core';
import { z } from 'zod';
import type { EvidenceRecord } from '../evidence-record.ts';
import { type RecordFilter, recordMs } from '../record-filter.ts';

/** Most records of one page. */
export const MAX_PAGE_RECORDS = 1_000;

/** Records of a page when nothing is said. */
export const DEFAULT_PAGE_RECORDS = 100;

/** The place of a record in the order of all logs. */
export interface EvidencePosition {
  /** Milliseconds since the Unix epoch; -1 for a record without a time. */
  readonly ms: number;
  /** Id of the log. */
  readonly log: string;
  readonly seq: number;
}

/** One page of an answer. Records come newest first, those without a time last. */
export interface EvidenceQuery extends RecordFilter {
  /** @defaultValue 100; at most 1,000 */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: EvidencePosition | undefined;
}

/** A record that was asked for, and the log that holds it. */
export interface EvidenceHit {
  readonly log: string;
  readonly record: EvidenceRecord;
}

export interface EvidencePage {
  readonly hits: readonly EvidenceHit[];
  /** Where the next page goes on; null when there is none. */
  readonly next: EvidencePosition | null;
}

const text = z.string().optional();
const time = z.int().min(0).optional();

const querySchema = z.strictObject({
  tenant: text,
  effect: z.enum(EFFECTS).optional(),
  code: text,
  tool: text,
  subject: text,
  session: text,
  since: time,
  until: time,
  limit: z.int().min(1).max(MAX_PAGE_RECORDS).default(DEFAULT_PAGE_RECORDS),
  after: z.strictObject({ ms: z.int().min(-1), log: z.string(), seq: z.int().min(0) }).optional(),
});

export type ParsedEvidenceQuery = z.output<typeof querySchema>;

/** @throws {GovernanceError} OPTIONS_INVALID */
export function parseEvidenceQuery(query: EvidenceQuery, where: string): ParsedEvidenceQuery {
  return parseOptions(querySchema, query, where);
}

export function positionOf({ log, record }: EvidenceHit): EvidencePosition {
  return { ms: recordMs(record), log, seq: record.seq };
}

/** Sorts the later record before the earlier one; by the bytes of the log's id, as the database does. */
export function newestFirst(a: EvidencePosition, b: EvidencePosition): number {
  return b.ms - a.ms || Buffer.compare(Buffer.from(b.log), Buffer.from(a.log)) || b.seq - a.seq;
}

/** A page of the first `limit` hits of a sorted list that has one more when there is a next page. */
export function pageOf(hits: readonly EvidenceHit[], limit: number): EvidencePage {
  const page = hits.slice(0, limit);
  const last = page.at(-1);
  return { hits: page, next: hits.length > limit && last !== undefined ? positionOf(last) : null };
}
