import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createEvidenceWriter, verifyEvidence } from '../src/index.ts';
import { tilePath } from '../src/tile-path.ts';
import {
  announcement,
  type ClosedLog,
  copyLog,
  erase,
  filesBelow,
  LONG,
  splitBundle,
  writeLog,
} from './sample-log.ts';
import { allowed, call, temporaryFolder, unsyncedFiles } from './support.ts';

/** Three full bundles and a partial one; some records are erased, as announced. */
const RECORDS = 3 * 256 + 70;
const ERASED = [5, 6, 7, 300, 511];

const runs = (few: number): { numRuns: number } => ({ numRuns: LONG ? 50 * few : few });
const TIMEOUT_MS = LONG ? 900_000 : 60_000;

let log: ClosedLog;
let files: readonly string[];
let bundles: readonly string[];

beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'evidence-damage-'));
  const events = { 800: announcement([5, 8], [300, 301], [511, 512]) };
  log = await writeLog(dir, { records: RECORDS, events });
  await erase(log.folder, ERASED);
  files = await filesBelow(log.folder);
  bundles = files.filter((name) => name.startsWith('tile/entries/'));
  return () => rm(dir, { recursive: true });
});

interface Damage {
  /** Files that the damage touches, below the log's folder. */
  readonly files: readonly string[];
  /** The first record that is not where it was; null when the damage does not say. */
  readonly index?: number;
}

/**
 * Damages a copy of the log, again and again, and expects that it is found at the place, whatever it is.
 * @param damage null when nothing was changed.
 */
async function expectFound<T>(
  arbitrary: fc.Arbitrary<T>,
  damage: (folder: string, value: T) => Promise<Damage | null>,
  numRuns: number,
): Promise<void> {
  const folder = await copyLog(log.folder, await temporaryFolder());
  const content = new Map<string, Buffer>();
  for (const name of files) content.set(name, await readFile(join(folder, name)));
  await fc.assert(
    fc.asyncProperty(arbitrary, async (value) => {
      const done = await damage(folder, value);
      fc.pre(done !== null);
      const { ok, firstFault } = await verifyEvidence(folder, { publicKeys: [log.vkey] });
      for (const name of await filesBelow(folder)) {
        if (!content.has(name)) await rm(join(folder, name));
      }
      for (const name of done?.files ?? []) {
        const bytes = content.get(name);
        if (bytes !== undefined) await writeFile(join(folder, name), bytes);
      }
      expect(ok).toBe(false);
      expect(done?.files.map((name) => join(folder, name))).toContain(firstFault?.file);
      expect(firstFault?.kind).toBe('damaged');
      if (done?.index !== undefined) expect(firstFault?.index).toBe(done.index);
    }),
    runs(numRuns),
  );
  expect((await verifyEvidence(folder)).ok).toBe(true);
}

/** A file of the log and a place in it. */
function place(): fc.Arbitrary<{ name: string; at: number }> {
  return fc.record({
    name: fc.constantFrom(...files),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
}

/** An entry bundle and two records of it, the lower first. */
function pair(): fc.Arbitrary<{ name: string; low: number; high: number }> {
  return fc
    .record({ name: fc.constantFrom(...bundles), a: fc.nat(69), b: fc.nat(69) })
    .map(({ name, a, b }) => ({ name, low: Math.min(a, b), high: Math.max(a, b) }));
}

/** Index of a bundle's first record. */
function startOf(name: string): number {
  return Number(/entries\/(\d+)/.exec(name)?.[1]) * 256;
}

/** Rewrites the entries of a bundle. */
async function rewrite(
  folder: string,
  name: string,
  change: (entries: Buffer[]) => readonly Buffer[],
): Promise<void> {
  const file = join(folder, name);
  await writeFile(file, Buffer.concat(change(splitBundle(await readFile(file)))));
}

describe('damage to a closed log is found and named', () => {
  it(
    'one to five flipped bits in a file',
    () =>
      expectFound(
        fc.tuple(
          place(),
          fc.array(fc.tuple(fc.nat(40), fc.nat(7)), { minLength: 1, maxLength: 5 }),
        ),
        async (folder, [{ name, at }, flips]) => {
          const file = join(folder, name);
          const whole = await readFile(file);
          const bytes = Buffer.from(whole);
          for (const [further, bit] of flips) {
            const byte = (Math.floor(at * bytes.length) + further) % bytes.length;
            bytes[byte] = (bytes[byte] ?? 0) ^ (1 << bit);
          }
          await writeFile(file, bytes);
          return bytes.equals(whole) ? null : { files: [name] };
        },
        100,
      ),
    TIMEOUT_MS,
  );

  it(
    'a file that was cut, at any byte',
    () =>
      expectFound(
        place(),
        async (folder, { name, at }) => {
          const file = join(folder, name);
          const bytes = await readFile(file);
          await writeFile(file, bytes.subarray(0, Math.floor(at * bytes.length)));
          return { files: [name] };
        },
        40,
      ),
    TIMEOUT_MS,
  );

  it(
    'a file that was made longer',
    () =>
      expectFound(
        fc.tuple(place(), fc.uint8Array({ minLength: 1, maxLength: 700 })),
        async (folder, [{ name }, more]) => {
          const file = join(folder, name);
          await writeFile(file, Buffer.concat([await readFile(file), more]));
          return { files: [name] };
        },
        40,
      ),
    TIMEOUT_MS,
  );

  it(
    'two records that changed places',
    () =>
      expectFound(
        pair().filter(({ low, high }) => low < high),
        async (folder, { name, low, high }) => {
          let isSame = false;
          await rewrite(folder, name, (entries) => {
            const [a = Buffer.alloc(0), b = Buffer.alloc(0)] = [entries[low], entries[high]];
            isSame = a.equals(b);
            return entries.with(low, b).with(high, a);
          });
          if (isSame) return null;
          // Where an erased record came to stand, nothing tells but that nobody announced it there.
          return { files: [name], index: startOf(name) + low };
        },
        40,
      ),
    TIMEOUT_MS,
  );

  it(
    'a record that stands twice, in the place of another or before it',
    () =>
      expectFound(
        fc.tuple(pair(), fc.constantFrom(0, 1)),
        async (folder, [{ name, low, high }, replaced]) => {
          const whole = await readFile(join(folder, name));
          await rewrite(folder, name, (entries) =>
            entries.toSpliced(high, replaced, entries[low] ?? Buffer.alloc(0)),
          );
          const isSame = (await readFile(join(folder, name))).equals(whole);
          return isSame ? null : { files: [name] };
        },
        40,
      ),
    TIMEOUT_MS,
  );

  it(
    'records that were taken out',
    () =>
      expectFound(
        pair(),
        async (folder, { name, low, high }) => {
          await rewrite(folder, name, (entries) => entries.toSpliced(low, high - low + 1));
          return { files: [name] };
        },
        30,
      ),
    TIMEOUT_MS,
  );

  it(
    'records that were erased and not announced',
    () =>
      expectFound(
        fc.uniqueArray(fc.nat(767), { minLength: 1, maxLength: 20 }),
        async (folder, indexes) => {
          const unannounced = indexes.filter((index) => !ERASED.includes(index));
          if (unannounced.length === 0) return null;
          await erase(folder, indexes);
          const touched = indexes.map((index) => tilePath('entries', Math.floor(index / 256)));
          return { files: touched, index: Math.min(...unannounced) };
        },
        30,
      ),
    TIMEOUT_MS,
  );

  it(
    'two files that changed places, and one in the place of another',
    () =>
      expectFound(
        fc.tuple(place(), place(), fc.boolean()),
        async (folder, [{ name: one }, { name: two }, both]) => {
          const [a, b] = [await readFile(join(folder, one)), await readFile(join(folder, two))];
          await writeFile(join(folder, one), b);
          if (both) await writeFile(join(folder, two), a);
          return a.equals(b) ? null : { files: both ? [one, two] : [one] };
        },
        40,
      ),
    TIMEOUT_MS,
  );

  it(
    'a file that is gone, or has another name',
    () =>
      expectFound(
        fc.tuple(place(), fc.constantFrom('', '.old', '0')),
        async (folder, [{ name }, end]) => {
          const file = join(folder, name);
          if (end === '') await rm(file);
          else await rename(file, `${file}${end}`);
          return { files: [name, `${name}${end}`] };
        },
        30,
      ),
    TIMEOUT_MS,
  );

  it(
    'a bundle or tile that stands twice, behind the last',
    () =>
      expectFound(
        fc.tuple(
          fc.constantFrom(0, 1, 2),
          fc.constantFrom(3, 4, 1000),
          fc.constantFrom('entries' as const, 0, 1),
        ),
        async (folder, [from, to, level]) => {
          const source =
            level === 1 ? join(folder, 'tile/0/000') : join(folder, tilePath(level, from));
          const name = tilePath(level, to);
          await mkdir(dirname(join(folder, name)), { recursive: true });
          await writeFile(join(folder, name), await readFile(source));
          return { files: [name] };
        },
        20,
      ),
    TIMEOUT_MS,
  );
});

describe('an older copy of a log', () => {
  it(
    'is found against every checkpoint that was kept since',
    async () => {
      const dir = await temporaryFolder();
      const writer = await createEvidenceWriter({
        dir,
        files: unsyncedFiles,
        checkpointIntervalMs: 3_600_000,
      });
      const copies: string[] = [];
      const heads: string[] = [];
      let written = 0;
      for (const size of [1, 255, 256, 257, 511, 700]) {
        for (; written < size; written += 1) writer.appendDecision(call(), allowed());
        await writer.flush();
        heads.push(await readFile(join(dir, 'default/checkpoint'), 'utf8'));
        copies.push(await copyLog(join(dir, 'default'), await temporaryFolder()));
      }
      await writer.close();
      for (const [i, folder] of copies.entries()) {
        for (const [j, checkpoint] of heads.entries()) {
          const { ok, firstFault } = await verifyEvidence(folder, { checkpoint });
          expect([ok, firstFault?.kind]).toEqual(j > i ? [false, 'truncated'] : [true, undefined]);
        }
      }
    },
    TIMEOUT_MS,
  );
});
