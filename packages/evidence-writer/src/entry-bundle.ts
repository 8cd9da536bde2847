import { TILE_WIDTH } from './tile-path.ts';

/** Longest record, in bytes: what the 16-bit length prefix of an entry bundle can say. */
export const MAX_RECORD_BYTES = 65_535;

const PREFIX_BYTES = 2;

/** Largest entry bundle, in bytes. */
export const MAX_BUNDLE_BYTES: number = TILE_WIDTH * (PREFIX_BYTES + MAX_RECORD_BYTES);

/** Bytes of the records with their length prefixes. */
export function bundleBytes(records: readonly Uint8Array[]): number {
  return records.reduce((sum, record) => sum + PREFIX_BYTES + record.length, 0);
}

/** Records one after the other, each behind its length as a big-endian uint16 (C2SP tlog-tiles). */
export function encodeBundle(records: readonly Uint8Array[]): Buffer {
  const bundle = Buffer.allocUnsafe(bundleBytes(records));
  let offset = 0;
  for (const record of records) {
    offset = bundle.writeUInt16BE(record.length, offset);
    bundle.set(record, offset);
    offset += record.length;
  }
  return bundle;
}

/** What could be read of a bundle, and what is wrong with the rest. */
export interface DecodedBundle {
  readonly records: readonly Buffer[];
  /** Where each record's length prefix stands. */
  readonly offsets: readonly number[];
  /** Null when every byte belongs to a record. */
  readonly problem: string | null;
  /** Where the records end. */
  readonly end: number;
}

/** The records of a bundle; stops at the first that does not fit or after `limit` records. */
export function decodeBundle(bytes: Buffer, limit: number): DecodedBundle {
  const records: Buffer[] = [];
  const offsets: number[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (records.length === limit)
      return { records, offsets, end: offset, problem: 'too many records' };
    const start = offset + PREFIX_BYTES;
    const end = start > bytes.length ? Infinity : start + bytes.readUInt16BE(offset);
    if (end > bytes.length) return { records, offsets, end: offset, problem: 'record cut short' };
    records.push(bytes.subarray(start, end));
    offsets.push(offset);
    offset = end;
  }
  return { records, offsets, end: offset, problem: null };
}
