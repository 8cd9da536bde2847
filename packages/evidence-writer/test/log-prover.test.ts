import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  EMPTY_ROOT,
  openLogProver,
  proveRecord,
  verifyConsistencyProof,
  verifyInclusionProof,
} from '../src/index.ts';
import {
  makeKey,
  makeLeaves,
  naiveConsistency,
  naivePath,
  naiveRoot,
  writeTiles,
} from './signed-log.ts';
import { allowed, call, errorOf, openWriter, temporaryFolder } from './support.ts';

const key = makeKey('example.com/log');

/** A log's folder with the tiles of so many records. */
async function tilesOf(size: number): Promise<{ folder: string; leaves: Buffer[] }> {
  const folder = join(await temporaryFolder(), 'log');
  const leaves = makeLeaves(size);
  await writeTiles(folder, leaves, key);
  return { folder, leaves };
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
}

describe('openLogProver', () => {
  it('proves the same as the definitions of RFC 6962, for every part of trees of all shapes', async () => {
    const sizes = fc.oneof(
      fc.integer({ min: 1, max: 70 }),
      fc.constantFrom(255, 256, 257, 511, 512, 513, 700),
    );
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), fc.nat(), async (size, a, b, c) => {
        const { folder, leaves } = await tilesOf(size);
        const prover = await openLogProver(folder);
        const [newSize, oldSize, index] = [1 + (a % size), 1 + (b % (1 + (a % size))), c % size];
        const tree = leaves.slice(0, newSize);
        const consistency = await prover.consistencyProof(oldSize, newSize);
        expect(consistency).toEqual(naiveConsistency(oldSize, tree));
        const roots = [await prover.root(oldSize), await prover.root(newSize)] as const;
        expect(roots).toEqual([naiveRoot(leaves.slice(0, oldSize)), naiveRoot(tree)]);
        expect(verifyConsistencyProof(oldSize, newSize, consistency, ...roots)).toBe(true);
        const at = index % newSize;
        const inclusion = await prover.inclusionProof(at, newSize);
        expect(inclusion).toEqual(naivePath(at, tree));
        const leaf = await prover.leafHash(at);
        expect(leaf).toEqual(leaves[at]);
        expect(verifyInclusionProof(at, newSize, leaf, inclusion, roots[1])).toBe(true);
        expect(await prover.inclusionProof(index)).toEqual(naivePath(index, leaves));
      }),
      { numRuns: 60 },
    );
  });

  it('proves through three levels of tiles', async () => {
    const { folder, leaves } = await tilesOf(65_536 + 256 + 3);
    const prover = await openLogProver(folder, { publicKeys: [key.vkey] });
    const { size, root } = prover.checkpoint;
    for (const index of [0, 1, 255, 256, 40_000, 65_535, 65_536, 65_791, 65_792, size - 1]) {
      const proof = await prover.inclusionProof(index);
      expect(verifyInclusionProof(index, size, leaves[index]!, proof, root)).toBe(true);
    }
    for (const older of [1, 256, 65_535, 65_536, 65_700, size]) {
      const proof = await prover.consistencyProof(older);
      const oldRoot = await prover.root(older);
      expect(verifyConsistencyProof(older, size, proof, oldRoot, root)).toBe(true);
    }
    expect(await prover.root(65_537)).toEqual(naiveRoot(leaves.slice(0, 65_537)));
  });

  it('proves nothing from a tile with a flipped bit', async () => {
    const size = 600;
    const { folder } = await tilesOf(size);
    const files = await filesBelow(join(folder, 'tile'));
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.nat(7), async (pick, at, bit) => {
        const file = files[pick % files.length]!;
        const good = await readFile(file);
        const bad = Buffer.from(good);
        bad[at % bad.length]! ^= 1 << bit;
        await writeFile(file, bad);
        const proveAll = async (): Promise<void> => {
          const prover = await openLogProver(folder);
          for (let index = 0; index < size; index += 100) await prover.inclusionProof(index);
        };
        const error = await errorOf(proveAll());
        await writeFile(file, good);
        expect(error.code).toBe('EVIDENCE_CORRUPT');
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['missing', (file: string) => rm(file)],
    ['cut short', async (file: string) => writeFile(file, (await readFile(file)).subarray(0, 40))],
    ['too long', async (file: string) => writeFile(file, Buffer.alloc(64 * 256))],
    ['a folder', (file: string) => rm(file).then(() => mkdir(file))],
  ])('proves nothing when a tile is %s', async (_name, damage) => {
    const { folder } = await tilesOf(300);
    await damage(join(folder, 'tile/0/000'));
    const prover = await openLogProver(folder);
    expect((await errorOf(prover.leafHash(3))).code).toBe('EVIDENCE_CORRUPT');
    await damage(join(folder, 'tile/0/001.p/44'));
    expect((await errorOf(openLogProver(folder))).code).toBe('EVIDENCE_CORRUPT');
  });

  it('ends in an error with a code, whatever cannot be read', async () => {
    const { folder } = await tilesOf(300);
    const entries = await openLogProver(folder);
    expect(entries.checkpoint.size).toBe(300);
    // Links that lead to themselves fail as no missing file does.
    await mkdir(join(folder, 'tile/entries'));
    await symlink('000.p', join(folder, 'tile/entries/000.p'));
    expect((await errorOf(proveRecord(folder, { index: 0 }))).code).toBe('EVIDENCE_CORRUPT');
    await rename(join(folder, 'tile/0/001.p'), join(folder, 'tile/0/away'));
    await symlink('001.p', join(folder, 'tile/0/001.p'));
    expect((await errorOf(openLogProver(folder))).code).toBe('EVIDENCE_CORRUPT');
    await rm(`${folder}.vkey`);
    await mkdir(`${folder}.vkey`);
    expect((await errorOf(openLogProver(folder))).code).toBe('EVIDENCE_KEY_INVALID');
  });

  it('reads wider tiles than it needs', async () => {
    const { folder, leaves } = await tilesOf(300);
    await writeFile(
      join(folder, 'checkpoint'),
      key.note(`${key.name}\n270\n${naiveRoot(leaves.slice(0, 270)).toString('base64')}\n`),
    );
    const prover = await openLogProver(folder);
    expect(await prover.inclusionProof(260)).toEqual(naivePath(260, leaves.slice(0, 270)));
  });

  it('takes the empty log, which proves nothing', async () => {
    const { folder } = await tilesOf(0);
    const prover = await openLogProver(folder);
    expect(Buffer.from(prover.checkpoint.root)).toEqual(Buffer.from(EMPTY_ROOT));
    for (const asked of [
      prover.leafHash(0),
      prover.inclusionProof(0),
      prover.root(0),
      prover.consistencyProof(0),
    ]) {
      expect((await errorOf(asked)).code).toBe('OPTIONS_INVALID');
    }
  });

  it('refuses indices and sizes that are not in the tree', async () => {
    const { folder } = await tilesOf(5);
    const prover = await openLogProver(folder);
    for (const bad of [-1, 5, 0.5, Number.NaN, 2 ** 53, '1' as never]) {
      expect((await errorOf(prover.leafHash(bad))).code).toBe('OPTIONS_INVALID');
      expect((await errorOf(prover.inclusionProof(bad))).code).toBe('OPTIONS_INVALID');
    }
    expect((await errorOf(prover.inclusionProof(3, 3))).code).toBe('OPTIONS_INVALID');
    expect((await errorOf(prover.consistencyProof(4, 3))).code).toBe('OPTIONS_INVALID');
    expect((await errorOf(prover.root(6))).code).toBe('OPTIONS_INVALID');
  });

  it('takes any of several keys, and no unknown one', async () => {
    const { folder } = await tilesOf(5);
    const other = makeKey(key.name);
    const publicKeys = [other.vkey, key.vkey];
    expect((await openLogProver(folder, { publicKeys })).checkpoint.size).toBe(5);
    const codes = await Promise.all(
      [[other.vkey], ['nonsense'], []].map(async (keys) => {
        return (await errorOf(openLogProver(folder, { publicKeys: keys }))).code;
      }),
    );
    expect(codes).toEqual(['EVIDENCE_CORRUPT', 'EVIDENCE_KEY_INVALID', 'OPTIONS_INVALID']);
    await rm(`${folder}.vkey`);
    expect((await errorOf(openLogProver(folder))).code).toBe('EVIDENCE_KEY_INVALID');
    await rm(join(folder, 'checkpoint'));
    expect((await errorOf(openLogProver(folder, { publicKeys }))).code).toBe('EVIDENCE_CORRUPT');
  });

  it('proves while the log is written', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir, checkpointIntervalMs: 0 });
    const folder = writer.status().dir;
    for (let round = 0; round < 8; round += 1) {
      for (let i = 0; i < 90; i += 1) writer.appendDecision(call({ i }), allowed());
      const flushed = writer.flush();
      const prover = await openLogProver(folder);
      const { size, root } = prover.checkpoint;
      for (let index = 0; index < size; index += 37) {
        const leaf = await prover.leafHash(index);
        const proof = await prover.inclusionProof(index);
        expect(verifyInclusionProof(index, size, leaf, proof, root)).toBe(true);
      }
      await flushed;
    }
  });
});
