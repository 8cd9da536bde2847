import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { verifyEvidence } from '../src/index.ts';
import { checkBatch } from '../src/verify/bundle-batch.ts';
import { BundlePool } from '../src/verify/bundle-pool.ts';
import {
  announcement,
  type ClosedLog,
  copyLog,
  erase,
  filesBelow,
  LONG,
  writeLog,
} from './sample-log.ts';
import { temporaryFolder } from './support.ts';

/** Enough for several batches for every thread, and for a partial bundle behind them. */
const RECORDS = 80 * 256 + 100;

let log: ClosedLog;
let files: readonly string[];

beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'evidence-workers-'));
  const events = { [RECORDS - 1]: announcement([100, 400], [9_000, 9_001]) };
  log = await writeLog(dir, { records: RECORDS, events });
  files = await filesBelow(log.folder);
  return () => rm(dir, { recursive: true });
}, 60_000);

function scope(): { folder: string; signedSize: number; live: boolean } {
  return { folder: log.folder, signedSize: RECORDS, live: false };
}

describe('the pool', () => {
  it('starts the threads that it is asked for; none for 0 and 1', async () => {
    for (const [asked, started] of [
      [0, 0],
      [1, 0],
      [2, 2],
      [3, 3],
    ] as const) {
      const pool = await BundlePool.start(scope(), asked);
      expect(pool.threads).toBe(started);
      await pool.close();
    }
  });

  it('finds in a thread what this one finds', async () => {
    const batch = { first: 1, count: 5 };
    const pool = await BundlePool.start(scope(), 2);
    const found = await pool.check(batch);
    await pool.close();
    expect(found).toEqual(checkBatch(scope(), batch));
    expect(found.bundles).toHaveLength(5);
    expect(found.counts.kinds.decision).toBe(5 * 256);
  });

  it('does itself what threads leave undone that end', async () => {
    const pool = await BundlePool.start(scope(), 2);
    const batches = [0, 16, 32, 48, 64].map((first) => ({ first, count: 16 }));
    const asked = batches.map((batch) => pool.check(batch));
    await pool.close();
    const late = await pool.check({ first: 0, count: 16 });
    const found = await Promise.all(asked);
    expect(found).toEqual(batches.map((batch) => checkBatch(scope(), batch)));
    expect(late).toEqual(found[0]);
  });

  it('tells what a thread could not do', async () => {
    const bad = { ...scope(), folder: 'a\0b' };
    const pool = await BundlePool.start(bad, 2);
    const problem = await pool.check({ first: 0, count: 1 }).catch((error: Error) => error.message);
    await pool.close();
    expect(problem).toContain('null bytes');
  });
});

describe('verifyEvidence with threads', () => {
  it('reports of a whole log, and of one with erased records, what one thread reports', async () => {
    const folder = await copyLog(log.folder, await temporaryFolder());
    for (const erased of [[], [100, 101, 399, 9_000], [99]]) {
      await erase(folder, erased);
      const alone = await verifyEvidence(folder, { workers: 0 });
      for (const workers of [2, 3]) {
        expect(await verifyEvidence(folder, { workers })).toEqual(alone);
      }
      expect(alone.ok).toBe(erased[0] !== 99);
    }
  });

  it(
    'reports of a damaged log what one thread reports',
    async () => {
      const folder = await copyLog(log.folder, await temporaryFolder());
      const damage = fc.record({
        pick: fc.nat(files.length - 1),
        at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        how: fc.constantFrom('flip', 'cut', 'zero', 'gone'),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (damages) => {
          const whole = new Map<string, Buffer>();
          for (const { pick, at, how } of damages) {
            const file = join(folder, files[pick] ?? '');
            if (whole.has(file)) continue;
            const bytes = await readFile(file);
            whole.set(file, bytes);
            const place = Math.floor(at * bytes.length);
            const changed = Buffer.from(bytes);
            if (how === 'gone') await rm(file);
            else if (how === 'cut') await writeFile(file, bytes.subarray(0, place));
            else {
              changed[place] = how === 'zero' ? 0 : (changed[place] ?? 0) ^ 1;
              await writeFile(file, changed);
            }
          }
          const alone = await verifyEvidence(folder, { workers: 0 });
          const threads = await verifyEvidence(folder, { workers: 2 });
          for (const [file, bytes] of whole) await writeFile(file, bytes);
          expect(threads).toEqual(alone);
        }),
        { numRuns: LONG ? 200 : 8 },
      );
      expect((await verifyEvidence(folder, { workers: 2 })).ok).toBe(true);
    },
    LONG ? 600_000 : 60_000,
  );

  it('is told how far it is, in order', async () => {
    const told: number[] = [];
    await verifyEvidence(log.folder, { workers: 2, onProgress: (records) => told.push(records) });
    expect(told).toEqual([16, 32, 48, 64, 80].map((bundles) => bundles * 256));
  });

  it('needs no thread: where none can read its script the report is the same', async () => {
    const script = join(import.meta.dirname, 'fixtures/verify-once.ts');
    const args = ['--import', 'tsx', '--conditions=@cortex-governance/source', script, log.folder];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [...args, '2']);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(await verifyEvidence(log.folder, { workers: 0 }));
  });
});
