import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GovernanceError, toolCall } from '@cortex-governance/core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type CountingGrantIndex, createGrantIndex, type GrantIndexOptions } from '../src/index.ts';
import { GIT_GRANT, TestClock, TestLogger, temporaryFolder, Workspace } from './grant-files.ts';

const A = { tool: 'a', actions: ['go'], rate: { perMinute: 1 } };
const B = { tool: 'b', actions: ['go'], rate: { perMinute: 1 } };
const WAIT_MS = 10_000;

async function open(
  workspace: Workspace,
  options: GrantIndexOptions = {},
): Promise<CountingGrantIndex> {
  const index = await createGrantIndex({ root: workspace.root, watch: false, ...options });
  onTestFinished(() => index.close());
  return index;
}

async function failureOf(workspace: Workspace): Promise<GovernanceError> {
  const error = await open(workspace).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!GovernanceError.isInstance(error))
    throw new Error(`expected an error, not ${String(error)}`);
  return error;
}

describe('the first load', () => {
  it('takes every *.json, and neither subfolders nor hidden and other files', async () => {
    const workspace = await Workspace.create({ git: GIT_GRANT, a: A });
    await mkdir(join(workspace.tools, 'sub.json'));
    await writeFile(join(workspace.tools, '.#a.json'), '{');
    await writeFile(join(workspace.tools, 'README.md'), 'x');
    const index = await open(workspace);
    expect(index.current().tools()).toEqual(['a', 'git-map']);
    expect(index.current().epoch).toBe(1);
  });

  it('has a hash that depends on what the grants say, not on how or where', async () => {
    const one = await open(await Workspace.create({ x: A, y: B }));
    const other = await Workspace.create({
      y: `\n${JSON.stringify({ ...A, fsScope: [], mode: 'enforce' })}`,
      x: B,
    });
    expect((await open(other)).current().policyHash).toBe(one.current().policyHash);
    const third = await open(await Workspace.create({ x: { ...A, risk: 'low' }, y: B }));
    expect(third.current().policyHash).not.toBe(one.current().policyHash);
  });

  it.each<[string, string, RegExp, (w: Workspace) => Promise<unknown>]>([
    [
      'no folder',
      'GRANT_NOT_FOUND',
      /no grant file .*policy\/tools\/\*\.json/,
      (w) => rm(w.root, { recursive: true }),
    ],
    ['an empty folder', 'GRANT_NOT_FOUND', /no grant file/, (w) => w.remove('a')],
    [
      'only other files',
      'GRANT_NOT_FOUND',
      /no grant file/,
      async (w) => {
        await w.remove('a');
        await writeFile(join(w.tools, 'a.yaml'), 'x');
      },
    ],
    ['a bad file beside good ones', 'GRANT_INVALID', /z\.json: 1:2/, (w) => w.put('z', '{')],
    [
      'a link that leads out',
      'GRANT_FILE_UNSAFE',
      /z\.json: is a link/,
      (w) => symlink('/etc/hostname', w.path('z')),
    ],
    ['a dangling link', 'GRANT_NOT_FOUND', /z\.json/, (w) => symlink('gone', w.path('z'))],
    [
      'a file that everyone may write',
      'GRANT_FILE_UNSAFE',
      /a\.json: mode 0666/,
      (w) => chmod(w.path('a'), 0o666),
    ],
    [
      'a folder that everyone may write',
      'GRANT_FILE_UNSAFE',
      /tools: mode 0777/,
      (w) => chmod(w.tools, 0o777),
    ],
    ['a file name that is no id', 'GRANT_ID_INVALID', /-z\.json/, (w) => w.put('-z', B)],
    [
      'two files for one tool',
      'GRANT_INVALID',
      /z\.json: 2:11 tool: the same tool as in a\.json/,
      (w) => w.put('z', A),
    ],
    [
      'several problems',
      'GRANT_INVALID',
      /and 2 more problems/,
      async (w) => {
        await w.put('y', '{');
        await w.put('z', { ...B, one: 1, two: 2 });
      },
    ],
  ])('rejects for %s', async (_name, code, message, prepare) => {
    const workspace = await Workspace.create({ a: A });
    await prepare(workspace);
    const error = await failureOf(workspace);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it.each([
    { watch: 1 },
    { debounceMs: -1 },
    { maxStalenessMs: -1 },
    { rescanMs: 0 },
    { root: '' },
    { other: 1 },
    { clock: 1 },
  ])('refuses the options %j', async (options) => {
    await expect(createGrantIndex(options as never)).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
    });
  });
});

describe('updates', () => {
  it('take up new, changed and removed files, by one pointer', async () => {
    const workspace = await Workspace.create({ a: A });
    const index = await open(workspace);
    const first = index.current();
    await workspace.put('b', B);
    await index.reload();
    expect(index.current().tools()).toEqual(['a', 'b']);
    await workspace.remove('a');
    await index.reload();
    expect(index.current().tools()).toEqual(['b']);
    expect(index.current().epoch).toBe(3);
    expect(first.tools()).toEqual(['a']);
  });

  it('tell listeners that a failure ended, though nothing changed', async () => {
    const workspace = await Workspace.create({ a: A });
    const index = await open(workspace, { watch: false });
    const told: unknown[] = [];
    index.onReload(({ ok, changed }) => told.push([ok, changed]));
    await workspace.put('a', '{');
    await index.reload();
    await workspace.put('a', A);
    await index.reload();
    await index.reload();
    expect(told).toEqual([
      [false, false],
      [true, false],
    ]);
  });

  it('do not count as changes when only the text changed', async () => {
    const workspace = await Workspace.create({ a: A });
    const index = await open(workspace);
    const before = index.current();
    await workspace.put('a', JSON.stringify(A));
    expect(await index.reload()).toMatchObject({ ok: true, changed: false });
    expect(index.current()).toBe(before);
  });

  it('name every bad file with line, column, member and reason, and keep the whole snapshot', async () => {
    const workspace = await Workspace.create({ a: A, b: B });
    const logger = new TestLogger();
    const index = await open(workspace, { logger });
    const before = index.current();
    await workspace.put('a', { ...A, rate: { perMinute: 2 } });
    await workspace.put(
      'b',
      '{\n  "tool": "b",\n  "actions": ["go"],\n  "rate": { "perMinute": 0 }\n}',
    );
    await workspace.put('c', '{\n  "tool": ]');
    const reload = await index.reload();
    expect(index.current()).toBe(before);
    expect(reload.problems).toEqual([
      expect.stringMatching(/b\.json:4:26: rate\.perMinute: .*>=1/),
      expect.stringMatching(/c\.json:2:11: not valid JSON: value expected/),
    ]);
    expect(reload.problems[0]?.startsWith(workspace.tools)).toBe(true);
    expect(index.updateFailures).toBe(1);
    expect(logger.of('POLICY_UPDATE_FAILED')).toEqual([{ problems: reload.problems }]);
  });

  it.each<[string, (w: Workspace) => Promise<unknown>]>([
    ['vanished', (w) => rm(w.tools, { recursive: true })],
    ['was emptied', (w) => w.remove('a')],
    ['holds a file that everyone may write', (w) => chmod(w.path('a'), 0o666)],
  ])('keep the last good snapshot when the folder %s', async (_name, spoil) => {
    const workspace = await Workspace.create({ a: A });
    const index = await open(workspace);
    const before = index.current();
    await spoil(workspace);
    expect((await index.reload()).ok).toBe(false);
    expect(index.current()).toBe(before);
  });

  it('come by themselves while it watches; an old failure is not reported again', async () => {
    const workspace = await Workspace.create({ a: A });
    const logger = new TestLogger();
    const index = await open(workspace, { watch: true, debounceMs: 5, rescanMs: 20, logger });
    const outcomes: boolean[] = [];
    index.onReload(({ ok }) => outcomes.push(ok));
    await workspace.put('b', B);
    await vi.waitFor(() => expect(index.current().tools()).toEqual(['a', 'b']), WAIT_MS);
    await workspace.put('b', '{');
    await vi.waitFor(() => expect(index.updateFailures).toBe(1), WAIT_MS);
    await workspace.put('README', 'not a grant, but an event');
    await workspace.put('b', { ...B, rate: { perMinute: 9 } });
    await rm(workspace.path('README'));
    await vi.waitFor(() => expect(index.current().epoch).toBe(3), WAIT_MS);
    expect(outcomes.filter((ok) => ok)).toHaveLength(2);
    expect(logger.of('POLICY_UPDATE_FAILED').length).toBe(index.updateFailures);
  });

  it('are found by looking again when no event comes', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const workspace = await Workspace.create({ a: A });
    // The watcher's own callback is an hour away.
    const index = await open(workspace, { watch: true, debounceMs: 3_600_000, rescanMs: 60_000 });
    await workspace.put('a', '{');
    vi.advanceTimersByTime(60_000);
    await vi.waitFor(() => expect(index.updateFailures).toBe(1), WAIT_MS);
    vi.advanceTimersByTime(60_000);
    await workspace.put('a', { ...A, rate: { perMinute: 5 } });
    vi.advanceTimersByTime(60_000);
    await vi.waitFor(() => expect(index.current().epoch).toBe(2), WAIT_MS);
    expect(index.updateFailures).toBe(1);
  });

  it('end with close', async () => {
    const workspace = await Workspace.create({ a: A });
    const index = await open(workspace, { watch: true, debounceMs: 1 });
    const before = index.current();
    const pending = index.reload();
    await index.close();
    await workspace.put('a', B);
    await pending;
    expect(await index.reload()).toMatchObject({ ok: false, changed: false });
    expect(index.current()).toBe(before);
    expect(index.updateFailures).toBe(0);
  });

  it('look up links in scopes again when asked, not by themselves', async () => {
    const workspace = await Workspace.create({ a: { ...A, fsScope: ['data'] } });
    await mkdir(join(workspace.folder, 'one'));
    await mkdir(join(workspace.folder, 'two'));
    const link = join(workspace.folder, 'data');
    await symlink('one', link);
    const early = await open(workspace);
    const index = await open(workspace);
    const resolveIt = async (): Promise<unknown> => {
      const resolved = await index
        .current()
        .find('a')
        ?.action('go')
        ?.resolvePaths({ path: 'data/x' });
      return resolved?.args?.['path'] ?? resolved?.problem?.code;
    };
    expect(await resolveIt()).toBe(join(workspace.folder, 'one', 'x'));
    await rm(link);
    await symlink('two', link);
    expect(await resolveIt()).toBe('PATH_OUT_OF_SCOPE');
    // Also when nobody asked before: the place is that of the load.
    const first = await early.current().find('a')?.action('go')?.resolvePaths({ path: 'data/x' });
    expect(first?.problem?.code).toBe('PATH_OUT_OF_SCOPE');
    const before = index.current();
    expect(await index.reload()).toMatchObject({ ok: true, changed: true });
    expect(await resolveIt()).toBe(join(workspace.folder, 'two', 'x'));
    // What a caller still holds does not change under it.
    const held = await before.find('a')?.action('go')?.resolvePaths({ path: 'data/x' });
    expect(held?.problem?.code).toBe('PATH_OUT_OF_SCOPE');
    expect(index.current().epoch).toBe(before.epoch + 1);
    expect(index.current().policyHash).toBe(before.policyHash);
    const after = index.current();
    expect(await index.reload()).toMatchObject({ ok: true, changed: false });
    expect(index.current()).toBe(after);
  });

  it('tell listeners of a scope that moved', async () => {
    const workspace = await Workspace.create({ a: { ...A, fsScope: ['data'] }, b: B });
    const link = join(workspace.folder, 'data');
    await symlink('one', link);
    const index = await open(workspace);
    const told: boolean[] = [];
    index.onReload(({ changed }) => told.push(changed));
    await index.reload();
    await rm(link);
    await symlink('two', link);
    await index.reload();
    await index.reload();
    expect(told).toEqual([true]);
  });
});

describe('a compiled grant', () => {
  it('has each action with its effect, approval and limit', async () => {
    const index = await open(
      await Workspace.create({
        a: {
          ...A,
          actions: ['go', 'look'],
          rate: { perMinute: 1, perHour: 2, perDay: 3 },
          actionRules: { look: { effect: 'read', approval: true, rate: { perMinute: 9 } } },
          mode: 'shadow',
        },
      }),
    );
    const grant = index.current().find('a');
    expect(grant?.shadow).toBe(true);
    expect(grant?.actions()).toEqual(['go', 'look']);
    expect(grant?.action('go')).toMatchObject({
      effect: 'write',
      approval: false,
      limit: {
        tool: 'a',
        action: 'go',
        shadow: true,
        limits: [
          { kind: 'window', by: ['tenant', 'tool', 'action'], limit: 1, windowMs: 60_000 },
          { kind: 'window', limit: 2, windowMs: 3_600_000 },
          { kind: 'window', limit: 3, windowMs: 86_400_000 },
        ],
      },
    });
    expect(grant?.action('look')).toMatchObject({
      effect: 'read',
      approval: true,
      limit: { action: 'look', limits: [{ limit: 9, windowMs: 60_000 }] },
    });
    const frozen = [
      index.current(),
      grant,
      grant?.action('go'),
      grant?.action('go')?.limit,
      grant?.action('go')?.limit?.limits,
      grant?.action('go')?.limit?.limits[0],
      grant?.actions(),
    ];
    for (const part of frozen) expect(Object.isFrozen(part)).toBe(true);
  });

  it('is for the tenants and subjects that it names', async () => {
    const index = await open(
      await Workspace.create({
        a: { ...A, tenants: ['t1'], subjects: ['s1'] },
        b: B,
        c: { ...A, tool: 'c', tenants: [] },
      }),
    );
    const ask = (tool: string, tenant: string, agent: string): unknown =>
      index
        .current()
        .find(tool)
        ?.checkSubject(toolCall({ tenant, agent, tool, action: 'go' }));
    expect(ask('a', 't1', 's1')).toBeNull();
    expect(ask('a', 't2', 's1')).toBe('TENANT_NOT_GRANTED');
    expect(ask('a', 't1', 's2')).toBe('SUBJECT_NOT_GRANTED');
    expect(ask('a', 'constructor', 's1')).toBe('TENANT_NOT_GRANTED');
    expect(ask('b', 'any', 'any')).toBeNull();
    expect(ask('c', 't1', 's1')).toBe('TENANT_NOT_GRANTED');
  });

  it('with high risk is denied once updates have failed for too long, and only then', async () => {
    const workspace = await Workspace.create({ a: { ...A, risk: 'high' }, b: B });
    const clock = new TestClock();
    const index = await open(workspace, { clock, maxStalenessMs: 1000 });
    const ask = (tool: string): unknown =>
      index
        .current()
        .find(tool)
        ?.checkSubject(toolCall({ tenant: 't', agent: 's', tool, action: 'go' }));
    clock.now = 1_000_000;
    expect(ask('a')).toBeNull();
    await workspace.put('z', '{');
    await index.reload();
    clock.now += 1000;
    await index.reload();
    expect(ask('a')).toBeNull();
    clock.now += 1;
    expect(ask('a')).toBe('POLICY_STALE');
    expect(ask('b')).toBeNull();
    await workspace.remove('z');
    await index.reload();
    expect(ask('a')).toBeNull();
  });

  it('with high risk never counts as stale when staleness is switched off', async () => {
    const workspace = await Workspace.create({ a: { ...A, risk: 'high' } });
    const clock = new TestClock();
    const index = await open(workspace, { clock, maxStalenessMs: null });
    await workspace.put('z', '{');
    await index.reload();
    clock.now += 10 ** 9;
    const request = toolCall({ tenant: 't', agent: 's', tool: 'a', action: 'go' });
    expect(index.current().find('a')?.checkSubject(request)).toBeNull();
  });

  it('takes paths relative to the parent of the root, or to the workspace it is given', async () => {
    const workspace = await Workspace.create({ a: { ...A, fsScope: ['docs'] } });
    const elsewhere = await temporaryFolder();
    const resolveIn = async (index: CountingGrantIndex): Promise<unknown> =>
      (await index.current().find('a')?.action('go')?.resolvePaths({ path: 'docs/x' }))?.args?.[
        'path'
      ];
    expect(await resolveIn(await open(workspace))).toBe(join(workspace.folder, 'docs', 'x'));
    expect(await resolveIn(await open(workspace, { workspace: elsewhere }))).toBe(
      join(elsewhere, 'docs', 'x'),
    );
  });
});
