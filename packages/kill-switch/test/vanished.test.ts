import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { KILL_BITS } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import { GLOBAL, listen, order, SHELL, stateFile, testFolder } from './folder.ts';

const BOT = { scope: 'agent', agent: 'bot' } as const;

describe('a file that vanishes', () => {
  it('releases nothing, and is reported', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    await killSwitch.engage(order(SHELL));
    const changes = listen(killSwitch);
    await rm(folder.file);
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.tool);
    expect(killSwitch.status()).toMatchObject({
      readable: true,
      problem: `${folder.file}: has vanished; stops in force stay in force: 1`,
    });
    expect(changes).toEqual([]);
  });

  it('is written again, with all stops, by the next stop', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    const first = await killSwitch.engage(order(SHELL));
    await rm(folder.file);
    await killSwitch.engage(order(BOT));
    expect((await folder.read()).entries[0]).toEqual(first);
    expect((await folder.read()).entries).toHaveLength(2);
    expect(killSwitch.status().problem).toBe('');
  });

  it('is written again by a release, which ends that stop alone', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    await killSwitch.engage(order(SHELL));
    await killSwitch.engage(order(BOT));
    await rm(folder.file);
    await killSwitch.refresh();
    expect(await killSwitch.release(order(SHELL))).toMatchObject(SHELL);
    expect(killSwitch.engaged()).toBe(KILL_BITS.agent);
    expect((await folder.read()).entries).toMatchObject([BOT]);
    expect((await folder.open()).engaged()).toBe(KILL_BITS.agent);
  });

  it('stays without effect when a process that never saw it writes another', async () => {
    const folder = await testFolder();
    const old = await folder.open();
    await old.engage(order(SHELL));
    await old.engage(order(GLOBAL));
    await rm(folder.file);
    await old.refresh();
    const fresh = await folder.open();
    expect(fresh.engaged()).toBe(0);
    await fresh.engage(order(BOT));
    await old.refresh();
    expect(old.engaged()).toBe(KILL_BITS.tool | KILL_BITS.global | KILL_BITS.agent);
    expect(old.status().problem).toMatch(/stay in force: 2/);

    // A release that the new file shows counts for the stops of the old one, too.
    await fresh.engage(order(GLOBAL));
    await fresh.release(order(GLOBAL, 'ann'));
    const changes = listen(old);
    await old.refresh();
    expect(old.engaged()).toBe(KILL_BITS.tool | KILL_BITS.agent);
    expect(changes).toEqual([
      ['engaged', 'ops'],
      ['released', 'ann'],
    ]);
    await old.engage(order(BOT));
    expect((await folder.read()).entries.map(({ scope }) => scope).sort()).toEqual([
      'agent',
      'tool',
    ]);
    expect(old.status().problem).toBe('');
  });

  it.each([
    ['seen', true],
    ['not seen', false],
  ])('and was replaced by a newer one of another line: %s', async (_, seen) => {
    const folder = await testFolder();
    const old = await folder.open();
    await old.engage(order(SHELL));
    await rm(folder.file);
    if (seen) await old.refresh();
    const fresh = await folder.open();
    for (const actor of ['ann', 'ben', 'cem']) await fresh.engage(order(BOT, actor));
    expect((await folder.read()).revision).toBeGreaterThan(1);
    await old.refresh();
    expect(old.engaged()).toBe(KILL_BITS.tool | KILL_BITS.agent);
    expect(old.status().problem).toMatch(/has lost stops that nobody released/);
  });

  it('and had no history, as one written by hand', async () => {
    const folder = await testFolder();
    await folder.write(stateFile(1, SHELL));
    const old = await folder.open();
    await rm(folder.file);
    await old.refresh();
    await folder.write(stateFile(1, BOT));
    await old.refresh();
    expect(old.engaged()).toBe(KILL_BITS.tool | KILL_BITS.agent);
  });

  it('was never there: nothing is stopped, and nothing is reported', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(0);
    expect(killSwitch.status()).toMatchObject({ readable: true, problem: '' });
  });
});

describe('a file that goes back to an older revision', () => {
  it('releases nothing', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    await killSwitch.engage(order(BOT));
    await copyFile(folder.file, join(folder.path, 'backup'));
    await killSwitch.engage(order(SHELL));
    await copyFile(join(folder.path, 'backup'), folder.file);
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.agent | KILL_BITS.tool);
    expect(killSwitch.status().problem).toMatch(/has lost stops that nobody released/);
    await killSwitch.release(order(SHELL));
    expect(killSwitch.engaged()).toBe(KILL_BITS.agent);
    expect(killSwitch.status().problem).toBe('');
  });

  it('does not bring old releases back to life', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    await killSwitch.engage(order(SHELL));
    await killSwitch.release(order(SHELL));
    await copyFile(folder.file, join(folder.path, 'backup'));
    await killSwitch.engage(order(SHELL));
    await copyFile(join(folder.path, 'backup'), folder.file);
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.tool);
  });
});

describe('a file that is edited by hand', () => {
  it('is taken over, and each difference is told', async () => {
    const folder = await testFolder();
    await folder.write(stateFile(4, SHELL));
    const killSwitch = await folder.open();
    const changes = listen(killSwitch);
    await folder.write(stateFile(4, GLOBAL));
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.global);
    expect(changes).toEqual([
      ['engaged', 'ops'],
      ['released', 'unknown'],
    ]);
  });

  it('may name a target twice: the first counts, and one release ends it', async () => {
    const folder = await testFolder();
    await folder.write(stateFile(1, SHELL, SHELL));
    const killSwitch = await folder.open();
    expect(await killSwitch.release(order(SHELL))).toMatchObject(SHELL);
    expect(killSwitch.engaged()).toBe(0);
    expect((await folder.read()).entries).toEqual([]);
  });
});
