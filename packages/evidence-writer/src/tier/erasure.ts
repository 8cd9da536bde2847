import type { EvidenceRecord } from '../evidence-record.ts';

/** Type of the event that announces which records lose their bodies, before they do. */
export const ERASURE_EVENT = 'records_erased';

/** Indexes of records, from the first to before the second. */
export type RecordRange = readonly [from: number, to: number];

/** Most ranges that one announcement can hold; the record would not fit. */
const MAX_RANGES = 65_536;

/** The ranges that a record announces as erased; none for any other record. */
export function announcedErasures(record: EvidenceRecord): readonly RecordRange[] {
  if (record.kind !== 'event' || record.type !== ERASURE_EVENT) return [];
  const ranges: unknown = record.properties?.['ranges'];
  if (!Array.isArray(ranges) || ranges.length > MAX_RANGES) return [];
  // Only what came before can be erased: a record cannot speak of those that are not written yet.
  return ranges.filter(isRange).map(([from, to]): RecordRange => [from, Math.min(to, record.seq)]);
}

/** Whether a record is in one of the ranges. */
export function isErased(ranges: readonly RecordRange[], index: number): boolean {
  return ranges.some(([from, to]) => index >= from && index < to);
}

function isRange(value: unknown): value is [number, number] {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [from, to] = value as unknown[];
  return isIndex(from) && isIndex(to) && from < to;
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
