import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KILL_BITS } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import { createKillSwitch, MAX_HISTORY, MAX_KILL_SWITCH_BYTES } from '../src/index.ts';
import { GLOBAL, listen, order, SHELL, stateFile, type TestFolder, testFolder } from './folder.ts';

const GOOD = stateFile(1, SHELL);
const [ENTRY] = GOOD.entries;
const RECORD = { ...ENTRY, type: 'engaged', revision: 1 };

const BAD_TEXTS: readonly [name: string, content: unknown, problem: RegExp][] = [
  ['empty', '', /not JSON/],
  ['cut short', JSON.stringify(GOOD).slice(0, -2), /not JSON/],
  ['not an object', '[]', /top level/],
  ['null', 'null', /top level/],
  ['of an unknown version', { ...GOOD, version: 2 }, /version: /],
  ['of no version', { ...GOOD, version: undefined }, /version: /],
  ['with an unknown key', { ...GOOD, enabled: false }, /"enabled"/],
  ['with a __proto__ key', JSON.stringify(GOOD).replace('{', '{"__proto__":1,'), /__proto__/],
  [
    'with entries twice, of which the second hold nothing',
    JSON.stringify(GOOD).replace(/}$/, ',"entries":[]}'),
    /repeated member name/,
  ],
  ['with a revision that is text', { ...GOOD, revision: '1' }, /revision: /],
  ['with a revision below zero', { ...GOOD, revision: -1 }, /revision: /],
  ['without entries', { ...GOOD, entries: undefined }, /entries: /],
  ['without a history', { ...GOOD, history: undefined }, /history: /],
  ['with entries that are an object', { ...GOOD, entries: {} }, /entries: /],
  [
    'with an unknown scope',
    { ...GOOD, entries: [{ ...ENTRY, scope: 'all' }] },
    /entries\.0\.scope: /,
  ],
  [
    'with an entry that lacks its name',
    { ...GOOD, entries: [{ ...ENTRY, tool: undefined }] },
    /entries\.0\.tool/,
  ],
  [
    'with an unknown key in an entry',
    { ...GOOD, entries: [{ ...ENTRY, off: true }] },
    /entries\.0: .*"off"/,
  ],
  [
    'with a blank reason',
    { ...GOOD, entries: [ENTRY, { ...ENTRY, reason: ' ' }] },
    /entries\.1\.reason: /,
  ],
  [
    'with a time that is none',
    { ...GOOD, entries: [{ ...ENTRY, at: 'today' }] },
    /entries\.0\.at: /,
  ],
  [
    'with a bad record',
    { ...GOOD, history: [{ ...RECORD, type: 'paused' }] },
    /history\.0\.type: /,
  ],
  [
    'with too long a history',
    { ...GOOD, history: Array(MAX_HISTORY + 1).fill(RECORD) },
    /history: /,
  ],
  ['nested deeply', '['.repeat(200_000), /not JSON/],
  [
    'larger than 1 MiB',
    JSON.stringify(GOOD).padEnd(MAX_KILL_SWITCH_BYTES + 1),
    /larger than 1048576 bytes/,
  ],
];

async function expectStopped(folder: TestFolder, problem: RegExp): Promise<void> {
  const killSwitch = await folder.open();
  expect(killSwitch.engaged() & KILL_BITS.UNREADABLE).toBe(KILL_BITS.UNREADABLE);
  const status = killSwitch.status();
  expect(status.readable).toBe(false);
  expect(status.problem).toMatch(problem);
  expect(status.problem.startsWith(`${folder.file}: `)).toBe(true);
}

describe('a file that cannot be read stops everything: a file', () => {
  it.each(BAD_TEXTS)('%s', async (_, content, problem) => {
    const folder = await testFolder();
    await folder.write(content);
    await expectStopped(folder, problem);
  });

  it('that is not UTF-8', async () => {
    const folder = await testFolder();
    await writeFile(folder.file, Buffer.from([0x22, 0xff, 0x22]));
    await expectStopped(folder, /not UTF-8/);
  });

  it('that is a folder', async () => {
    const folder = await testFolder();
    await mkdir(folder.file);
    await expectStopped(folder, /not a regular file/);
  });

  it.skipIf(process.platform === 'win32')(
    'that is a symbolic link, even to a good file',
    async () => {
      const folder = await testFolder();
      await writeFile(join(folder.path, 'real.json'), JSON.stringify(GOOD));
      await symlink('real.json', folder.file);
      await expectStopped(folder, /symbolic link/);
    },
  );

  it.skipIf(process.platform === 'win32')('that everyone may write', async () => {
    const folder = await testFolder();
    await folder.write(GOOD);
    await chmod(folder.file, 0o666);
    await expectStopped(folder, /mode 0666/);
  });

  it.skipIf(process.platform === 'win32')('that is a pipe', async () => {
    const folder = await testFolder();
    execFileSync('mkfifo', [folder.file], { stdio: 'ignore' });
    await expectStopped(folder, /not a regular file/);
  });

  it.skipIf(process.platform === 'win32')('that this user may not read', async () => {
    const folder = await testFolder();
    await folder.write(GOOD);
    await chmod(folder.file, 0o000);
    // Root may read everything; the test takes another user's rights for a moment.
    await chmod(folder.path, 0o755);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      await expectStopped(folder, /EACCES/);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it('in a folder that is not there, or is a file', async () => {
    const folder = await testFolder();
    await writeFile(join(folder.path, 'plain'), '');
    for (const name of ['nowhere', 'plain']) {
      const killSwitch = await folder.open({ root: join(folder.path, name) });
      expect(killSwitch.engaged()).toBe(KILL_BITS.UNREADABLE);
      expect(killSwitch.status().problem).toContain(name);
    }
  });
});

describe('while the file cannot be read', () => {
  it('keeps the stops, tells once, and takes over what is there when it can be read', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    await killSwitch.engage(order(SHELL));
    const good = await readFile(folder.file);
    const changes = listen(killSwitch);

    await folder.write('{');
    await killSwitch.refresh();
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.UNREADABLE | KILL_BITS.tool);
    expect(killSwitch.status().entries).toHaveLength(1);
    await writeFile(folder.file, good);
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.tool);
    expect(killSwitch.status()).toMatchObject({ readable: true, problem: '' });
    expect(changes).toEqual([
      ['unreadable', 'system'],
      ['readable', 'system'],
    ]);
  });

  it('takes over the first state that it can read', async () => {
    const folder = await testFolder();
    await folder.write('?');
    const killSwitch = await folder.open();
    const changes = listen(killSwitch);
    await folder.write({ ...stateFile(7, SHELL), history: [{ ...RECORD, actor: 'past' }] });
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.tool);
    expect(changes).toEqual([
      ['engaged', 'ops'],
      ['readable', 'system'],
    ]);
  });

  it('never overwrites it: a stop holds in this process, and the call fails', async () => {
    const folder = await testFolder();
    await folder.write('{"version":2}');
    const killSwitch = await folder.open();
    await expect(killSwitch.engage(order(GLOBAL))).rejects.toMatchObject({
      code: 'KILL_SWITCH_WRITE_FAILED',
      message: expect.stringMatching(
        /kill-switch\.json: not overwritten, because unreadable: version/,
      ),
    });
    await expect(killSwitch.release(order(GLOBAL))).rejects.toMatchObject({
      code: 'KILL_SWITCH_WRITE_FAILED',
    });
    expect(killSwitch.engaged()).toBe(KILL_BITS.UNREADABLE | KILL_BITS.global);
    expect(await readFile(folder.file, 'utf8')).toBe('{"version":2}');

    await folder.write(stateFile(3, SHELL));
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.global | KILL_BITS.tool);
    expect(killSwitch.status().problem).toMatch(/could not be written: 1/);
    await killSwitch.engage(order({ scope: 'agent', agent: 'bot' }));
    expect((await folder.read()).entries.map(({ scope }) => scope)).toEqual([
      'tool',
      'global',
      'agent',
    ]);
    expect(killSwitch.status().problem).toBe('');
  });

  it('is not ended by removing it, but by an order, which writes a good one', async () => {
    const folder = await testFolder();
    await folder.write('?');
    const killSwitch = await folder.open();
    await rm(folder.file);
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.UNREADABLE);
    expect(killSwitch.status().problem).toMatch(/has vanished since/);
    const changes = listen(killSwitch);
    expect(await killSwitch.release(order(GLOBAL))).toBeNull();
    expect(killSwitch.engaged()).toBe(0);
    expect(changes).toEqual([['readable', 'system']]);
    expect(await folder.read()).toMatchObject({ entries: [] });
  });

  it('ends when the folder is back', async () => {
    const folder = await testFolder();
    const killSwitch = await folder.open();
    await killSwitch.engage(order(SHELL));
    await rename(folder.path, `${folder.path}-away`);
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.UNREADABLE | KILL_BITS.tool);
    await rename(`${folder.path}-away`, folder.path);
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.tool);
    await rm(folder.path, { recursive: true });
    await killSwitch.refresh();
    await mkdir(folder.path);
    await killSwitch.refresh();
    expect(killSwitch.engaged()).toBe(KILL_BITS.tool);
    expect(killSwitch.status().problem).toMatch(/has vanished/);
  });
});

describe('options', () => {
  it.each([
    undefined,
    {},
    { root: '' },
    { root: 'a\0b' },
    { root: 5 },
    { root: '.', pollMs: 9 },
    { root: '.', pollMs: Number.NaN },
    { root: '.', lockTimeoutMs: 0 },
    { root: '.', watch: 'yes' },
    { root: '.', clock: {} },
    { root: '.', logger: 'console' },
    { root: '.', file: 'other.json' },
  ])('are refused: %j', async (options) => {
    await expect(createKillSwitch(options as never)).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: expect.stringContaining('createKillSwitch(options)'),
    });
  });
});
