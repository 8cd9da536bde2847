import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type EvidenceLog,
  type EvidenceReport,
  verifyEvidence,
  verifyEvidenceTree,
} from '../src/index.ts';
import { copyLog, writeLog } from './sample-log.ts';
import { allowed, call, openWriter, temporaryFolder, unsyncedFiles } from './support.ts';

/** The heads of a log while it grew. */
interface Grown {
  readonly folder: string;
  readonly writer: EvidenceLog;
  readonly heads: readonly string[];
}

/** A log with a checkpoint at each size; `salt` makes its records others than those of its like. */
async function grow(
  dir: string,
  keyFile: string,
  sizes: readonly number[],
  salt: string,
): Promise<Grown> {
  const writer = await openWriter({
    dir,
    keyFile,
    files: unsyncedFiles,
    checkpointIntervalMs: 3_600_000,
  });
  const heads: string[] = [];
  let size = 0;
  for (const next of sizes) {
    for (; size < next; size += 1) writer.appendDecision(call({ size, salt }), allowed());
    await writer.flush();
    heads.push(await readFile(join(dir, 'default/checkpoint'), 'utf8'));
  }
  return { folder: join(dir, 'default'), writer, heads };
}

function rootOf(head: string): string {
  return head.split('\n')[2] ?? '';
}

function kinds(report: EvidenceReport): unknown {
  return [report.ok, report.firstFault?.kind ?? null, report.firstFault?.index ?? null];
}

describe('kept checkpoints', () => {
  it('of every earlier size are held by a whole log, one by one and together', async () => {
    const dir = await temporaryFolder();
    const sizes = [0, 1, 255, 256, 257, 512, 600];
    const { folder, writer, heads } = await grow(dir, join(dir, 'key.pem'), sizes, 'a');
    await writer.close();
    for (const checkpoint of heads) {
      expect((await verifyEvidence(folder, { checkpoint })).firstFault).toBeNull();
    }
    expect((await verifyEvidence(folder, { checkpoint: heads, workers: 2 })).ok).toBe(true);
  });

  it('find a log that is an older copy of itself, also while it is written', async () => {
    const dir = await temporaryFolder();
    const { folder, heads } = await grow(dir, join(dir, 'key.pem'), [300, 700], 'a');
    const live = await temporaryFolder();
    const older = await grow(live, join(dir, 'key.pem'), [300], 'b');
    const newest = heads[1] ?? '';
    const fault = { kind: 'truncated', index: 300, offset: null };
    const report = await verifyEvidence(older.folder, { checkpoint: newest });
    expect(report).toMatchObject({ ok: false, live: true });
    expect(report.firstFault).toMatchObject({ ...fault, file: join(older.folder, 'checkpoint') });
    expect(report.firstFault?.problem).toBe('cut back to 300 records; the kept checkpoint has 700');
    expect((await verifyEvidence(folder, { checkpoint: newest })).ok).toBe(true);
  });

  it('find two logs of one name: by two roots of one size, and by another beginning', async () => {
    const dir = await temporaryFolder();
    const keyFile = join(dir, 'key.pem');
    const sizes = [40, 300, 600];
    const one = await grow(join(dir, 'one'), keyFile, sizes, 'a');
    const two = await grow(join(dir, 'two'), keyFile, sizes, 'b');
    await one.writer.close();
    await two.writer.close();
    for (const [i, size] of sizes.entries()) {
      const [kept = '', own = ''] = [one.heads[i], two.heads[i]];
      const { ok, firstFault } = await verifyEvidence(two.folder, { checkpoint: kept });
      expect(ok).toBe(false);
      const problem =
        size === 600
          ? `forked: 600 records are signed with root ${rootOf(own)} and with root ${rootOf(kept)}`
          : `forked: the first ${size} records have root ${rootOf(own)}; the kept checkpoint says ${rootOf(kept)}`;
      expect(firstFault).toEqual({
        index: null,
        file: join(two.folder, 'checkpoint'),
        offset: null,
        problem,
        kind: 'forked',
      });
      const several = [...two.heads, kept];
      expect(kinds(await verifyEvidence(two.folder, { checkpoint: several }))).toEqual([
        false,
        'forked',
        null,
      ]);
    }
  });

  it('find a fork by themselves, even where the log holds one of them', async () => {
    const dir = await temporaryFolder();
    const keyFile = join(dir, 'key.pem');
    const one = await grow(join(dir, 'one'), keyFile, [300, 600], 'a');
    const two = await grow(join(dir, 'two'), keyFile, [300], 'b');
    const checkpoint = [one.heads[0] ?? '', two.heads[0] ?? ''];
    const report = await verifyEvidence(one.folder, { checkpoint });
    expect(kinds(report)).toEqual([false, 'forked', null]);
    expect(report.firstFault?.problem).toContain('300 records are signed with root');
  });

  it('do not call damage a fork', async () => {
    const dir = await temporaryFolder();
    const { folder, writer, heads } = await grow(dir, join(dir, 'key.pem'), [300, 600], 'a');
    await writer.close();
    const file = join(folder, 'tile/entries/000');
    const bytes = await readFile(file);
    bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1;
    await writeFile(file, bytes);
    const report = await verifyEvidence(folder, { checkpoint: heads });
    expect(kinds(report)).toEqual([false, 'damaged', 255]);
    expect(report.firstFault?.file).toBe(file);
  });

  it('sign records that the log has behind its own checkpoint', async () => {
    const dir = await temporaryFolder();
    const keyFile = join(dir, 'key.pem');
    const { writer, folder } = await grow(dir, keyFile, [300], 'a');
    for (let i = 0; i < 20; i += 1) writer.appendDecision(call({ i }), allowed());
    await writer.durable(writer.appendDecision(call(), allowed()), 'disk');
    const before = await copyLog(folder, await temporaryFolder());
    await writer.flush();
    const newer = await readFile(join(folder, 'checkpoint'), 'utf8');
    expect(await verifyEvidence(before)).toMatchObject({ ok: true, unsignedTail: 21 });
    expect(await verifyEvidence(before, { checkpoint: newer })).toMatchObject({
      ok: true,
      records: 321,
      checkpointSize: 300,
      unsignedTail: 0,
    });

    writer.appendDecision(call(), allowed());
    await writer.flush();
    const later = await readFile(join(folder, 'checkpoint'), 'utf8');
    const short = await verifyEvidence(before, { checkpoint: [newer, later] });
    expect(kinds(short)).toEqual([false, 'truncated', 321]);

    const other = await grow(await temporaryFolder(), keyFile, [321], 'b');
    const foreign = await verifyEvidence(before, { checkpoint: other.heads });
    expect(kinds(foreign)).toEqual([false, 'forked', null]);
    expect(foreign.firstFault?.problem).toContain('the first 321 records have root');
  });

  it('of another log, or none at all, are refused with their place', async () => {
    const dir = await temporaryFolder();
    const log = await writeLog(dir, { records: 3 });
    const other = await writeLog(await temporaryFolder(), {
      records: 3,
      options: { originPrefix: 'other.example', keyFile: join(dir, 'signing-key.pem') },
    });
    for (const wrong of [other.checkpoint, 'nonsense', '']) {
      const { ok, firstFault } = await verifyEvidence(log.folder, {
        checkpoint: [log.checkpoint, wrong],
      });
      expect(ok).toBe(false);
      expect(firstFault?.file).toBe('given checkpoint 2');
    }
  });
});

describe('verifyEvidenceTree', () => {
  it('compares every log with the checkpoints of its origin, and misses a log that is gone', async () => {
    const root = await temporaryFolder();
    const logs = [];
    for (const name of ['one', 'two']) {
      const dir = join(root, name);
      await mkdir(dir);
      const options = { originPrefix: `${name}.example` };
      logs.push(await writeLog(dir, { records: 300, options }));
    }
    const checkpoint = logs.map((log) => log.checkpoint);
    const whole = await verifyEvidenceTree(root, { checkpoint });
    expect(whole).toMatchObject({ ok: true, missing: [] });
    await cp(join(root, 'one'), join(root, 'copy'), { recursive: true });
    expect(await verifyEvidenceTree(root, { checkpoint })).toMatchObject({ ok: true });
    await rm(join(root, 'two'), { recursive: true });
    const { ok, missing, logs: left } = await verifyEvidenceTree(root, { checkpoint });
    expect([ok, missing, left.length]).toEqual([false, ['two.example/default'], 2]);
    expect(left.every((log) => log.ok)).toBe(true);
  });

  it('refuses options that are none, even where there is no log', async () => {
    const folder = await temporaryFolder();
    for (const options of [
      { checkpoint: 1 },
      { checkpoint: [1] },
      { checkpoint: Array.from({ length: 1_001 }, () => '') },
      { workers: -1 },
      { workers: 65 },
    ]) {
      await expect(verifyEvidenceTree(folder, options as never)).rejects.toMatchObject({
        code: 'OPTIONS_INVALID',
      });
    }
  });
});
