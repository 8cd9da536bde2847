import {
  appendFile,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EvidenceLog, verifyEvidence } from '../src/index.ts';
import {
  allowed,
  call,
  errorOf,
  openWriter,
  recordsOf,
  temporaryFolder,
  unsyncedFiles,
} from './support.ts';

/** Groups of three records on disk, none of them under a checkpoint but the first `signed`. */
async function crashedLog(groups: number, signed = 0): Promise<string> {
  const dir = await temporaryFolder();
  const writer = await openWriter({ dir, checkpointIntervalMs: 3_600_000 });
  for (let i = 0; i < signed; i += 1) writer.appendDecision(call({ i }), allowed());
  await writer.flush();
  for (let i = 0; i < groups; i += 1) {
    writer.appendDecision(call({ i }), allowed());
    writer.appendDecision(call({ i }), allowed());
    await writer.durable(writer.appendDecision(call({ i }), allowed()), 'disk');
  }
  return crashCopy(dir);
}

/** What would be on disk if the writer's process were killed now. */
async function crashCopy(dir: string): Promise<string> {
  const copy = await temporaryFolder();
  await cp(dir, copy, { recursive: true });
  await rm(join(copy, 'default.lock'));
  return copy;
}

async function lastSegment(dir: string): Promise<string> {
  const names = (await readdir(join(dir, 'default/journal'))).sort();
  return join(dir, 'default/journal', names.at(-1)!);
}

async function reopen(dir: string): Promise<EvidenceLog> {
  const writer = await openWriter({ dir });
  await writer.close();
  const report = await verifyEvidence(join(dir, 'default'));
  expect(report.firstFault).toBeNull();
  expect(report.unsignedTail).toBe(0);
  return writer;
}

describe('recovery', () => {
  it.each([
    [0, 1],
    [0, 4],
    [3, 2],
    [255, 1],
    [256, 0],
    [300, 3],
    [511, 1],
  ])(
    'puts what the journal has under the checkpoint: %d signed records, %d groups',
    async (n, g) => {
      const dir = await crashedLog(g, n);
      const before = await recordsOf(join(dir, 'default'));
      expect(before).toHaveLength(n + 3 * g);
      const writer = await reopen(dir);
      expect(writer.recovery).toEqual({ replayedRecords: 3 * g, cutBytes: 0, cutFile: '' });
      expect(await recordsOf(join(dir, 'default'))).toEqual(before);
      expect(await readdir(join(dir, 'default/journal'))).toEqual([]);
    },
  );

  it('goes on where it stopped, over many starts', async () => {
    const dir = await temporaryFolder();
    let count = 0;
    for (const more of [1, 0, 255, 1, 300, 7]) {
      const writer = await openWriter({ dir });
      for (let i = 0; i < more; i += 1) writer.appendDecision(call({ i }), allowed());
      await writer.close();
      count += more;
      const report = await verifyEvidence(join(dir, 'default'));
      expect(report).toMatchObject({ ok: true, records: count, checkpointSize: count });
    }
  });

  it('cuts a torn last frame, wherever it is torn, and nothing else', async () => {
    const live = await temporaryFolder();
    const dead = await openWriter({ dir: live, checkpointIntervalMs: 3_600_000 });
    for (let i = 0; i < 2; i += 1) {
      await dead.durable(dead.appendDecision(call({ i }), allowed()), 'disk');
    }
    await dead.durable(dead.appendEvent({ type: 'last', properties: {} }), 'disk');
    const source = await crashCopy(live);
    const whole = await readFile(await lastSegment(source));
    const lastFrame = whole.lastIndexOf('CGJ1');
    const before = await recordsOf(join(source, 'default'));
    expect(before).toHaveLength(3);
    const dir = await temporaryFolder();
    for (let length = lastFrame; length < whole.length; length += 1) {
      await rm(dir, { recursive: true });
      await cp(source, dir, { recursive: true });
      await truncate(await lastSegment(dir), length);
      const writer = await openWriter({ dir, files: unsyncedFiles });
      await writer.flush();
      const cutBytes = length - lastFrame;
      expect(writer.recovery).toMatchObject({ replayedRecords: 2, cutBytes });
      const after = await recordsOf(join(dir, 'default'));
      expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
      expect(after.slice(2).map((r) => (r.kind === 'event' ? r.type : r.kind))).toEqual(
        cutBytes > 0 ? ['log_recovered'] : [],
      );
      await writer.close();
    }
  }, 120_000);

  it('cuts a last frame that has its size and not its data', async () => {
    const dir = await crashedLog(4);
    const file = await lastSegment(dir);
    const bytes = await readFile(file);
    const start = bytes.lastIndexOf('CGJ1');
    const sector = Math.ceil(start / 512) * 512;
    bytes.fill(0, sector, sector + 512);
    await writeFile(file, bytes);
    const writer = await reopen(dir);
    expect(writer.recovery.replayedRecords).toBe(9);
    expect(writer.recovery.cutBytes).toBe(bytes.length - start);
    const zeros = await crashedLog(2);
    await appendFile(await lastSegment(zeros), Buffer.alloc(4096));
    expect((await reopen(zeros)).recovery).toMatchObject({ replayedRecords: 6, cutBytes: 4096 });
  });

  it('never takes a flipped bit for a torn frame', async () => {
    const dir = await crashedLog(3);
    const file = await lastSegment(dir);
    const whole = await readFile(file);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length * 8 - 1), async (bit) => {
        const damaged = Buffer.from(whole);
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        await writeFile(file, damaged);
        const error = await errorOf(openWriter({ dir }));
        expect(error.code).toBe('EVIDENCE_CORRUPT');
        expect(error.message).toContain(file);
        expect(await readFile(file)).toEqual(damaged);
      }),
      { numRuns: 60 },
    );
    await writeFile(file, whole);
    await reopen(dir);
  });

  it.each([0, 512])('stops for lost data at byte %d with intact frames behind it', async (at) => {
    const dir = await crashedLog(4);
    const file = await lastSegment(dir);
    const bytes = await readFile(file);
    bytes.fill(0, at, at + 512);
    await writeFile(file, bytes);
    const error = await errorOf(openWriter({ dir }));
    expect(error.code).toBe('EVIDENCE_CORRUPT');
    expect(error.message).toMatch(/\.seg: byte \d+: damaged frame/);
  });

  it.each([
    ['the checkpoint is missing', (d: string) => rm(join(d, 'checkpoint')), 'checkpoint'],
    [
      'the checkpoint is not signed',
      (d: string) => writeFile(join(d, 'checkpoint'), 'x\n1\n'),
      'checkpoint',
    ],
    [
      'a tile at the edge is missing',
      (d: string) => rm(join(d, 'tile/0/001.p'), { recursive: true }),
      'tile/0/001.p/44',
    ],
    [
      'a bundle at the edge is missing',
      (d: string) => rm(join(d, 'tile/entries/001.p'), { recursive: true }),
      'tile/entries/001.p/44',
    ],
    [
      'a tile at the edge was changed',
      (d: string) => writeFile(join(d, 'tile/0/001.p/44'), Buffer.alloc(44 * 32)),
      'tile/0',
    ],
    [
      'a tile above was changed',
      (d: string) => writeFile(join(d, 'tile/1/000.p/1'), Buffer.alloc(32)),
      'tile/0',
    ],
    [
      'a tile at the edge was cut',
      (d: string) => truncate(join(d, 'tile/0/001.p/44'), 40),
      'tile/0/001.p/44',
    ],
    [
      'a bundle at the edge was cut',
      (d: string) => truncate(join(d, 'tile/entries/001.p/44'), 40),
      'tile/entries/001.p/44',
    ],
    [
      'a bundle at the edge was changed',
      (d: string) => writeFile(join(d, 'tile/entries/001.p/44'), Buffer.alloc(9000)),
      'tile/entries/001.p/44',
    ],
    [
      'a bundle at the edge goes on behind its records',
      (d: string) => appendFile(join(d, 'tile/entries/001.p/44'), 'x'),
      'tile/entries/001.p/44',
    ],
    [
      'a bundle at the edge has one record more',
      (d: string) => appendFile(join(d, 'tile/entries/001.p/44'), Buffer.from([0, 1, 120])),
      'tile/entries/001.p/44',
    ],
    [
      'a tile at the edge goes on behind its hashes',
      (d: string) => appendFile(join(d, 'tile/0/001.p/44'), Buffer.alloc(32)),
      'tile/0/001.p/44',
    ],
    [
      'a full bundle at the edge was cut behind what is signed',
      async (d: string) => {
        await rename(join(d, 'tile/entries/001.p/44'), join(d, 'tile/entries/001'));
      },
      'tile/entries/001',
    ],
    [
      'a stranger lies in the journal',
      (d: string) => writeFile(join(d, 'journal/x'), 'x'),
      'journal/x',
    ],
    [
      'the journal is a file',
      async (d: string) => {
        await rm(join(d, 'journal'), { recursive: true });
        await writeFile(join(d, 'journal'), 'x');
      },
      '',
    ],
  ])('stops when %s', async (_name, damage, place) => {
    const dir = await crashedLog(1, 300);
    await damage(join(dir, 'default'));
    const error = await errorOf(openWriter({ dir }));
    expect(['EVIDENCE_CORRUPT', 'EVIDENCE_WRITE_FAILED']).toContain(error.code);
    expect(error.message).toContain(join(dir, 'default', place));
  });

  it('stops when journal and checkpoint do not meet', async () => {
    const dir = await crashedLog(2, 10);
    const file = await lastSegment(dir);
    const whole = await readFile(file);
    const frames = whole.indexOf('CGJ1', 4);
    // The frame of the signed records and the first behind them are gone: a hole.
    await rm(file);
    const second = whole.indexOf('CGJ1', frames + 4);
    await writeFile(join(dir, 'default/journal/0000000000000013.seg'), whole.subarray(second));
    expect((await errorOf(openWriter({ dir }))).code).toBe('EVIDENCE_CORRUPT');
    await rm(join(dir, 'default/journal/0000000000000013.seg'));
    await writeFile(join(dir, 'default/journal/0000000000000000.seg'), '');
    expect((await errorOf(openWriter({ dir }))).message).toContain('ends before the checkpoint');
  });

  it('cannot tell a log from an older state of itself: only a checkpoint kept elsewhere can', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    writer.appendDecision(call(), allowed());
    await writer.flush();
    const old = await readFile(join(dir, 'default/checkpoint'));
    for (let i = 0; i < 300; i += 1) writer.appendDecision(call(), allowed());
    await writer.close();
    const copy = await temporaryFolder();
    await cp(dir, copy, { recursive: true });
    await writeFile(join(copy, 'default/checkpoint'), old);
    await rm(join(copy, 'default/tile/0/000.p'), { recursive: true, force: true });
    // The full tiles still hold the first record, so the old head is a head of this tree.
    expect((await openWriter({ dir: copy })).status().records).toBe(1);
  });

  it('removes what an interrupted write left in scratch, and makes missing folders', async () => {
    const dir = await crashedLog(1, 5);
    const log = join(dir, 'default');
    await writeFile(join(log, 'tmp/abc'), 'x');
    await writeFile(join(log, '.checkpoint.0123456789ab.tmp'), 'x');
    await mkdir(join(log, 'tmp/sub'));
    expect((await verifyEvidence(log)).ok).toBe(true);
    await reopen(dir);
    expect(await readdir(join(log, 'tmp'))).toEqual([]);
    expect(await readdir(log)).not.toContain('.checkpoint.0123456789ab.tmp');
  });
});
