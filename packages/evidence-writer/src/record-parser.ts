import { isPlainObject } from '@cortex-governance/core';
import {
  EVIDENCE_RECORD_FIELDS,
  EVIDENCE_RECORD_VERSION,
  type EvidenceRecord,
  type EvidenceRecordKind,
} from './evidence-record.ts';

/** A record, or why the bytes are none. */
export type ParsedRecord =
  | { readonly record: EvidenceRecord; readonly problem: null }
  | { readonly record: null; readonly problem: string };

/** The record in the bytes at an index of the log: known version and kind, its members, its place. */
export function parseRecord(bytes: Uint8Array, index: number): ParsedRecord {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return { record: null, problem: 'not JSON' };
  }
  const problem = findProblem(value, index);
  return problem === null
    ? { record: value as EvidenceRecord, problem }
    : { record: null, problem };
}

function findProblem(value: unknown, index: number): string | null {
  if (!isPlainObject(value)) return 'not an object';
  if (value['v'] !== EVIDENCE_RECORD_VERSION) return 'unknown version';
  const { kind } = value;
  if (!isKind(kind)) return 'unknown kind';
  if (value['seq'] !== index) return `seq is not ${index}`;
  const fields: readonly string[] = EVIDENCE_RECORD_FIELDS[kind];
  const names = Object.keys(value);
  // Both are sorted: canonical JSON is.
  const same = names.length === fields.length && names.every((name, i) => name === fields[i]);
  return same ? null : `members are not those of a ${kind}`;
}

function isKind(kind: unknown): kind is EvidenceRecordKind {
  return typeof kind === 'string' && Object.hasOwn(EVIDENCE_RECORD_FIELDS, kind);
}
