import { z } from 'zod';
import type { EvidenceRecord } from '../evidence-record.ts';
import { matchesFilter } from '../record-filter.ts';

/**
 * Which records an export holds, by the rule of {@link RecordFilter}: with a session or tenant decisions
 * alone, with a time nothing that has none. At least one of `session`, `tenant` and `since` is given.
 */
export interface ExportSelection {
  readonly session?: string;
  readonly tenant?: string;
  /** ISO 8601 UTC: from this time on. */
  readonly since?: string;
  /** ISO 8601 UTC: before this time. */
  readonly until?: string;
}

/** Longest session or tenant, in UTF-16 code units. */
const MAX_NAME_LENGTH = 1_024;

const name = z
  .string()
  .min(1)
  .max(MAX_NAME_LENGTH)
  .refine((text) => text.isWellFormed(), 'holds a lone surrogate');

const time = z.string().refine(isIsoTime, 'not an ISO 8601 time in UTC with milliseconds');

/** What an {@link ExportSelection} may be. */
export const exportSelection = z
  .strictObject({
    session: name.exactOptional(),
    tenant: name.exactOptional(),
    since: time.exactOptional(),
    until: time.exactOptional(),
  })
  .refine(
    ({ session, tenant, since }) => [session, tenant, since].some((given) => given !== undefined),
    'needs a session, a tenant or a time to begin at',
  );

/** Whether a record belongs to a selection. */
export function isSelected(record: EvidenceRecord, selection: ExportSelection): boolean {
  const { since, until, ...names } = selection;
  return matchesFilter(record, { ...names, since: msOf(since), until: msOf(until) });
}

/** Bytes that every selected record holds; records without them need not be parsed. */
export function selectionNeedles({ session, tenant }: ExportSelection): readonly Buffer[] {
  return Object.entries({ session, tenant })
    .filter(([, value]) => value !== undefined)
    .map(([member, value]) => Buffer.from(`"${member}":${JSON.stringify(value)}`));
}

/**
 * The content address of an export: `evid:<scope>:<root>`. The scope is the session, else the tenant, else
 * `since-<time>`, percent-encoded; the root is that of the exported records' RFC 6962 tree, in hex.
 */
export function exportId(selection: ExportSelection, root: Uint8Array): string {
  const scope = selection.session ?? selection.tenant ?? `since-${selection.since ?? ''}`;
  return `evid:${encodeURIComponent(scope)}:${Buffer.from(root).toString('hex')}`;
}

function msOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time);
}

function isIsoTime(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === text;
}
