import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatCheckpoint } from '../src/checkpoint.ts';
import { createEvidenceWriter, type EvidenceReport, verifyEvidence } from '../src/index.ts';
import { createCheckpointSigner } from '../src/keys/checkpoint-signer.ts';
import { fileSigningKey } from '../src/keys/file-signing-key.ts';
import { ErasureLedger } from '../src/verify/erasure-ledger.ts';
import {
  announcement,
  type ClosedLog,
  copyLog,
  erase,
  splitBundle,
  writeLog,
} from './sample-log.ts';
import { allowed, call, openWriter, temporaryFolder } from './support.ts';

/** 600 records; record 590 announces the erasure of 3, 10 to 19 and 250 to 269. */
const RECORDS = 600;
const ANNOUNCED_AT = 590;
const ANNOUNCED = [3, ...range(10, 20), ...range(250, 270)];
const UNANNOUNCED = 'record erased without an announcement in the log';

let log: ClosedLog;

beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'evidence-erasure-'));
  const events = {
    580: announcement([10, 15]),
    [ANNOUNCED_AT]: announcement([3, 4], [250, 270], [12, 20]),
    595: { type: 'records_erased', properties: { ranges: [[5], ['a', 'b'], [9, 9], null] } },
  };
  log = await writeLog(dir, { records: RECORDS, events });
  return () => rm(dir, { recursive: true });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

async function copy(): Promise<string> {
  return copyLog(log.folder, await temporaryFolder());
}

function verify(folder: string): Promise<EvidenceReport> {
  return verifyEvidence(folder, { publicKeys: [log.vkey], checkpoint: log.checkpoint });
}

/** Where the length of a record stands in its bundle. */
async function offsetOf(file: string, place: number): Promise<number> {
  const entries = splitBundle(await readFile(file));
  return entries.slice(0, place).reduce((sum, entry) => sum + entry.length, 0);
}

describe('erased records', () => {
  it('are counted, and no fault, when an event announced them', async () => {
    const folder = await copy();
    await erase(folder, ANNOUNCED);
    const report = await verify(folder);
    expect(report).toMatchObject({ ok: true, records: RECORDS, checkpointSize: RECORDS });
    expect(report.counts.erased).toBe(ANNOUNCED.length);
    expect(report.counts.kinds).toEqual({
      decision: RECORDS - 3 - ANNOUNCED.length,
      event: 3,
      gap: 0,
    });
    expect((await verify(log.folder)).counts.erased).toBe(0);
  });

  it.each([
    ['none of them', [42], 42],
    ['all but the first', [2, 3], 2],
    ['all but the last', [10, 11, 20], 20],
    ['all but one between', [10, 269, 270], 270],
    ['all but the announcement', [3, ANNOUNCED_AT % 512], ANNOUNCED_AT % 512],
    ['what a malformed announcement names', [5, 9], 5],
  ])('are a fault when an event announced %s', async (_name, indexes, index) => {
    const folder = await copy();
    await erase(folder, indexes);
    const file = join(folder, `tile/entries/00${Math.floor(index / 256)}`);
    const { ok, firstFault } = await verify(folder);
    expect(ok).toBe(false);
    const offset = await offsetOf(file, index % 256);
    expect(firstFault).toEqual({ index, file, offset, problem: UNANNOUNCED, kind: 'damaged' });
  });

  it('must be announced under the checkpoint: what no signature covers announces nothing', async () => {
    const dir = await temporaryFolder();
    const source = await temporaryFolder();
    const writer = await openWriter({ dir: source, checkpointIntervalMs: 3_600_000 });
    for (let i = 0; i < 300; i += 1) writer.appendDecision(call({ i }), allowed());
    await writer.flush();
    await writer.durable(writer.appendEvent(announcement([7, 8])), 'disk');
    const folder = await copyLog(join(source, 'default'), dir);
    expect(await verifyEvidence(folder)).toMatchObject({ ok: true, unsignedTail: 1 });
    await erase(folder, [7]);
    expect((await verifyEvidence(folder)).firstFault).toMatchObject({
      index: 7,
      problem: UNANNOUNCED,
    });
  });

  it('stand in full bundles only', async () => {
    const folder = await copy();
    const file = join(folder, 'tile/entries/002.p/88');
    const entries = splitBundle(await readFile(file));
    entries[4] = Buffer.alloc(2);
    await writeFile(file, Buffer.concat(entries));
    expect((await verify(folder)).firstFault).toMatchObject({ index: 516, file });
  });

  it('leave their hashes in the tile: a changed one is found and named', async () => {
    const folder = await copy();
    await erase(folder, ANNOUNCED);
    for (const [name, at, index] of [
      ['tile/0/000', 12 * 32 + 5, 3],
      ['tile/0/001', 2 * 32, 256],
      ['tile/1/000.p/2', 0, 0],
      ['tile/1/000.p/2', 33, 256],
    ] as const) {
      const file = join(folder, name);
      const whole = await readFile(file);
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await writeFile(file, damaged);
      const { ok, firstFault } = await verify(folder);
      expect(ok).toBe(false);
      expect(firstFault).toMatchObject({ file, index, kind: 'damaged' });
      await rm(file);
      expect((await verify(folder)).firstFault).toMatchObject({
        file,
        problem: name.startsWith('tile/0') ? 'has no hash for the erased record' : 'missing',
      });
      await writeFile(file, whole.subarray(0, 40));
      expect((await verify(folder)).firstFault?.file).toBe(file);
      await writeFile(file, whole);
    }
    expect((await verify(folder)).ok).toBe(true);
  });

  it('may still stand in an older file of the bundle, as they were', async () => {
    const folder = await copy();
    const whole = await readFile(join(folder, 'tile/entries/000'));
    const entries = splitBundle(whole).slice(0, 20);
    await erase(folder, ANNOUNCED);
    await mkdir(join(folder, 'tile/entries/000.p'), { recursive: true });
    const older = join(folder, 'tile/entries/000.p/20');
    await writeFile(older, Buffer.concat(entries));
    expect((await verify(folder)).ok).toBe(true);
    const changed = Buffer.from(entries[12] ?? '');
    changed[60] = (changed[60] ?? 0) ^ 1;
    await writeFile(older, Buffer.concat(entries.with(12, changed)));
    expect((await verify(folder)).firstFault).toMatchObject({ file: older, index: 12 });
  });

  it('may still stand in the journal, as they were', async () => {
    const dir = await temporaryFolder();
    const source = await temporaryFolder();
    const writer = await openWriter({ dir: source, checkpointIntervalMs: 3_600_000 });
    for (let i = 0; i < 300; i += 1) writer.appendDecision(call({ i }), allowed());
    writer.appendEvent(announcement([7, 8]));
    await writer.flush();
    await writer.durable(writer.appendDecision(call(), allowed()), 'disk');
    const folder = await copyLog(join(source, 'default'), dir);
    await erase(folder, [7]);
    expect(await verifyEvidence(folder)).toMatchObject({ ok: true, counts: { erased: 1 } });
  });

  it('may be a whole bundle, and are found as one range', async () => {
    const folder = await copy();
    await erase(folder, range(0, 512));
    const { firstFault, counts } = await verify(folder);
    expect(firstFault).toMatchObject({ index: 0, problem: UNANNOUNCED });
    expect(counts.erased).toBe(512);
  });

  it('is not what a length that became zero makes of a record', async () => {
    const folder = await copy();
    const file = join(folder, 'tile/entries/001');
    const whole = await readFile(file);
    for (const place of [20, 100, 255]) {
      const damaged = Buffer.from(whole);
      const offset = await offsetOf(`${log.folder}/tile/entries/001`, place);
      damaged.writeUInt16BE(0, offset);
      await writeFile(file, damaged);
      expect((await verify(folder)).firstFault).toMatchObject({ index: 256 + place, file, offset });
    }
    // Nor do records that were erased as announced take the blame for one that was damaged.
    await erase(folder, [3, 10]);
    expect((await verify(folder)).firstFault).toMatchObject({ index: 511, file });
  });

  it('are not searched for an announcement where there are no files, whatever size is signed', async () => {
    const folder = await copy();
    await erase(folder, [300]);
    const key = await fileSigningKey(join(log.folder, '../signing-key.pem'));
    const signer = createCheckpointSigner('cortex-governance.local/default', key);
    const root = Buffer.alloc(32);
    const text = formatCheckpoint({ origin: signer.name, size: 2 ** 53 - 1, root });
    await writeFile(join(folder, 'checkpoint'), await signer.sign(text));
    for (const workers of [0, 2]) {
      const { ok, firstFault } = await verifyEvidence(folder, { workers });
      expect([ok, firstFault?.file]).toEqual([false, join(folder, 'tile/entries/002')]);
    }
  });

  it('while a log is verified is judged by the checkpoint that announces it', async () => {
    const dir = await temporaryFolder();
    const writer = await createEvidenceWriter({ dir, checkpointIntervalMs: 3_600_000 });
    for (let i = 0; i < 300; i += 1) writer.appendDecision(call({ i }), allowed());
    await writer.flush();
    const folder = join(dir, 'default');
    const before = await readFile(join(folder, 'checkpoint'));
    writer.appendEvent(announcement([7, 8]));
    await writer.flush();
    const after = await readFile(join(folder, 'checkpoint'));
    await erase(folder, [7]);
    await writeFile(join(folder, 'checkpoint'), before);
    expect((await verifyEvidence(folder)).firstFault).toMatchObject({ index: 7 });
    const onProgress = (): void => writeFileSync(join(folder, 'checkpoint'), after);
    expect(await verifyEvidence(folder, { onProgress })).toMatchObject({
      ok: true,
      live: true,
      checkpointSize: 301,
    });
    await writer.close();
  });
});

describe('ErasureLedger', () => {
  const ranges = fc.array(
    fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 30 })).map(([from, n]) => [from, from + n]),
    { maxLength: 30 },
  );

  it('finds the lowest erased index that nothing announced, as a set of indexes does', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(230)), ranges, fc.nat(230), (erased, announced, low) => {
        const ledger = new ErasureLedger();
        const sorted = [...erased].sort((a, b) => a - b);
        for (const index of sorted) ledger.addErased([index, index + 1]);
        for (const pair of announced) ledger.addAnnounced(pair);
        const known = new Set(announced.flatMap(([from = 0, to = 0]) => range(from, to)));
        const left = sorted.filter((index) => !known.has(index));
        expect(ledger.firstUnannounced()).toBe(left[0] ?? null);
        const within = left.filter((index) => index >= low && index < low + 20);
        expect(ledger.firstUnannounced(low, low + 20)).toBe(within[0] ?? null);
      }),
    );
  });

  it('keeps many announcements of the same in little room', () => {
    const ledger = new ErasureLedger();
    ledger.addErased([5, 7]);
    for (let i = 0; i < 50_000; i += 1) ledger.addAnnounced([i % 10, (i % 10) + 1]);
    expect(ledger.firstUnannounced()).toBeNull();
  });
});
