import { hash } from 'node:crypto';

/** Bytes of every hash in the tree (SHA-256). */
export const HASH_BYTES = 32;

/** First byte of what is hashed for a record (RFC 6962 section 2.1). */
export const LEAF_PREFIX = 0x00;

/** First byte of what is hashed for an inner node (RFC 6962 section 2.1). */
const NODE_PREFIX = 0x01;

/** Longest record that is hashed without a buffer of its own, in bytes. */
const LEAF_BUFFER_BYTES = 65_536;

// One call at a time fills and hashes these: nothing here waits.
const leaf = Buffer.alloc(1 + LEAF_BUFFER_BYTES);
const node = Buffer.alloc(1 + 2 * HASH_BYTES);
leaf[0] = LEAF_PREFIX;
node[0] = NODE_PREFIX;

/** Root of a tree without records: SHA-256 of nothing (RFC 6962 section 2.1). */
export const EMPTY_ROOT: Uint8Array = Buffer.from(sha256(new Uint8Array()), 'latin1');

/** SHA-256 as 32 characters of one byte each: the form that the runtime gives fastest. */
export function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'binary');
}

/** Hash of one record: SHA-256(0x00 || record), RFC 6962 section 2.1. */
export function leafHash(record: Uint8Array): Buffer {
  const bytes = record.length <= LEAF_BUFFER_BYTES ? leaf : Buffer.alloc(1 + record.length);
  bytes[0] = LEAF_PREFIX;
  bytes.set(record, 1);
  return Buffer.from(sha256(bytes.subarray(0, 1 + record.length)), 'latin1');
}

/** Hash of an inner node: SHA-256(0x01 || left || right), RFC 6962 section 2.1. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) {
    return Buffer.from(sha256(Buffer.concat([Buffer.of(NODE_PREFIX), left, right])), 'latin1');
  }
  node.set(left, 1);
  node.set(right, 1 + HASH_BYTES);
  return Buffer.from(sha256(node), 'latin1');
}

/**
 * Root of up to 256 hashes, one behind the other, as leaves of one subtree: pairs, level by level; an
 * odd last one is carried up. {@link EMPTY_ROOT} of none.
 */
export function foldHashes(hashes: Uint8Array): Uint8Array {
  if (hashes.length === 0) return EMPTY_ROOT;
  const row = Buffer.from(hashes);
  for (let count = row.length / HASH_BYTES; count > 1; count = Math.ceil(count / 2)) {
    const pairs = Math.floor(count / 2);
    for (let i = 0; i < pairs; i += 1) {
      row.copy(node, 1, 2 * i * HASH_BYTES, (2 * i + 2) * HASH_BYTES);
      row.write(sha256(node), i * HASH_BYTES, 'latin1');
    }
    if (count % 2 === 1)
      row.copyWithin(pairs * HASH_BYTES, (count - 1) * HASH_BYTES, count * HASH_BYTES);
  }
  return row.subarray(0, HASH_BYTES);
}
