import { spawn } from 'node:child_process';
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEvidenceWriter, type EvidenceLog, verifyEvidenceTree } from '../src/index.ts';
import { allowed, call, errorOf, openWriter, temporaryFolder } from './support.ts';

/** The lock file of a writer in this process. */
async function ownLock(): Promise<Record<string, unknown>> {
  const dir = await temporaryFolder();
  const writer = await openWriter({ dir });
  const lock = JSON.parse(await readFile(join(dir, 'default.lock'), 'utf8')) as Record<
    string,
    unknown
  >;
  await writer.close();
  return lock;
}

/** The id of a process that is gone. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.on('close', resolve));
  return child.pid!;
}

async function withLock(change: Record<string, unknown>): Promise<string> {
  const dir = await temporaryFolder();
  const lock = { ...(await ownLock()), token: 'ab'.repeat(8), ...change };
  await writeFile(join(dir, 'default.lock'), JSON.stringify(lock));
  return dir;
}

describe('the lock of a log', () => {
  it('refuses a second writer, and names the first', async () => {
    const dir = await temporaryFolder();
    const first = await openWriter({ dir });
    const error = await errorOf(openWriter({ dir }));
    expect(error.code).toBe('EVIDENCE_LOCKED');
    expect(error.message).toContain(`process ${process.pid}`);
    expect(error.message).toContain(join(dir, 'default'));
    await first.close();
    await openWriter({ dir });
  });

  it('gives the next name where that is asked for, and every log is whole', async () => {
    const dir = await temporaryFolder();
    const writers: EvidenceLog[] = [];
    for (let i = 0; i < 4; i += 1) writers.push(await openWriter({ dir, nameOnConflict: 'next' }));
    expect(writers.map((writer) => writer.name)).toEqual([
      'default',
      'default-2',
      'default-3',
      'default-4',
    ]);
    expect(new Set(writers.map((writer) => writer.status().origin)).size).toBe(4);
    for (const writer of writers) {
      writer.appendDecision(call(), allowed());
      await writer.close();
    }
    const { ok, logs } = await verifyEvidenceTree(dir);
    expect([ok, logs.length]).toEqual([true, 4]);
    expect((await openWriter({ dir, nameOnConflict: 'next' })).name).toBe('default');
  });

  it('gives many writers that start at once a log each', async () => {
    const dir = await temporaryFolder();
    const writers = await Promise.all(
      Array.from({ length: 12 }, () => openWriter({ dir, nameOnConflict: 'next' })),
    );
    expect(new Set(writers.map((writer) => writer.name)).size).toBe(12);
  });

  it.each([
    ['whose process is gone', async () => ({ pid: await deadPid() })],
    ['whose process id belongs to another process now', async () => ({ startTime: '1' })],
    ['of another boot, that nobody touches', async () => ({ bootId: 'other' })],
    ['of another process namespace, that nobody touches', async () => ({ pidNamespace: 'other' })],
  ])('is taken over from a writer %s', async (_name, change) => {
    const dir = await withLock(await change());
    const writer = await openWriter({ dir, lockWatchMs: 20 });
    const lock = JSON.parse(await readFile(join(dir, 'default.lock'), 'utf8')) as { pid: number };
    expect(lock.pid).toBe(process.pid);
    await writer.close();
    expect((await readdir(dir)).filter((name) => name.includes('lock'))).toEqual([]);
  });

  it('is not taken over from a writer elsewhere that still touches it', async () => {
    const dir = await withLock({ pidNamespace: 'other' });
    const path = join(dir, 'default.lock');
    let seconds = 0;
    const heartbeat = setInterval(() => {
      seconds += 1;
      void utimes(path, seconds, seconds);
    }, 5);
    const error = await errorOf(openWriter({ dir, lockWatchMs: 300 }));
    clearInterval(heartbeat);
    expect(error.code).toBe('EVIDENCE_LOCKED');
  });

  it.each([
    '',
    'x',
    '{}',
    '{"pid":-1,"token":"abababababababab"}',
    '[1]',
    '{"pid":1,"token":"../../x"}',
  ])('is never taken over when it reads %j', async (text) => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, 'default.lock'), text);
    const error = await errorOf(openWriter({ dir, lockWatchMs: 1 }));
    expect(error.code).toBe('EVIDENCE_LOCKED');
    expect(await readFile(join(dir, 'default.lock'), 'utf8')).toBe(text);
  });

  it('goes to one of many takers only', async () => {
    const pid = await deadPid();
    for (let round = 0; round < 10; round += 1) {
      const dir = await withLock({ pid });
      const takers = await Promise.allSettled(
        Array.from({ length: 8 }, () => createEvidenceWriter({ dir })),
      );
      const winners = takers.filter((taker) => taker.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      for (const taker of takers) {
        if (taker.status === 'rejected') expect(taker.reason.code).toBe('EVIDENCE_LOCKED');
        else await taker.value.close();
      }
      expect((await readdir(dir)).filter((name) => name.includes('lock'))).toEqual([]);
    }
  });

  it('is taken over even when an earlier taker died halfway', async () => {
    const pid = await deadPid();
    const dir = await withLock({ pid });
    const claim = { ...(await ownLock()), pid, token: 'cd'.repeat(8) };
    await writeFile(join(dir, `default.lock.${'ab'.repeat(8)}`), JSON.stringify(claim));
    await (await openWriter({ dir })).close();
    expect((await readdir(dir)).filter((name) => name.includes('lock'))).toEqual([]);
  });

  it.each(['os', 'disk', 'checkpointed'] as const)(
    'ends the writer when another has taken it: nothing more is acknowledged at %s',
    async (level) => {
      const dir = await temporaryFolder();
      const writer = await openWriter({ dir });
      await rm(join(dir, 'default.lock'));
      const error = await errorOf(writer.durable(writer.appendDecision(call(), allowed()), level));
      expect(writer.ready()).toBe(false);
      expect(error.code).toBe('EVIDENCE_WRITE_FAILED');
      expect(error.message).toContain('another writer has taken this log');
    },
  );
});
