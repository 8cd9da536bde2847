import type { EvidenceRecord } from './evidence-record.ts';

/** Type of the event that announces which records lose their content, before they do. */
export const RECORDS_ERASED = 'records_erased';

/** Indexes of records, from the first to before the second. */
export type RecordRange = readonly [from: number, to: number];

/** The ranges of records that an event announces as erased; none for any other record. */
export function announcedRanges(record: EvidenceRecord): readonly RecordRange[] {
  if (record.kind !== 'event' || record.type !== RECORDS_ERASED) return [];
  const ranges: unknown = record.properties?.['ranges'];
  if (!Array.isArray(ranges)) return [];
  return ranges.flatMap((range: unknown): RecordRange[] => {
    // Nobody can have meant to erase what was not there yet.
    if (!isRange(range) || range[0] >= record.seq) return [];
    return [[range[0], Math.min(range[1], record.seq)]];
  });
}

/** Whether a record is in one of the ranges. */
export function isErased(ranges: readonly RecordRange[], index: number): boolean {
  return ranges.some(([from, to]) => index >= from && index < to);
}

function isRange(value: unknown): value is RecordRange {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [from, to] = value as readonly unknown[];
  return isIndex(from) && isIndex(to) && from < to;
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
