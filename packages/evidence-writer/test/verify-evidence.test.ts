import {
  appendFile,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createEvidenceWriter,
  type EvidenceReport,
  verifyEvidence,
  verifyEvidenceTree,
} from '../src/index.ts';
import { allowed, call, errorOf, openWriter, temporaryFolder } from './support.ts';

/** A log of 600 records with an unsigned tail in the journal, as a crash leaves it, and what it was earlier. */
interface Sample {
  readonly dir: string;
  readonly vkey: string;
  /** Signed checkpoint over the first 300 records. */
  readonly older: string;
}

const SIGNED = 600;
const TAIL = 7;
let sample: Sample;
let files: readonly string[];

beforeAll(async () => {
  const source = await mkdtemp(join(tmpdir(), 'evidence-source-'));
  const dir = await mkdtemp(join(tmpdir(), 'evidence-sample-'));
  const writer = await createEvidenceWriter({ dir: source, checkpointIntervalMs: 3_600_000 });
  for (let i = 0; i < 300; i += 1) writer.appendDecision(call({ i }), allowed());
  await writer.flush();
  const older = await readFile(join(source, 'default/checkpoint'), 'utf8');
  for (let i = 300; i < SIGNED; i += 1) writer.appendDecision(call({ i }), allowed());
  await writer.flush();
  for (let i = 0; i < TAIL; i += 1) {
    await writer.durable(writer.appendEvent({ type: 'tail', properties: { i } }), 'disk');
  }
  await cp(join(source, 'default'), join(dir, 'default'), { recursive: true });
  await copyFile(join(source, 'default.vkey'), join(dir, 'default.vkey'));
  await writer.close();
  await rm(source, { recursive: true });
  sample = { dir, vkey: writer.vkey, older };
  files = await filesOf(join(dir, 'default'));
  return () => rm(dir, { recursive: true });
});

async function filesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** A copy of the sample that a test may damage. */
async function copyOfSample(): Promise<string> {
  const dir = await temporaryFolder();
  await cp(sample.dir, dir, { recursive: true });
  return join(dir, 'default');
}

function verify(dir: string, checkpoint?: string): Promise<EvidenceReport> {
  return verifyEvidence(dir, {
    publicKeys: [sample.vkey],
    ...(checkpoint === undefined ? {} : { checkpoint }),
  });
}

/** The bundle's records with their length prefixes. */
async function entriesOf(file: string): Promise<Buffer[]> {
  const bytes = await readFile(file);
  const entries: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at);
    entries.push(bytes.subarray(at, end));
    at = end;
  }
  return entries;
}

describe('verifyEvidence', () => {
  it('finds a log whole, and says what is in it', async () => {
    const progress: number[] = [];
    const report = await verifyEvidence(join(sample.dir, 'default'), {
      publicKeys: [sample.vkey],
      checkpoint: sample.older,
      onProgress: (records) => progress.push(records),
    });
    expect(report).toMatchObject({
      ok: true,
      origin: 'cortex-governance.local/default',
      records: SIGNED + TAIL,
      checkpointSize: SIGNED,
      unsignedTail: TAIL,
      live: false,
      keySource: 'given',
      firstFault: null,
      counts: {
        kinds: { decision: SIGNED, event: TAIL, gap: 0 },
        effects: { allow: SIGNED, deny: 0, escalate: 0 },
      },
    });
    const beside = await verifyEvidence(join(sample.dir, 'default'));
    expect(beside).toMatchObject({ ok: true, keySource: 'beside', root: report.root });
  });

  it('finds any one flipped bit, in any file, and names the file', async () => {
    const folder = await copyOfSample();
    await fc.assert(
      fc.asyncProperty(fc.nat(files.length - 1), fc.nat(), fc.nat(7), async (pick, at, bit) => {
        const name = files[pick]!;
        const file = join(folder, name);
        const whole = await readFile(file);
        const damaged = Buffer.from(whole);
        damaged[at % whole.length]! ^= 1 << bit;
        await writeFile(file, damaged);
        const report = await verify(folder);
        await writeFile(file, whole);
        expect(report.ok).toBe(false);
        expect(report.firstFault).toMatchObject({ file, kind: 'damaged' });
      }),
      { numRuns: 150 },
    );
    expect((await verify(folder)).ok).toBe(true);
  }, 120_000);

  it('never fails in another way than by its report, whatever the bytes of a file', async () => {
    const folder = await copyOfSample();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(files.length - 1),
        fc.uint8Array({ maxLength: 200 }),
        async (pick, bytes) => {
          const file = join(folder, files[pick]!);
          const whole = await readFile(file);
          await writeFile(file, bytes);
          expect((await verify(folder)).ok).toBe(false);
          await writeFile(file, whole);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('names the record in which a byte was changed, and the byte range', async () => {
    for (const index of [0, 255, 256, 300, 599]) {
      const folder = await copyOfSample();
      const path = index < 512 ? `00${Math.floor(index / 256)}` : '002.p/88';
      const file = join(folder, 'tile/entries', path);
      const entries = await entriesOf(file);
      const target = entries[index % 256]!;
      target[40]! ^= 1;
      await writeFile(file, Buffer.concat(entries));
      const { firstFault } = await verify(folder);
      const offset = entries.slice(0, index % 256).reduce((sum, e) => sum + e.length, 0);
      expect(firstFault).toMatchObject({ index, file, offset });
    }
  });

  it.each([
    ['deleted', 290, (e: Buffer[]) => e.toSpliced(34, 1)],
    ['duplicated', 291, (e: Buffer[]) => e.toSpliced(35, 0, e[34]!)],
    ['reordered', 290, (e: Buffer[]) => e.toSpliced(34, 2, e[35]!, e[34]!)],
    ['replaced by an earlier one', 290, (e: Buffer[]) => e.with(34, e[0]!)],
    ['cut off', 500, (e: Buffer[]) => e.slice(0, 244)],
    ['all gone', 256, () => []],
  ])('names the record from which on records were %s', async (_name, index, change) => {
    const folder = await copyOfSample();
    const file = join(folder, 'tile/entries/001');
    await writeFile(file, Buffer.concat(change(await entriesOf(file))));
    expect((await verify(folder)).firstFault).toMatchObject({ index, file });
  });

  it('names a missing file, and the first record that misses it', async () => {
    const expected: Record<string, number | null> = {
      checkpoint: null,
      'tile/0/000': 0,
      'tile/0/001': 256,
      'tile/0/002.p/88': 512,
      'tile/1/000.p/2': 0,
      'tile/entries/000': 0,
      'tile/entries/001': 256,
      'tile/entries/002.p/88': 512,
    };
    for (const [name, index] of Object.entries(expected)) {
      const folder = await copyOfSample();
      await rm(join(folder, name));
      const { ok, firstFault } = await verify(folder);
      expect(ok).toBe(false);
      expect(firstFault).toMatchObject({ index, file: join(folder, name) });
    }
  });

  it('does not take an older partial tile for the missing one', async () => {
    const folder = await copyOfSample();
    const partials = files.filter((name) => name.includes('.p/'));
    expect(partials).toContain('tile/entries/001.p/44');
    await rename(join(folder, 'tile/entries/001'), join(folder, 'gone'));
    await rm(join(folder, 'gone'));
    expect((await verify(folder)).firstFault).toMatchObject({ index: 256 });
  });

  it('finds a journal that was cut, and one that lost its start', async () => {
    const folder = await copyOfSample();
    const [name] = await readdir(join(folder, 'journal'));
    const file = join(folder, 'journal', name!);
    const whole = await readFile(file);
    await truncate(file, whole.length - 3);
    const { firstFault, unsignedTail } = await verify(folder);
    expect(firstFault).toMatchObject({ index: SIGNED + TAIL - 1, file, kind: 'torn_tail' });
    expect(unsignedTail).toBe(TAIL - 1);
    await truncate(file, 100);
    expect((await verify(folder)).firstFault).toMatchObject({ index: 0, file, kind: 'damaged' });
  });

  it.each([
    ['tile/entries/000', 'full'],
    ['tile/entries/002.p/88', 'partial'],
  ])('finds bytes behind the last record of %s, a %s entry bundle', async (name) => {
    const problem = 'too many records';
    for (const bytes of [Buffer.from([0]), Buffer.from([0, 1, 65]), Buffer.alloc(300, 1)]) {
      const folder = await copyOfSample();
      const file = join(folder, name);
      const offset = (await readFile(file)).length;
      await appendFile(file, bytes);
      const { ok, firstFault } = await verify(folder);
      expect(ok).toBe(false);
      expect(firstFault).toEqual({ index: null, file, offset, problem, kind: 'damaged' });
    }
  });

  it('finds files that do not belong there', async () => {
    const strays: readonly [string, number | null][] = [
      ['tile/entries/003', 768],
      ['tile/0/x001/000', 256_000],
      ['tile/5/000', 0],
      ['tile/0/0', null],
      ['tile/0/000.p/999', null],
      ['tile/entries/002.p/256', null],
      ['tile/entries/002.p/257', null],
      ['notes.txt', null],
      ['journal/notes.txt', 607],
    ];
    for (const [name, index] of strays) {
      const folder = await copyOfSample();
      const file = join(folder, name);
      await mkdir(join(file, '..'), { recursive: true });
      await writeFile(file, 'x');
      expect((await verify(folder)).firstFault).toMatchObject({ index, file });
    }
    const folder = await copyOfSample();
    await rename(join(folder, 'tile/0/000'), join(folder, '../aside'));
    await symlink(join(folder, '../aside'), join(folder, 'tile/0/000'));
    expect((await verify(folder)).ok).toBe(false);
  });

  it('finds entries and tiles that were rewritten together', async () => {
    const folder = await copyOfSample();
    const other = await openWriter({ dir: await temporaryFolder() });
    for (let i = 0; i < SIGNED; i += 1) other.appendDecision(call({ i }), allowed());
    await other.close();
    await rm(join(folder, 'tile'), { recursive: true });
    await rm(join(folder, 'journal'), { recursive: true });
    await cp(join(other.status().dir, 'tile'), join(folder, 'tile'), { recursive: true });
    const { ok, firstFault } = await verify(folder);
    expect(ok).toBe(false);
    expect(firstFault).toMatchObject({ index: null, file: join(folder, 'checkpoint') });
  });

  it('refuses a log that another key signed', async () => {
    const other = await openWriter({ dir: await temporaryFolder() });
    other.appendDecision(call(), allowed());
    await other.close();
    const { ok, firstFault } = await verifyEvidence(other.status().dir, {
      publicKeys: [sample.vkey],
    });
    expect(ok).toBe(false);
    expect(firstFault?.file).toBe(join(other.status().dir, 'checkpoint'));
    const rewritten = await verifyEvidence(other.status().dir);
    expect(rewritten).toMatchObject({ ok: true, keySource: 'beside' });
  });

  it('finds a log that was cut back to before a known checkpoint', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    writer.appendDecision(call(), allowed());
    await writer.flush();
    const before = await temporaryFolder();
    await cp(dir, before, { recursive: true });
    for (let i = 0; i < 9; i += 1) writer.appendDecision(call({ i }), allowed());
    await writer.close();
    const newer = await readFile(join(dir, 'default/checkpoint'), 'utf8');
    const folder = join(before, 'default');
    await rm(join(before, 'default.lock'), { force: true });
    expect((await verifyEvidence(folder)).ok).toBe(true);
    const { ok, firstFault } = await verifyEvidence(folder, { checkpoint: newer });
    expect(ok).toBe(false);
    expect(firstFault).toMatchObject({ index: 1, kind: 'truncated' });
    expect(firstFault?.problem).toContain('cut back to 1 records; the kept checkpoint has 10');
  });

  it('finds a log with the same key that does not continue a known checkpoint', async () => {
    const dir = await temporaryFolder();
    const keyFile = join(dir, 'key.pem');
    const heads: string[] = [];
    for (const name of ['one', 'two']) {
      const writer = await openWriter({ dir: join(dir, name), keyFile });
      for (let i = 0; i < 5; i += 1) writer.appendDecision(call({ i, name }), allowed());
      await writer.close();
      heads.push(await readFile(join(dir, name, 'default/checkpoint'), 'utf8'));
    }
    const two = join(dir, 'two/default');
    expect((await verifyEvidence(two, { checkpoint: heads[1]! })).ok).toBe(true);
    expect((await verifyEvidence(two, { checkpoint: heads[0]! })).ok).toBe(false);
    expect((await verifyEvidence(two, { checkpoint: 'no note' })).ok).toBe(false);
  });

  it('verifies a log that is being written, behind its checkpoint too', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir, groupRecords: 1, checkpointIntervalMs: 1 });
    let running = true;
    const writing = (async () => {
      while (running) await writer.durable(writer.appendDecision(call(), allowed()), 'disk');
    })();
    for (let i = 0; i < 15; i += 1) {
      const report = await verifyEvidence(join(dir, 'default'));
      expect(report.firstFault).toBeNull();
      expect(report.live).toBe(true);
    }
    running = false;
    await writing;
  });

  it('refuses options that are none', async () => {
    for (const options of [
      { publicKeys: [] },
      { publicKeys: ['x'] },
      { onProgress: 1 },
      { more: 1 },
    ]) {
      expect((await errorOf(verifyEvidence('x', options as never))).code).toBe('OPTIONS_INVALID');
    }
  });

  it('reports a folder that is no log', async () => {
    const folder = await temporaryFolder();
    for (const dir of [folder, join(folder, 'nothing'), join(folder, 'a\0b')]) {
      expect(await verifyEvidence(dir)).toMatchObject({ ok: false, records: 0 });
    }
  });
});

describe('verifyEvidenceTree', () => {
  it('verifies every log below a folder', async () => {
    const root = await temporaryFolder();
    for (const name of ['default', 'second']) {
      const writer = await openWriter({ dir: join(root, 'evidence'), name });
      writer.appendDecision(call(), allowed());
      await writer.close();
    }
    const whole = await verifyEvidenceTree(root);
    expect(whole).toMatchObject({ ok: true });
    expect(whole.logs.map((log) => relative(root, log.dir))).toEqual([
      'evidence/default',
      'evidence/second',
    ]);
    await appendFile(join(root, 'evidence/second/checkpoint'), 'x');
    expect((await verifyEvidenceTree(root)).logs.map((log) => log.ok)).toEqual([true, false]);
    await rm(join(root, 'evidence/second'), { recursive: true });
    expect((await verifyEvidenceTree(root)).logs.map((log) => log.ok)).toEqual([true, false]);
  });

  it('does not call a folder without logs whole', async () => {
    expect(await verifyEvidenceTree(await temporaryFolder())).toEqual({
      ok: false,
      logs: [],
      missing: [],
    });
  });
});
