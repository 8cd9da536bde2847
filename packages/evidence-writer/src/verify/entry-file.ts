import { join } from 'node:path';
import { errorMessage } from '@cortex-governance/core';
import { MAX_BUNDLE_BYTES } from '../entry-bundle.ts';
import { LEAF_PREFIX, leafHash, sha256 } from '../merkle-hash.ts';
import { TILE_WIDTH, tilePath } from '../tile-path.ts';
import { readBoundedSync } from './own-file-sync.ts';
import { tileWidthsSync } from './tile-files.ts';

/** Bytes of the length in front of each record. */
export const PREFIX_BYTES = 2;

/** How often files are listed anew when the one listed was replaced before it was opened. */
const MAX_RACES = 5;

/** Entries as they stand in memory: each record behind its length. */
export interface Entries {
  readonly bytes: Buffer;
  /** Where each record's length stands. */
  readonly offsets: readonly number[];
  /** Where the last record ends. */
  readonly end: number;
}

/** One file of an entry bundle, as found on disk. */
export interface EntryFile extends Entries {
  readonly path: string;
  readonly width: number;
  /** Null when every byte belongs to a record, and there are as many as the name says. */
  readonly problem: string | null;
}

/**
 * The entry bundle of an index: the file of exactly this width, or the narrowest wider one. Its `problem`
 * says what is wrong; a missing one has no records.
 */
export function findEntries(folder: string, index: number, width: number): EntryFile {
  for (let races = 0; races < MAX_RACES; races += 1) {
    for (const candidate of tileWidthsSync(folder, 'entries', index)) {
      if (candidate < width) continue;
      const file = readEntries(folder, index, candidate);
      if (file !== null) return file;
    }
    // A full one is never replaced by a wider one.
    if (width === TILE_WIDTH) break;
  }
  return noEntries(tilePath('entries', index, width), width, 'missing');
}

/** One file of an entry bundle; null when there is none of this width. */
export function readEntries(folder: string, index: number, width: number): EntryFile | null {
  const path = tilePath('entries', index, width);
  let bytes: Buffer | null;
  try {
    bytes = readBoundedSync(join(folder, path), MAX_BUNDLE_BYTES);
  } catch (error) {
    return noEntries(path, width, errorMessage(error));
  }
  return bytes === null ? null : { ...splitEntries(bytes, width), path, width };
}

function noEntries(path: string, width: number, problem: string): EntryFile {
  return { bytes: Buffer.alloc(0), offsets: [], end: 0, problem, path, width };
}

function splitEntries(bytes: Buffer, width: number): Entries & { readonly problem: string | null } {
  const offsets: number[] = [];
  let end = 0;
  let problem: string | null = null;
  while (end < bytes.length && problem === null) {
    const start = end + PREFIX_BYTES;
    const next = start > bytes.length ? Infinity : start + bytes.readUInt16BE(end);
    if (offsets.length === width) {
      problem = 'too many records';
    } else if (next > bytes.length) {
      problem = 'record cut short';
    } else {
      offsets.push(end);
      end = next;
    }
  }
  if (problem === null && offsets.length < width)
    problem = `${offsets.length} records, not ${width}`;
  return { bytes, offsets, end, problem };
}

/** Where a record of the entries ends. */
export function recordEnd(entries: Entries, i: number): number {
  return entries.offsets[i + 1] ?? entries.end;
}

/** Whether a record has no bytes: nothing but an erased one is like that. */
export function isEmptyRecord(entries: Entries, i: number): boolean {
  return recordEnd(entries, i) === (entries.offsets[i] ?? 0) + PREFIX_BYTES;
}

export function recordBytes(entries: Entries, i: number): Buffer {
  return entries.bytes.subarray((entries.offsets[i] ?? 0) + PREFIX_BYTES, recordEnd(entries, i));
}

/** Whether both hold the same bytes at a place. */
export function isSameRecord(a: Entries, b: Entries, i: number): boolean {
  const start = (a.offsets[i] ?? 0) + PREFIX_BYTES;
  const other = (b.offsets[i] ?? 0) + PREFIX_BYTES;
  return a.bytes.compare(b.bytes, other, recordEnd(b, i), start, recordEnd(a, i)) === 0;
}

/**
 * The leaf hash of a record, as {@link sha256} gives it. Writes the leaf's prefix over the last byte of
 * the record's length, which {@link Entries.offsets} know: no record is copied for its hash.
 */
export function hashInPlace(entries: Entries, i: number): string {
  const at = (entries.offsets[i] ?? 0) + PREFIX_BYTES - 1;
  const { buffer, byteOffset } = entries.bytes;
  entries.bytes[at] = LEAF_PREFIX;
  return sha256(new Uint8Array(buffer, byteOffset + at, recordEnd(entries, i) - at));
}

/** Whether a record has this leaf hash. */
export function hasHash(entries: Entries, i: number, hash: Uint8Array): boolean {
  return leafHash(recordBytes(entries, i)).equals(hash);
}
