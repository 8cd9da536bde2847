import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { KILL_BITS } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import type { KillSwitchOptions } from '../src/index.ts';
import { GLOBAL, listen, order, SHELL, type TestFolder, testFolder } from './folder.ts';

/** A process id that was in use and is free. */
function deadPid(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

async function putLock(folder: TestFolder, content: unknown, ageMs = 0): Promise<void> {
  await writeFile(folder.lock, typeof content === 'string' ? content : JSON.stringify(content));
  const at = new Date(Date.now() - ageMs);
  await utimes(folder.lock, at, at);
}

const holder = (pid: number, host = hostname()): unknown => ({ pid, host, token: 'other' });

describe('a lock that is held', () => {
  it.each([
    ['by a live process', holder(process.ppid), 0, /locked by process \d+ on /],
    ['by this very process', holder(process.pid), 0, /locked by process/],
    ['by a process of another host', holder(1, 'elsewhere'), 50_000, /on elsewhere; remove it/],
    ['by nobody yet', '', 0, /locked by an unknown process/],
  ])('%s: a stop holds in this process, a release does not', async (_, content, ageMs, message) => {
    const folder = await testFolder();
    const killSwitch = await folder.open({ lockTimeoutMs: 40 });
    await killSwitch.engage(order(SHELL));
    await putLock(folder, content, ageMs);
    const failed = { code: 'KILL_SWITCH_WRITE_FAILED', message: expect.stringMatching(message) };
    const changes = listen(killSwitch);
    await expect(killSwitch.engage(order(GLOBAL, 'ann'))).rejects.toMatchObject(failed);
    await expect(killSwitch.release(order(SHELL))).rejects.toMatchObject(failed);
    expect(killSwitch.engaged()).toBe(KILL_BITS.tool | KILL_BITS.global);
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.tool | KILL_BITS.global);
    expect(changes).toEqual([['engaged', 'ann']]);
    expect(JSON.stringify(await readFile(folder.lock, 'utf8'))).toContain(
      content === '' ? '' : 'other',
    );

    // Whatever is written next takes the stop along, with who and when.
    await rm(folder.lock);
    await killSwitch.release(order(SHELL));
    expect((await folder.read()).entries).toMatchObject([{ scope: 'global', actor: 'ann' }]);
    expect(changes).toEqual([
      ['engaged', 'ann'],
      ['released', 'ops'],
    ]);
  });

  it('and again in vain: the stop is kept once, and can be released', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open({ lockTimeoutMs: 1 });
    await putLock(folder, holder(process.ppid));
    for (let i = 0; i < 3; i++) await expect(killSwitch.engage(order(GLOBAL))).rejects.toThrow();
    expect(killSwitch.status().problem).toMatch(/could not be written: 1$/);
    await rm(folder.lock);
    expect(await killSwitch.release(order(GLOBAL))).toMatchObject(GLOBAL);
    expect(killSwitch.engaged()).toBe(0);
    expect(killSwitch.status().problem).toBe('');
    expect((await folder.read()).history.map(({ type }) => type)).toEqual(['engaged', 'released']);
  });
});

describe('a stop that could not be written, and releases of another process', () => {
  const at = Date.parse('2026-01-02T03:04:05.678Z');
  const clockAt = (wallMs: number): KillSwitchOptions['clock'] => ({
    monotonicMs: () => 0,
    wallMs: () => wallMs,
  });

  /** Two switches on one folder; the second stops and releases SHELL, and the first has not read it. */
  async function releasedUnread(releasedAt: number, stoppedAt: number) {
    const folder = await testFolder();
    const first = await folder.open({ lockTimeoutMs: 1, clock: clockAt(stoppedAt) });
    const second = await folder.open({ clock: clockAt(releasedAt) });
    await second.engage(order(SHELL, 'ben'));
    await second.release(order(SHELL, 'ben'));
    await putLock(folder, holder(process.ppid));
    await expect(first.engage(order(SHELL, 'ann'))).rejects.toMatchObject({
      code: 'KILL_SWITCH_WRITE_FAILED',
    });
    return { folder, first, second };
  }

  it.each([
    ['before it', at - 1],
    ['in the same millisecond', at],
  ])('a release given %s does not end it', async (_, releasedAt) => {
    const { folder, first } = await releasedUnread(releasedAt, at);
    expect(first.engaged()).toBe(KILL_BITS.tool);
    const changes = listen(first);
    await first.refresh();
    expect(first.engaged()).toBe(KILL_BITS.tool);
    expect(first.status().entries).toMatchObject([{ ...SHELL, actor: 'ann' }]);
    expect(first.status().problem).toMatch(/could not be written: 1$/);
    expect(changes.at(-1)).toEqual(['engaged', 'ann']);

    await rm(folder.lock);
    await first.engage(order(GLOBAL));
    expect((await folder.read()).entries).toMatchObject([{ actor: 'ann' }, GLOBAL]);
  });

  it('a release given after it ends it', async () => {
    const { first } = await releasedUnread(at + 1, at);
    await first.refresh();
    expect(first.engaged()).toBe(0);
    expect(first.status().problem).toBe('');
  });

  it('a repeated stop is the one that counts', async () => {
    const folder = await testFolder();
    let now = at;
    const clock = { monotonicMs: () => 0, wallMs: () => now };
    const first = await folder.open({ lockTimeoutMs: 1, clock });
    const second = await folder.open({ clock: clockAt(at + 1) });
    await second.engage(order(SHELL));
    await second.release(order(SHELL));
    await putLock(folder, holder(process.ppid));
    await expect(first.engage(order(SHELL, 'ann'))).rejects.toThrow();
    now = at + 2;
    await expect(first.engage(order(SHELL, 'eve'))).rejects.toThrow();
    await first.refresh();
    expect(first.status().entries).toMatchObject([{ ...SHELL, actor: 'eve' }]);
    expect(first.engaged()).toBe(KILL_BITS.tool);
  });
});

describe('a lock that is abandoned is taken over', () => {
  it.each([
    ['a process that is gone', () => holder(deadPid()), 0],
    ['an earlier process with the same id', () => holder(process.pid), 50_000],
    ['a process that died before it wrote its name', () => '', 3000],
    ['a process of another host, a minute ago', () => holder(1, 'elsewhere'), 61_000],
    ['a process that hangs', () => holder(process.ppid), 61_000],
    ['something else', () => '{"pid":"1"}', 3000],
  ])('from %s', async (_, content, ageMs) => {
    const folder = await testFolder();
    const killSwitch = await folder.open({ lockTimeoutMs: 2000 });
    await putLock(folder, content(), ageMs);
    await killSwitch.engage(order(SHELL));
    expect((await folder.read()).entries).toHaveLength(1);
    expect(existsSync(folder.lock)).toBe(false);
    expect(existsSync(`${folder.lock}.break`)).toBe(false);
  });

  it('even when the one who took it over was killed, too', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open({ lockTimeoutMs: 2000 });
    await putLock(folder, holder(deadPid()));
    await writeFile(`${folder.lock}.break`, JSON.stringify(holder(deadPid())));
    await killSwitch.engage(order(SHELL));
    expect(existsSync(folder.lock)).toBe(false);
  });
});

describe('a write that is impossible', () => {
  it('because the folder is gone: a stop holds, and everything stops', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    await folder.remove();
    await expect(killSwitch.engage(order(SHELL))).rejects.toMatchObject({
      code: 'KILL_SWITCH_WRITE_FAILED',
      message: expect.stringContaining('ENOENT'),
    });
    expect(killSwitch.engaged()).toBe(KILL_BITS.tool);
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.tool | KILL_BITS.UNREADABLE);
  });

  it('because a folder is in the place of the lock', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open({ lockTimeoutMs: 20 });
    await mkdir(folder.lock);
    await expect(killSwitch.engage(order(SHELL))).rejects.toMatchObject({
      code: 'KILL_SWITCH_WRITE_FAILED',
    });
    expect(killSwitch.engaged()).toBe(KILL_BITS.tool);
  });
});

describe('bounds', () => {
  it('takes a thousand orders at a time; a stop beyond holds and is not written', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open({ lockTimeoutMs: 1 });
    await putLock(folder, holder(process.ppid));
    const orders = Array.from({ length: 1001 }, (_, i) => order({ scope: 'agent', agent: `${i}` }));
    const last = Promise.allSettled(orders.map((o) => killSwitch.engage(o)));
    expect(killSwitch.status().entries).toHaveLength(1001);
    await rm(folder.lock);
    const outcomes = await last;
    expect(outcomes.at(-1)).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringContaining('1000 orders wait') },
    });
    expect(killSwitch.status().entries).toHaveLength(1001);
  }, 60_000);

  it('takes ten thousand stops, and a global one on top', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    const at = new Date(0).toISOString();
    const entries = Array.from({ length: 10_000 }, (_, i) => ({
      ...order({ scope: 'agent', agent: `${i}` }, 'a', 'b'),
      at,
    }));
    await folder.write({ version: 1, revision: 1, entries, history: [] });
    await killSwitch.refresh();
    await expect(killSwitch.engage(order(SHELL))).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: expect.stringContaining('stop a broader scope'),
    });
    expect(killSwitch.engaged()).toBe(KILL_BITS.agent);
    await killSwitch.engage(order(GLOBAL)).catch(() => {});
    expect(killSwitch.engaged()).toBe(KILL_BITS.agent | KILL_BITS.global);
  });
});
