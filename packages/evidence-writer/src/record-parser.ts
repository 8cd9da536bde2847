import { isPlainObject } from '@cortex-governance/core';
import {
  EVIDENCE_RECORD_FIELDS,
  type EvidenceRecord,
  type EvidenceRecordKind,
  type EvidenceRecordVersion,
  RECORD_FIELDS_BY_VERSION,
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
  const { v, kind } = value;
  if (!isVersion(v)) return 'unknown version';
  if (!isKind(kind)) return 'unknown kind';
  if (value['seq'] !== index) return `seq is not ${index}`;
  const fields = RECORD_FIELDS_BY_VERSION[v][kind];
  const names = Object.keys(value);
  // Both are sorted: canonical JSON is.
  const same = names.length === fields.length && names.every((name, i) => name === fields[i]);
  return same ? null : `members are not those of a ${kind}`;
}

function isVersion(version: unknown): version is EvidenceRecordVersion {
  return typeof version === 'number' && Object.hasOwn(RECORD_FIELDS_BY_VERSION, version);
}

function isKind(kind: unknown): kind is EvidenceRecordKind {
  return typeof kind === 'string' && Object.hasOwn(EVIDENCE_RECORD_FIELDS, kind);
}
