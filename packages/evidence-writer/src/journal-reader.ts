import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, readBounded } from './bounded-read.ts';
import {
  decodeFrameHeader,
  decodeFramePayload,
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  MAX_FRAME_PAYLOAD_BYTES,
} from './journal-frame.ts';

/** Largest segment that is read, in bytes; the writer starts a new one long before. */
export const MAX_SEGMENT_BYTES = 128 * 1024 * 1024;

/** Unit in which a file system or device may leave written size without written data. */
const SECTOR_BYTES = 512;

const SEGMENT_NAME = /^(\d{16})\.seg$/;

/** One intact frame. */
export interface JournalFrame {
  readonly file: string;
  /** Where the frame starts in the file. */
  readonly offset: number;
  readonly firstIndex: number;
  /** None for a segment that was made and not yet written. */
  readonly records: readonly Buffer[];
}

/** Where the journal stops making sense. */
export interface JournalFault {
  readonly file: string;
  readonly offset: number;
  readonly problem: string;
  /** True when a crash while the last frame was written explains it; nothing in it was acknowledged. */
  readonly torn: boolean;
  /** Index of the first record that cannot be read. */
  readonly index: number;
}

/** A step through the journal; a fault is the last. */
export type JournalItem =
  | { readonly frame: JournalFrame; readonly fault: null }
  | { readonly frame: null; readonly fault: JournalFault };

/** The file name of the segment whose first record has this index. */
export function segmentName(firstIndex: number): string {
  return `${String(firstIndex).padStart(16, '0')}.seg`;
}

/**
 * Every frame of a journal in order, checked for digest and continuity. Ends at the first fault; an
 * empty or missing folder has none.
 * @throws {Error} when a file cannot be read.
 */
export async function* readJournal(folder: string): AsyncGenerator<JournalItem> {
  const names = await segmentNames(folder);
  let expected = -1;
  for (const [i, name] of names.entries()) {
    const file = join(folder, name);
    const isLast = i === names.length - 1;
    const first = SEGMENT_NAME.exec(name)?.[1];
    if (first === undefined || (expected !== -1 && Number(first) !== expected)) {
      const problem =
        first === undefined ? 'not a journal segment' : `segment ${expected} is missing`;
      yield faultAt(file, 0, problem, false, Math.max(expected, 0));
      return;
    }
    const bytes = await readBounded(file, MAX_SEGMENT_BYTES);
    if (bytes === null) return;
    expected = Number(first);
    for (const item of readSegment(file, bytes, expected, isLast)) {
      yield item;
      if (item.fault !== null) return;
      expected = item.frame.firstIndex + item.frame.records.length;
    }
  }
}

async function segmentNames(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function* readSegment(
  file: string,
  bytes: Buffer,
  firstIndex: number,
  isLast: boolean,
): Generator<JournalItem> {
  let index = firstIndex;
  let offset = 0;
  if (bytes.length === 0) {
    yield isLast
      ? { frame: { file, offset: 0, firstIndex, records: [] }, fault: null }
      : faultAt(file, 0, 'empty segment', false, index);
  }
  while (offset < bytes.length) {
    const rest = bytes.subarray(offset);
    const header = decodeFrameHeader(rest);
    const records = header === null ? null : decodeFramePayload(rest, header);
    if (header === null || records === null) {
      const torn = isLast && isTorn(rest, offset);
      const problem = torn ? 'the last frame was not written to its end' : 'damaged frame';
      yield faultAt(file, offset, problem, torn, index);
      return;
    }
    if (header.firstIndex !== index) {
      const problem = `frame of record ${header.firstIndex} where ${index} belongs`;
      yield faultAt(file, offset, problem, false, index);
      return;
    }
    yield { frame: { file, offset, firstIndex: index, records }, fault: null };
    index += records.length;
    offset += FRAME_HEADER_BYTES + header.payloadBytes;
  }
}

/**
 * Whether a crash explains a bad frame at the end of the last segment: the file ends before the frame
 * does, or one of its sectors got its size but not its data and reads as zeros. Anything else, such as
 * a flipped bit or an intact frame further on, is damage to what was once whole.
 */
function isTorn(rest: Buffer, offset: number): boolean {
  const header = decodeFrameHeader(rest);
  if (header === null) {
    if (rest.length > FRAME_HEADER_BYTES + MAX_FRAME_PAYLOAD_BYTES) return false;
    if (hasIntactFrame(rest)) return false;
    return isStartOfHeader(rest) || hasZeroSector(rest, offset);
  }
  const frameBytes = FRAME_HEADER_BYTES + header.payloadBytes;
  if (frameBytes < rest.length) return false;
  return frameBytes > rest.length || hasZeroSector(rest, offset);
}

function isStartOfHeader(rest: Buffer): boolean {
  const known = Math.min(rest.length, FRAME_MAGIC.length);
  return (
    rest.length < FRAME_HEADER_BYTES &&
    rest.subarray(0, known).equals(FRAME_MAGIC.subarray(0, known))
  );
}

function hasZeroSector(rest: Buffer, offset: number): boolean {
  let start = 0;
  while (start < rest.length) {
    const end = Math.min(start + SECTOR_BYTES - ((offset + start) % SECTOR_BYTES), rest.length);
    if (rest.subarray(start, end).every((byte) => byte === 0)) return true;
    start = end;
  }
  return false;
}

function hasIntactFrame(rest: Buffer): boolean {
  for (let at = rest.indexOf(FRAME_MAGIC, 1); at !== -1; at = rest.indexOf(FRAME_MAGIC, at + 1)) {
    const candidate = rest.subarray(at);
    const header = decodeFrameHeader(candidate);
    if (header !== null && decodeFramePayload(candidate, header) !== null) return true;
  }
  return false;
}

function faultAt(
  file: string,
  offset: number,
  problem: string,
  torn: boolean,
  index: number,
): JournalItem {
  return { frame: null, fault: { file, offset, problem, torn, index } };
}
