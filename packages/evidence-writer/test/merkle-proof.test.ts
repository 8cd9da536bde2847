import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyConsistencyProof, verifyInclusionProof } from '../src/index.ts';

interface InclusionCase {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

interface ConsistencyCase {
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

const VECTORS = join(import.meta.dirname, 'vectors', 'rfc6962');

function cases<T>(kind: string): readonly [string, T][] {
  return readdirSync(join(VECTORS, kind), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => [name, JSON.parse(readFileSync(join(VECTORS, kind, name), 'utf8')) as T]);
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

describe('RFC 6962 inclusion vectors', () => {
  const vectors = cases<InclusionCase>('inclusion');

  it('are all there', () => {
    expect(vectors.length).toBeGreaterThan(40);
  });

  it.each(vectors)('%s', (_name, c) => {
    const proof = (c.proof ?? []).map(bytes);
    const isValid = verifyInclusionProof(
      c.leafIdx,
      c.treeSize,
      bytes(c.leafHash),
      proof,
      bytes(c.root),
    );
    expect(isValid).toBe(!c.wantErr);
  });
});

describe('RFC 6962 consistency vectors', () => {
  const vectors = cases<ConsistencyCase>('consistency');

  it('are all there', () => {
    expect(vectors.length).toBeGreaterThan(40);
  });

  it.each(vectors)('%s', (_name, c) => {
    const proof = (c.proof ?? []).map(bytes);
    const isValid = verifyConsistencyProof(c.size1, c.size2, proof, bytes(c.root1), bytes(c.root2));
    expect(isValid).toBe(!c.wantErr);
  });
});

describe('proof verification', () => {
  it('is false, not an error, for sizes that are none', () => {
    const hash = Buffer.alloc(32);
    for (const size of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(verifyInclusionProof(0, size, hash, [], hash)).toBe(false);
      expect(verifyInclusionProof(size, 4, hash, [], hash)).toBe(false);
      expect(verifyConsistencyProof(size, size, [], hash, hash)).toBe(false);
    }
  });
});
