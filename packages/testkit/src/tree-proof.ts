import { createHash } from 'node:crypto';

/*
 * RFC 6962 consistency, computed from the definition in section 2.1.2: the decomposition of both trees into
 * the proof's subtrees. Written apart from the code that it is to check.
 */

function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256')
    .update(Buffer.from([1]))
    .update(left)
    .update(right)
    .digest();
}

/** Root of the tree without leaves. */
export const EMPTY_TREE_ROOT: Uint8Array = createHash('sha256').digest();

/** Whether the proof shows that the tree of `newSize` leaves starts with that of `oldSize`, which is not 0. */
export function continuesTree(
  oldSize: number,
  oldRoot: Uint8Array,
  newSize: number,
  newRoot: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  const rest = [...proof];
  const roots = rebuild(oldSize, newSize, true, oldRoot, rest);
  if (roots === null || rest.length > 0) return false;
  return Buffer.compare(roots.older, oldRoot) === 0 && Buffer.compare(roots.newer, newRoot) === 0;
}

interface Roots {
  readonly older: Uint8Array;
  readonly newer: Uint8Array;
}

/**
 * SUBPROOF(m, D[n], b) read backwards: takes hashes off the end of the proof.
 * @param isWhole the subtree of m leaves is the whole old tree, so that its root is known.
 */
function rebuild(
  m: number,
  n: number,
  isWhole: boolean,
  oldRoot: Uint8Array,
  proof: Uint8Array[],
): Roots | null {
  if (m === n) {
    const hash = isWhole ? oldRoot : proof.shift();
    return hash === undefined ? null : { older: hash, newer: hash };
  }
  let k = 1;
  while (k * 2 < n) k *= 2;
  if (m <= k) {
    const inner = rebuild(m, k, isWhole, oldRoot, proof);
    const right = proof.shift();
    if (inner === null || right === undefined) return null;
    return { older: inner.older, newer: nodeHash(inner.newer, right) };
  }
  const inner = rebuild(m - k, n - k, false, oldRoot, proof);
  const left = proof.shift();
  if (inner === null || left === undefined) return null;
  return { older: nodeHash(left, inner.older), newer: nodeHash(left, inner.newer) };
}
