import { EFFECTS, type Effect, parseOptions } from '@cortex-governance/core';
import { z } from 'zod';
import type { EvidenceRecord } from '../evidence-record.ts';

/** Most records of one page. */
export const MAX_PAGE_RECORDS = 1_000;

/** Records of a page when nothing is said. */
export const DEFAULT_PAGE_RECORDS = 100;

/** What records are asked for. Every member that is given must hold; without any, all records do. */
export interface EvidenceFilter {
  readonly tenant?: string | undefined;
  readonly effect?: Effect | undefined;
  readonly code?: string | undefined;
  /** Id of the resource. */
  readonly tool?: string | undefined;
  /** Id of the subject. */
  readonly subject?: string | undefined;
  readonly session?: string | undefined;
  /** First time, milliseconds since the Unix epoch. A record without a time matches no time. */
  readonly since?: number | undefined;
  /** First time that is not meant any more. */
  readonly until?: number | undefined;
}

/** The place of a record in the order of all logs. */
export interface EvidencePosition {
  /** Milliseconds since the Unix epoch; -1 for a record without a time. */
  readonly ms: number;
  /** Id of the log. */
  readonly log: string;
  readonly seq: number;
}

/** One page of an answer. Records come newest first, those without a time last. */
export interface EvidenceQuery extends EvidenceFilter {
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

/** Whether a record is one of those that are asked for. */
export function matchesFilter(record: EvidenceRecord, filter: EvidenceFilter): boolean {
  const { tenant, effect, code, tool, subject, session, since, until } = filter;
  const ms = recordMs(record);
  if ((since !== undefined || until !== undefined) && ms < 0) return false;
  if (since !== undefined && ms < since) return false;
  if (until !== undefined && ms >= until) return false;
  const wanted = { tenant, effect, code, tool, subject, session };
  const asked = Object.entries(wanted).filter(([, value]) => value !== undefined);
  if (asked.length === 0) return true;
  const fields = filteredFields(record);
  return fields !== null && asked.every(([name, value]) => fields[name] === value);
}

/** The members of a decision that are filtered by; null for any other record. */
export function filteredFields(record: EvidenceRecord): Record<string, string | null> | null {
  if (record.kind !== 'decision') return null;
  const { tenant, effect, code, resource, subject, session = null } = record;
  return { tenant, effect, code, tool: resource.id, subject: subject.id, session };
}

/** When a record was made, in milliseconds since the Unix epoch; -1 when it does not say. */
export function recordMs(record: EvidenceRecord): number {
  const ms = record.ts === null ? -1 : Date.parse(record.ts);
  return ms >= 0 ? ms : -1;
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
