import type { Effect } from '@cortex-governance/core';
import type { EvidenceRecord } from './evidence-record.ts';

/**
 * Which records are meant: those that every member given fits; without any, all. One rule for queries,
 * lists, exports, erasures and the index:
 * - `tenant`, `effect`, `code`, `tool`, `subject` and `session` fit decisions alone.
 * - A record without a time is in no span of time: whoever gives `since` or `until` gets only what is
 *   known to lie between, and nothing is erased for an age that nobody knows. Leave out both to see it.
 */
export interface RecordFilter {
  readonly tenant?: string | undefined;
  readonly effect?: Effect | undefined;
  readonly code?: string | undefined;
  /** Id of the resource. */
  readonly tool?: string | undefined;
  /** Id of the subject. */
  readonly subject?: string | undefined;
  readonly session?: string | undefined;
  /** First time, milliseconds since the Unix epoch. */
  readonly since?: number | undefined;
  /** First time that is not meant any more. */
  readonly until?: number | undefined;
}

/** What a decision is filtered by. */
export interface FilteredFields {
  readonly tenant: string;
  readonly effect: string;
  readonly code: string;
  readonly tool: string;
  readonly subject: string;
  readonly session: string | null;
}

/** Whether a record is one of those that are meant. */
export function matchesFilter(record: EvidenceRecord, filter: RecordFilter): boolean {
  return isInTime(record, filter) && hasFields(record, filter);
}

/** The members of a decision that are filtered by; null for any other record. */
export function filteredFields(record: EvidenceRecord): FilteredFields | null {
  if (record.kind !== 'decision') return null;
  const { tenant, effect, code, resource, subject, session = null } = record;
  return { tenant, effect, code, tool: resource.id, subject: subject.id, session };
}

/** When a record was made, in milliseconds since the Unix epoch; -1 when it does not say. */
export function recordMs(record: EvidenceRecord): number {
  const ms = record.ts === null ? -1 : Date.parse(record.ts);
  return ms >= 0 ? ms : -1;
}

function isInTime(record: EvidenceRecord, { since, until }: RecordFilter): boolean {
  if (since === undefined && until === undefined) return true;
  const ms = recordMs(record);
  return ms >= 0 && (since === undefined || ms >= since) && (until === undefined || ms < until);
}

function hasFields(record: EvidenceRecord, filter: RecordFilter): boolean {
  const { tenant, effect, code, tool, subject, session } = filter;
  const wanted = { tenant, effect, code, tool, subject, session };
  const asked = (Object.keys(wanted) as (keyof FilteredFields)[]).filter(
    (name) => wanted[name] !== undefined,
  );
  if (asked.length === 0) return true;
  const fields = filteredFields(record);
  return fields !== null && asked.every((name) => fields[name] === wanted[name]);
}
