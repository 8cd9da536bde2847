import { readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KILL_BITS } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import { KILL_SWITCH_FILE, MAX_HISTORY, MAX_KILL_SWITCH_BYTES } from '../src/index.ts';
import { GLOBAL, listen, order, SHELL, testFolder } from './folder.ts';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const clock = { monotonicMs: () => 0, wallMs: () => AT };

describe('the file', () => {
  it('holds the stops, and who did what, why and when', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open({ clock });
    const at = '2026-01-02T03:04:05.678Z';
    await killSwitch.engage(order(SHELL, 'ann', 'one'));
    await killSwitch.engage(order(SHELL, 'ben', 'two'));
    await killSwitch.engage(order(GLOBAL, 'ann', 'three'));
    await killSwitch.release(order(GLOBAL, 'cem', 'four'));
    expect(await folder.read()).toEqual({
      version: 1,
      revision: 4,
      entries: [{ scope: 'tool', tool: 'shell', actor: 'ann', reason: 'one', at }],
      history: [
        { type: 'engaged', ...SHELL, actor: 'ann', reason: 'one', at, revision: 1 },
        { type: 'engaged', ...SHELL, actor: 'ben', reason: 'two', at, revision: 2 },
        { type: 'engaged', ...GLOBAL, actor: 'ann', reason: 'three', at, revision: 3 },
        { type: 'released', ...GLOBAL, actor: 'cem', reason: 'four', at, revision: 4 },
      ],
    });
  });

  it('is readable for other users, and leaves no lock or temporary file behind', async () => {
    const folder = await testFolder();
    const leftover = join(folder.path, `.${KILL_SWITCH_FILE}.0123456789ab.tmp`);
    await writeFile(leftover, 'of a process that was killed');
    await utimes(leftover, 1, 1);
    const killSwitch = await folder.open();
    await killSwitch.engage(order(SHELL));
    if (process.platform !== 'win32') {
      expect((await stat(folder.file)).mode & 0o777).toBe(0o644 & ~process.umask());
    }
    expect(await readdir(folder.path)).toEqual([KILL_SWITCH_FILE]);
  });

  it('takes stops that are ordered together in one write, each with its record', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    const agents = Array.from({ length: 200 }, (_, i) => `agent ${i}`);
    const orders = agents.map((agent) => order({ scope: 'agent', agent }));
    const entries = await Promise.all(orders.map((o) => killSwitch.engage(o)));
    const { revision, history, ...file } = await folder.read();
    expect(file.entries).toEqual(entries);
    expect(revision).toBe(200);
    expect(history.map((record) => record.agent)).toEqual(agents.slice(-MAX_HISTORY));
  });

  it('remembers the last hundred changes', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    for (let i = 0; i < MAX_HISTORY + 5; i++) await killSwitch.engage(order(SHELL, `actor ${i}`));
    const { history, revision } = await folder.read();
    expect(history).toHaveLength(MAX_HISTORY);
    expect(history[0]?.actor).toBe('actor 5');
    expect(revision).toBe(MAX_HISTORY + 5);
  });

  it('forgets old changes rather than refuse a stop, and refuses what would not fit', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    // Six bytes for each character: the largest entries there can be.
    const text = '\u0001'.repeat(511);
    const agentAt = (i: number): string => `${i}`.padEnd(256, '\u0001');
    const entries = Array.from({ length: 115 }, (_, i) => ({
      ...order({ scope: 'agent', agent: agentAt(i) }, `x${text}`, `y${text}`),
      at: new Date(AT).toISOString(),
    }));
    await folder.write({ version: 1, revision: 1, entries, history: [] });
    await killSwitch.refresh();
    const wide = (i: number) => order({ scope: 'tool', tool: agentAt(i) }, `x${text}`, `y${text}`);
    let written = 115;
    let refused: unknown = null;
    for (; refused === null && written < 175; written++) {
      refused = await killSwitch.engage(wide(written)).then(
        () => null,
        (error: unknown) => error,
      );
    }
    written -= 1;
    expect(refused).toMatchObject({
      code: 'KILL_SWITCH_WRITE_FAILED',
      message: expect.stringContaining('more than 1048576 bytes'),
    });
    expect((await stat(folder.file)).size).toBeLessThanOrEqual(MAX_KILL_SWITCH_BYTES);
    expect((await folder.read()).entries).toHaveLength(written);
    expect(killSwitch.status().entries).toHaveLength(written + 1);

    // What does not fit keeps neither a small stop nor a release from the file.
    await killSwitch.engage(order(GLOBAL));
    expect((await folder.read()).entries).toHaveLength(written + 1);
    expect(await killSwitch.release(order({ scope: 'agent', agent: agentAt(0) }))).toMatchObject({
      scope: 'agent',
    });
    expect(killSwitch.status()).toMatchObject({ readable: true, problem: '' });
    expect((await folder.read()).entries).toHaveLength(written + 1);
    expect(await killSwitch.release(wide(written))).toMatchObject({ scope: 'tool' });
    expect((await folder.read()).entries).toHaveLength(written);
  });

  it('never becomes one that could not be read again', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open({ clock: { ...clock, wallMs: () => 8e15 } });
    await expect(killSwitch.engage(order(SHELL))).rejects.toMatchObject({
      code: 'KILL_SWITCH_WRITE_FAILED',
    });
    expect(killSwitch.engaged()).toBe(KILL_BITS.tool);
    expect(await readdir(folder.path)).toEqual([]);
  });
});

describe('a switch that is opened anew', () => {
  it('has the stops in force before it can be asked', async () => {
    const folder = await testFolder();
    const before = await folder.open();
    await before.engage(order(GLOBAL));
    const entry = await before.engage(order(SHELL));
    await before.close();
    const after = await folder.open();
    expect(after.engaged()).toBe(KILL_BITS.global | KILL_BITS.tool);
    expect(after.find('t', 'a', 'shell', 'run')).toEqual(entry);
  });
});

describe('changes of another process', () => {
  it('are told one by one, even when they cancel out between two looks', async () => {
    const folder = await testFolder();
    const [one, two] = [await folder.open(), await folder.open()];
    const changes = listen(two);
    await one.engage(order(SHELL, 'ann'));
    await one.engage(order(SHELL, 'ben'));
    await one.release(order(SHELL, 'cem'));
    await two.refresh();
    await two.refresh();
    expect(changes).toEqual([
      ['engaged', 'ann'],
      ['engaged', 'ben'],
      ['released', 'cem'],
    ]);
  });

  it('are told once when this process writes in between', async () => {
    const folder = await testFolder();
    const [one, two] = [await folder.open(), await folder.open()];
    const changes = listen(two);
    await one.engage(order(SHELL, 'ann'));
    await two.engage(order(GLOBAL, 'ben'));
    await two.refresh();
    await one.release(order(GLOBAL, 'cem'));
    await two.refresh();
    expect(changes).toEqual([
      ['engaged', 'ben'],
      ['engaged', 'ann'],
      ['released', 'cem'],
    ]);
  });

  it('are told once each, however looks and writes overlap', async () => {
    const folder = await testFolder();
    const switches = [await folder.open(), await folder.open({ pollMs: 10, watch: true })];
    const told = switches.map(listen);
    let writing = true;
    const looks = switches.map(async (killSwitch) => {
      while (writing) {
        await Promise.all([killSwitch.refresh(), killSwitch.refresh()]);
        expect(killSwitch.status()).toMatchObject({ readable: true, problem: '' });
      }
    });
    const writes = switches.map(async (killSwitch, i) => {
      const target = { scope: 'agent', agent: `agent ${i}` } as const;
      for (let n = 0; n < 15; n++) {
        await killSwitch.engage(order(target, `on ${i}.${n}`));
        await killSwitch.release(order(target, `off ${i}.${n}`));
      }
    });
    await Promise.all(writes);
    writing = false;
    await Promise.all(looks);
    await Promise.all(switches.map((killSwitch) => killSwitch.refresh()));
    const { history } = await folder.read();
    const expected = history.map(({ type, actor }) => `${type} ${actor}`).sort();
    expect(expected).toHaveLength(60);
    for (const changes of told) expect(changes.map((c) => c.join(' ')).sort()).toEqual(expected);
    for (const killSwitch of switches) expect(killSwitch.engaged()).toBe(0);
  });

  it('cost one look when there are none', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    await killSwitch.engage(order(SHELL));
    const { version } = killSwitch.status();
    for (let i = 0; i < 5; i++) await killSwitch.refresh();
    expect(killSwitch.status().version).toBe(version);
  });
});
