import { hash } from 'node:crypto';
import { bundleBytes, decodeBundle, encodeBundle } from './entry-bundle.ts';

/*
 * A frame holds one group of records: the unit that is written and synced, and the unit that a crash
 * can tear. Layout, big-endian:
 *
 *   0  magic "CGJ1"
 *   4  uint32 bytes of the payload
 *   8  uint32 records in the payload
 *  12  uint64 index of the first record in the log
 *  20  first 16 bytes of SHA-256(payload)
 *  36  first 4 bytes of SHA-256(bytes 0 to 35)
 *  40  payload: the records, each behind its length as uint16
 */

export const FRAME_HEADER_BYTES = 40;

/** Largest payload of a frame, in bytes; bounds what a reader takes into memory. */
export const MAX_FRAME_PAYLOAD_BYTES = 8 * 1024 * 1024;

export const FRAME_MAGIC = Buffer.from('CGJ1');

const DIGEST_AT = 20;
const DIGEST_BYTES = 16;
const CHECK_AT = 36;
const CHECK_BYTES = 4;

/** What a frame's header says, once its check has passed. */
export interface FrameHeader {
  readonly payloadBytes: number;
  readonly count: number;
  readonly firstIndex: number;
}

/** The frame of a group of records. @param records their bundle is at most {@link MAX_FRAME_PAYLOAD_BYTES}. */
export function encodeFrame(firstIndex: number, records: readonly Uint8Array[]): Buffer {
  const size = bundleBytes(records);
  if (size > MAX_FRAME_PAYLOAD_BYTES) throw new RangeError(`frame of ${size} bytes`);
  const payload = encodeBundle(records);
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.set(FRAME_MAGIC, 0);
  header.writeUInt32BE(payload.length, 4);
  header.writeUInt32BE(records.length, 8);
  header.writeBigUInt64BE(BigInt(firstIndex), 12);
  header.set(digest(payload, DIGEST_BYTES), DIGEST_AT);
  header.set(digest(header.subarray(0, CHECK_AT), CHECK_BYTES), CHECK_AT);
  return Buffer.concat([header, payload]);
}

/** The header at the start of the bytes, or null when they are not one. */
export function decodeFrameHeader(bytes: Buffer): FrameHeader | null {
  if (bytes.length < FRAME_HEADER_BYTES) return null;
  if (bytes.compare(FRAME_MAGIC, 0, FRAME_MAGIC.length, 0, FRAME_MAGIC.length) !== 0) return null;
  const check = digest(bytes.subarray(0, CHECK_AT), CHECK_BYTES);
  if (bytes.compare(check, 0, CHECK_BYTES, CHECK_AT, FRAME_HEADER_BYTES) !== 0) return null;
  const payloadBytes = bytes.readUInt32BE(4);
  const firstIndex = Number(bytes.readBigUInt64BE(12));
  if (payloadBytes > MAX_FRAME_PAYLOAD_BYTES || !Number.isSafeInteger(firstIndex)) return null;
  return { payloadBytes, count: bytes.readUInt32BE(8), firstIndex };
}

/** The records of a frame, or null when payload and header do not belong together. */
export function decodeFramePayload(bytes: Buffer, header: FrameHeader): readonly Buffer[] | null {
  const payload = bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + header.payloadBytes);
  if (payload.length !== header.payloadBytes) return null;
  const wanted = bytes.subarray(DIGEST_AT, DIGEST_AT + DIGEST_BYTES);
  if (!digest(payload, DIGEST_BYTES).equals(wanted)) return null;
  const { records, problem } = decodeBundle(payload, header.count);
  return problem === null && records.length === header.count && header.count > 0 ? records : null;
}

function digest(bytes: Uint8Array, length: number): Buffer {
  return hash('sha256', bytes, 'buffer').subarray(0, length);
}
