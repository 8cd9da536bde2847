import type { EvidenceRecord } from '../evidence-record.ts';
import { leafHash } from '../merkle-hash.ts';
import { filteredFields, recordMs } from '../record-filter.ts';

/** Longest text in a column that is filtered by: a B-tree takes no value of more than 2,704 bytes. */
const MAX_COLUMN_CHARACTERS = 256;

/** A record as it was read from a log. */
export interface IndexedRecord {
  readonly record: EvidenceRecord;
  /** The exact bytes that were logged. */
  readonly bytes: Buffer;
}

/** One row, by column, as the JSON that the database makes rows of. */
export interface IndexRow {
  readonly seq: number;
  readonly keep_ms: number;
  readonly ts_ms: number;
  readonly id: string;
  readonly kind: string;
  readonly tenant: string | null;
  readonly effect: string | null;
  readonly code: string | null;
  readonly tool: string | null;
  readonly action: string | null;
  readonly subject: string | null;
  readonly session: string | null;
  readonly stage: string | null;
  readonly record: string;
  readonly leaf: string;
}

/** @param keepMs the time that says which day's partition keeps the row. */
export function indexRow({ record, bytes }: IndexedRecord, keepMs: number): IndexRow {
  const fields = filteredFields(record);
  const decision = record.kind === 'decision' ? record : null;
  return {
    seq: record.seq,
    keep_ms: keepMs,
    ts_ms: recordMs(record),
    id: columnText(record.id),
    kind: record.kind,
    tenant: nullable(fields?.tenant),
    effect: nullable(fields?.effect),
    code: nullable(fields?.code),
    tool: nullable(fields?.tool),
    action: nullable(decision?.action),
    subject: nullable(fields?.subject),
    session: nullable(fields?.session),
    stage: nullable(decision?.stage),
    record: bytes.toString(),
    leaf: Buffer.from(leafHash(bytes)).toString('hex'),
  };
}

/**
 * A text as a column holds it: the database has no U+0000, and its indexes no long values. Two texts can
 * become the same; who filters by a column must compare the record itself, too.
 */
export function columnText(text: string): string {
  return text.replaceAll('\0', '\uFFFD').slice(0, MAX_COLUMN_CHARACTERS).toWellFormed();
}

function nullable(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : columnText(text);
}
