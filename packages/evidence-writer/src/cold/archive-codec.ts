import { corruptEvidence } from '../corrupt-evidence.ts';
import { loadPeer } from '../tier/tier-error.ts';

/** Content of more bytes than this is compressed. */
export const COMPRESS_ABOVE_BYTES = 1_024;

/** Ends the key of an object whose content is an LZ4 frame; `lz4 -d` opens it. */
export const LZ4_SUFFIX = '.lz4';

/** First bytes of a frame (LZ4 Frame Format 1.6.1). */
const FRAME_MAGIC = 0x184d2204;

/** Bytes of a block at most, by its code in the frame's header. */
const BLOCK_BYTES: Readonly<Record<number, number>> = {
  4: 65_536,
  5: 262_144,
  6: 1_048_576,
  7: 4_194_304,
};

const UNCOMPRESSED = 0x80000000;

/** Content as it is stored: the suffix of its key, and the bytes. */
export interface EncodedContent {
  readonly suffix: '' | typeof LZ4_SUFFIX;
  readonly bytes: Uint8Array;
}

/** @throws {GovernanceError} EVIDENCE_TIER_UNAVAILABLE without the package `lz4-napi`. */
export async function encodeContent(content: Uint8Array): Promise<EncodedContent> {
  if (content.length <= COMPRESS_ABOVE_BYTES) return { suffix: '', bytes: content };
  const { compressFrame } = await loadLz4();
  // The content's alone does not find every flipped bit: the library stops at a block that seems the last.
  const checksums = { contentChecksum: true, blockChecksums: true };
  return { suffix: LZ4_SUFFIX, bytes: await compressFrame(content, checksums) };
}

/**
 * The content of an object, by the suffix of its key.
 * @throws {GovernanceError} EVIDENCE_CORRUPT for what is no frame, or would be more than `maxBytes`: that is
 * known from the frame's blocks before any is decompressed.
 */
export async function decodeContent(key: string, bytes: Buffer, maxBytes: number): Promise<Buffer> {
  if (!key.endsWith(LZ4_SUFFIX)) return bytes;
  const problem = findFrameProblem(bytes, maxBytes);
  if (problem !== null) throw corruptEvidence(key, 'content', problem);
  const { decompressFrame } = await loadLz4();
  let content: Buffer;
  try {
    content = await decompressFrame(bytes);
  } catch {
    throw corruptEvidence(key, 'content', 'the LZ4 frame is damaged');
  }
  if (content.length > maxBytes)
    throw corruptEvidence(key, 'content', `more than ${maxBytes} bytes`);
  return content;
}

/** Why bytes are not one whole frame of bounded content; null when they are. */
export function findFrameProblem(bytes: Buffer, maxBytes: number): string | null {
  const magic = bytes.length < 7 ? 0 : bytes.readUInt32LE(0);
  const flags = bytes[4] ?? 0;
  const blockBytes = BLOCK_BYTES[((bytes[5] ?? 0) >> 4) & 7];
  if (magic !== FRAME_MAGIC || flags >> 6 !== 1 || blockBytes === undefined) return 'no LZ4 frame';
  const has = (bit: number): boolean => (flags & (1 << bit)) !== 0;
  let offset = 7 + (has(3) ? 8 : 0) + (has(0) ? 4 : 0);
  let content = 0;
  for (;;) {
    if (offset + 4 > bytes.length) return 'the LZ4 frame is cut short';
    const size = bytes.readUInt32LE(offset);
    offset += 4;
    if (size === 0) break;
    const stored = size >= UNCOMPRESSED ? size - UNCOMPRESSED : size;
    if (stored > blockBytes) return 'the LZ4 frame is damaged';
    // Only the last block may be shorter than the others.
    if (content > maxBytes) return `more than ${maxBytes} bytes`;
    content += size >= UNCOMPRESSED ? stored : blockBytes;
    offset += stored + (has(4) ? 4 : 0);
  }
  return offset + (has(2) ? 4 : 0) === bytes.length ? null : 'more than one LZ4 frame';
}

function loadLz4(): Promise<typeof import('lz4-napi')> {
  return loadPeer('cold', 'lz4-napi', () => import('lz4-napi'));
}
