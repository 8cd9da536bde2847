import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CompactRange,
  EMPTY_ROOT,
  leafHash,
  nodeHash,
  verifyConsistencyProof,
  verifyInclusionProof,
} from '../src/index.ts';

/** The definition: RFC 6962 section 2.1, as written there. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return EMPTY_ROOT;
  if (leaves.length === 1) return leaves[0]!;
  const k = split(leaves.length);
  return nodeHash(naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

/** PATH(m, D[n]) of RFC 6962 section 2.1.1. */
function inclusionProof(m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return m < k
    ? [...inclusionProof(m, left), naiveRoot(right)]
    : [...inclusionProof(m - k, right), naiveRoot(left)];
}

/** SUBPROOF(m, D[n], b) of RFC 6962 section 2.1.2. */
function subProof(m: number, leaves: readonly Uint8Array[], known: boolean): Uint8Array[] {
  if (m === leaves.length) return known ? [] : [naiveRoot(leaves)];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return m <= k
    ? [...subProof(m, left, known), naiveRoot(right)]
    : [...subProof(m - k, right, false), naiveRoot(left)];
}

function split(size: number): number {
  return 2 ** Math.floor(Math.log2(size - 1));
}

function leavesOf(size: number): Uint8Array[] {
  return Array.from({ length: size }, (_, i) => leafHash(Buffer.from(`record ${i}`)));
}

function rangeOf(leaves: readonly Uint8Array[]): CompactRange {
  const range = new CompactRange();
  for (const leaf of leaves) range.append(leaf);
  return range;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('CompactRange', () => {
  it('has the roots of the reference tree', () => {
    const reference = JSON.parse(
      readFileSync(join(import.meta.dirname, 'vectors/rfc6962/reference-tree.json'), 'utf8'),
    ) as { leafInputsHex: string[]; rootHashesHexBySize: string[] };
    const range = new CompactRange();
    const roots = [hex(range.root())];
    for (const input of reference.leafInputsHex) {
      range.append(leafHash(Buffer.from(input, 'hex')));
      roots.push(hex(range.root()));
    }
    expect(roots).toEqual(reference.rootHashesHexBySize);
  });

  it('has the root that the definition gives, for every size up to 600', () => {
    const leaves = leavesOf(600);
    const range = new CompactRange();
    for (let size = 0; size <= 600; size += 1) {
      expect(hex(range.root())).toBe(hex(naiveRoot(leaves.slice(0, size))));
      expect(range.size).toBe(size);
      if (size < 600) range.append(leaves[size]!);
    }
  });

  it('goes on after a restore as if it had never stopped', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 0, max: 40 }),
        (size, more) => {
          const leaves = leavesOf(size + more);
          const nodes = new Map<number, Uint8Array>();
          const original = new CompactRange();
          for (const leaf of leaves.slice(0, size)) {
            original.append(leaf, (level, hash) => nodes.set(level, hash));
          }
          const restored = CompactRange.restore(size, (level) => {
            const end = size - (size % 2 ** level);
            return naiveRoot(leaves.slice(end - 2 ** level, end));
          });
          expect(hex(restored.root())).toBe(hex(original.root()));
          for (const leaf of leaves.slice(size)) restored.append(leaf);
          expect(hex(restored.root())).toBe(hex(naiveRoot(leaves)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('has roots against which proofs by the definition verify, and no others', () => {
    const size = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), fc.nat(255), (n, pick, older, bit) => {
        const leaves = leavesOf(n);
        const root = rangeOf(leaves).root();
        const index = pick % n;
        const proof = inclusionProof(index, leaves);
        expect(verifyInclusionProof(index, n, leaves[index]!, proof, root)).toBe(true);
        const m = 1 + (older % n);
        const olderRoot = rangeOf(leaves.slice(0, m)).root();
        const consistency = m === n ? [] : subProof(m, leaves, true);
        expect(verifyConsistencyProof(m, n, consistency, olderRoot, root)).toBe(true);
        const wrong = Buffer.from(root);
        wrong[bit >> 3]! ^= 1 << (bit & 7);
        expect(verifyInclusionProof(index, n, leaves[index]!, proof, wrong)).toBe(false);
        expect(verifyConsistencyProof(m, n, consistency, olderRoot, wrong)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});
