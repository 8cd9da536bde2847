import { HASH_BYTES, nodeHash } from './merkle-hash.ts';

/**
 * Whether the proof shows that the leaf at `index` is in the tree of `size` leaves with this root
 * (RFC 9162 section 2.1.3.2). Never throws; anything malformed is false.
 */
export function verifyInclusionProof(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isSize(index) || !isSize(size) || index >= size) return false;
  if (!isHash(leaf) || !proof.every(isHash)) return false;
  const path = new TreePath(index, size - 1);
  let hash = leaf;
  for (const sibling of proof) {
    if (path.last === 0) return false;
    if (path.isRight()) {
      hash = nodeHash(sibling, hash);
      path.climbWhileLeft();
    } else {
      hash = nodeHash(hash, sibling);
    }
    path.climb();
  }
  return path.last === 0 && isEqual(hash, root);
}

/**
 * Whether the proof shows that the tree of `size2` leaves starts with the tree of `size1` leaves
 * (RFC 9162 section 2.1.4.2). Never throws; anything malformed is false. `size1` 0 is false: every
 * log continues the empty log, so there is nothing to prove.
 */
export function verifyConsistencyProof(
  size1: number,
  size2: number,
  proof: readonly Uint8Array[],
  root1: Uint8Array,
  root2: Uint8Array,
): boolean {
  if (!isSize(size1) || !isSize(size2) || size1 === 0 || size1 > size2) return false;
  if (size1 === size2) return proof.length === 0 && isEqual(root1, root2);
  if (proof.length === 0 || !isHash(root1) || !proof.every(isHash)) return false;
  const hashes = isPowerOfTwo(size1) ? [root1, ...proof] : proof;
  const path = new TreePath(size1 - 1, size2 - 1);
  while (path.index % 2 === 1) path.climb();
  const [start, ...rest] = hashes as [Uint8Array, ...Uint8Array[]];
  let older = start;
  let newer = start;
  for (const hash of rest) {
    if (path.last === 0) return false;
    if (path.isRight()) {
      older = nodeHash(hash, older);
      newer = nodeHash(hash, newer);
      path.climbWhileLeft();
    } else {
      newer = nodeHash(newer, hash);
    }
    path.climb();
  }
  return path.last === 0 && isEqual(older, root1) && isEqual(newer, root2);
}

/** A node's index and the last index of its level, while a proof climbs from leaf to root. */
class TreePath {
  index: number;
  last: number;

  constructor(index: number, last: number) {
    this.index = index;
    this.last = last;
  }

  /** Whether the next hash of the proof stands to the left of this node. */
  isRight(): boolean {
    return this.index % 2 === 1 || this.index === this.last;
  }

  /** Skips the levels at which a last node without sibling is carried up unchanged. */
  climbWhileLeft(): void {
    while (this.index % 2 === 0 && this.index !== 0) this.climb();
  }

  climb(): void {
    this.index = Math.floor(this.index / 2);
    this.last = Math.floor(this.last / 2);
  }
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isHash(value: Uint8Array): boolean {
  return value.length === HASH_BYTES;
}

function isPowerOfTwo(size: number): boolean {
  return Number.isInteger(Math.log2(size)) && 2 ** Math.round(Math.log2(size)) === size;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
