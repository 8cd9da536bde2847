import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GovernanceError } from '@cortex-governance/core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  createGrantLoader,
  type GrantLoader,
  type GrantLoaderOptions,
  MAX_GRANT_FILE_BYTES,
} from '../src/index.ts';
import { GIT_GRANT, TestClock, TestLogger, Workspace } from './grant-files.ts';

const TTL_MS = 1000;

interface Scene {
  readonly workspace: Workspace;
  readonly loader: GrantLoader;
  readonly clock: TestClock;
  readonly logger: TestLogger;
}

async function scene(
  grants: Record<string, unknown>,
  options: GrantLoaderOptions = {},
): Promise<Scene> {
  const workspace = await Workspace.create(grants);
  const clock = new TestClock();
  const logger = new TestLogger();
  const loader = createGrantLoader({
    root: workspace.root,
    watch: false,
    ttlMs: TTL_MS,
    clock,
    logger,
    ...options,
  });
  onTestFinished(() => loader.close());
  return { workspace, loader, clock, logger };
}

async function errorOf(promise: Promise<unknown>): Promise<GovernanceError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!GovernanceError.isInstance(error))
    throw new Error(`expected a GovernanceError, not ${String(error)}`);
  return error;
}

const GIT_2 = { ...GIT_GRANT, rate: { perMinute: 31 } };

describe('load', () => {
  it('returns the grant, deeply frozen', async () => {
    const { loader } = await scene({ git: GIT_GRANT });
    const grant = await loader.load('git');
    expect(grant).toMatchObject(GIT_GRANT);
    for (const part of [
      grant,
      grant.actions,
      grant.args,
      grant.args['repo'],
      grant.rate,
      grant.fsScope,
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('answers a hit with the same promise', async () => {
    const { loader } = await scene({ git: GIT_GRANT });
    await loader.load('git');
    expect(loader.load('git')).toBe(loader.load('git'));
  });

  it('looks at the file again after the ttl, and does not parse it when it is the same', async () => {
    const { loader, workspace, clock } = await scene({ git: GIT_GRANT });
    const first = await loader.load('git');
    await workspace.put('git', GIT_2);
    clock.now = TTL_MS;
    expect(await loader.load('git')).toBe(first);
    clock.now = TTL_MS + 1;
    const second = await loader.load('git');
    expect(second.rate.perMinute).toBe(31);
    await workspace.put('git', GIT_2);
    clock.now += TTL_MS + 1;
    expect(await loader.load('git')).toBe(second);
  });

  it('holds as many grants as it is told to', async () => {
    const { loader, workspace } = await scene(
      { a: { ...GIT_GRANT }, b: { ...GIT_GRANT } },
      { max: 1 },
    );
    const first = await loader.load('a');
    await loader.load('b');
    expect(await loader.load('a')).not.toBe(first);
    await loader.load('b');
    await workspace.put('a', '{');
    // Pushed out, so there is no last good state to fall back on.
    expect((await errorOf(loader.load('a'))).code).toBe('GRANT_INVALID');
  });

  it('looks again at every grant that it gives, whatever was loaded since', async () => {
    const grants = { a: { ...GIT_GRANT }, b: { ...GIT_GRANT }, c: { ...GIT_GRANT } };
    const { loader, workspace } = await scene(grants, { max: 2 });
    const hot = await loader.load('a');
    await loader.load('b');
    expect(await loader.load('a')).toBe(hot);
    await loader.load('c');
    expect(await loader.load('a')).toBe(hot);
    await workspace.remove('a');
    await loader.reload();
    expect((await errorOf(loader.load('a'))).code).toBe('GRANT_NOT_FOUND');
  });

  it('lets ids without a file push nothing out', async () => {
    const { loader } = await scene({ git: GIT_GRANT }, { max: 2 });
    const grant = await loader.load('git');
    for (let i = 0; i < 10; i += 1) await errorOf(loader.load(`none${i}`));
    expect(await loader.load('git')).toBe(grant);
  });

  it.each([
    '../x',
    '..',
    '.',
    '',
    'a/b',
    'a\\b',
    '/etc/passwd',
    'a..b',
    '.hidden',
    '-x',
    'a\u0000',
    'a b',
    'é',
    'x'.repeat(129),
    'a\n',
    '%2e%2e',
    'git.json/../x',
  ])('refuses the id %j without looking at the disk', async (id) => {
    const { loader } = await scene({});
    const error = await errorOf(loader.load(id));
    expect(error.code).toBe('GRANT_ID_INVALID');
    expect(error.message).toMatch(/^[\x20-\x7e]+$/);
  });

  it('refuses ids that are no strings', async () => {
    const { loader } = await scene({});
    for (const id of [undefined, null, 1, {}, ['git'], { toString: () => 'git' }]) {
      expect((await errorOf(loader.load(id as never))).code).toBe('GRANT_ID_INVALID');
    }
  });

  it('takes ids with dots', async () => {
    const { loader } = await scene({ 'fs.write': { ...GIT_GRANT, tool: 'fs.write' } });
    expect((await loader.load('fs.write')).tool).toBe('fs.write');
  });

  it('says which file is not there, and finds it when it is', async () => {
    const { loader, workspace } = await scene({});
    const error = await errorOf(loader.load('git'));
    expect(error.code).toBe('GRANT_NOT_FOUND');
    expect(error.details['file']).toBe(workspace.path('git'));
    await workspace.put('git', GIT_GRANT);
    expect((await loader.load('git')).tool).toBe('git-map');
  });
});

describe('a bad file at the first load', () => {
  const text = (members: string): string =>
    `{\n  "tool": "t",\n  "actions": ["go"],\n  ${members}\n}\n`;

  it.each([
    ['an empty file', '', '1:1', /not valid JSON/],
    ['a missing comma', '{\n  "tool": "t"\n  "actions": []\n}', '3:3', /comma expected/],
    ['a trailing comma', text('"rate": {"perMinute": 1},'), /^5:1/, /not valid JSON/],
    ['a comment', text('// no\n"rate": {"perMinute": 1}'), '4:3', /comment/],
    ['a single quote', "{'tool': 1}", '1:2', /not valid JSON/],
    ['two documents', `${JSON.stringify(GIT_GRANT)} {}`, /^1:/, /end of file expected/],
    [
      'a name that is there twice',
      text('"rate": {"perMinute": 1},\n  "tool": "u"'),
      '5:3 tool',
      /twice/,
    ],
    [
      'a nested name that is there twice',
      text('"rate": {"perMinute": 1, "perMinute": 2}'),
      '4:28 rate.perMinute',
      /twice/,
    ],
    [
      'the same name written with an escape',
      text('"rate": {"perMinute": 1},\n  "t\\u006fol": "u"'),
      '5:3 tool',
      /twice/,
    ],
    [
      'a name that is __proto__',
      text('"rate": {"perMinute": 1},\n  "args": {"__proto__": {"type": "string"}}'),
      '5:12 args.__proto__',
      /not accepted/,
    ],
    [
      'an unknown member',
      text('"rate": {"perMinute": 1},\n  "rules": {}'),
      '5:3 rules',
      /unknown member "rules"/,
    ],
    [
      'an unknown member below',
      text('"rate": {"perMinute": 1, "perWeek": 5}'),
      '4:28 rate.perWeek',
      /unknown member "perWeek"/,
    ],
    [
      'a member of the wrong type',
      text('"rate": {"perMinute": "x"}'),
      '4:25 rate.perMinute',
      /expected (number|int)/,
    ],
    [
      'an element of the wrong type',
      text('"rate": {"perMinute": 1}, "fsScope": ["docs", "../x"]'),
      '4:49 fsScope[1]',
      /contains "\.\."/,
    ],
    ['a missing member', text('"args": {}'), '1:1 rate', /expected object/],
    [
      'a rule for no action',
      text('"rate": {"perMinute": 1}, "actionRules": {"a b": {}}'),
      '4:52 actionRules["a b"]',
      /not in actions/,
    ],
    [
      'a lone surrogate',
      text('"rate": {"perMinute": 1}, "description": "\\ud800"'),
      /^4:44 description/,
      /surrogate/,
    ],
    ['an array', '[]', '1:1', /expected object/],
    ['too much nesting', `{"args": ${'['.repeat(200_000)}`, '1:73', /nested deeper/],
    ['a byte order mark', `\ufeff${JSON.stringify(GIT_GRANT)}`, '1:1', /byte order mark/],
    ['bytes that are not UTF-8', new Uint8Array([0x7b, 0x0a, 0x22, 0xff, 0x22]), '2:2', /UTF-8/],
  ])('%s: names file, place and reason', async (_name, content, place, reason) => {
    const { loader, workspace } = await scene({ bad: content });
    const error = await errorOf(loader.load('bad'));
    expect(error.code).toBe('GRANT_INVALID');
    expect(error.details['file']).toBe(workspace.path('bad'));
    if (typeof place === 'string') expect(error.details['place']).toBe(place);
    else expect(error.details['place']).toMatch(place);
    expect(error.details['problem']).toMatch(reason);
    expect(error.message).toContain(workspace.path('bad'));
  });

  it('is tried again by the next caller', async () => {
    const { loader, workspace } = await scene({ bad: '{' });
    await errorOf(loader.load('bad'));
    await workspace.put('bad', GIT_GRANT);
    expect((await loader.load('bad')).tool).toBe('git-map');
    expect(loader.updateFailures).toBe(0);
  });
});

describe('an unsafe file', () => {
  it.each<[string, (workspace: Workspace) => Promise<unknown>, RegExp]>([
    ['a folder', (w) => mkdir(w.path('x')), /not a regular file|EISDIR/],
    [
      'a link that leads out',
      async (w) => {
        await writeFile(join(w.folder, 'x.json'), JSON.stringify(GIT_GRANT));
        await symlink('../../../x.json', w.path('x'));
      },
      /leads out/,
    ],
    [
      'a file that is too large',
      (w) => w.put('x', JSON.stringify(GIT_GRANT).padEnd(MAX_GRANT_FILE_BYTES + 1)),
      /larger than/,
    ],
    [
      'a file that everyone may write',
      async (w) => {
        await w.put('x', GIT_GRANT);
        await chmod(w.path('x'), 0o646);
      },
      /lets others write/,
    ],
    ['a loop of links', (w) => symlink('x.json', w.path('x')), /ELOOP/],
    ['a device', (w) => symlink('/dev/zero', w.path('x')), /leads out/],
  ])('%s is refused', async (_name, prepare, problem) => {
    const { loader, workspace } = await scene({});
    await prepare(workspace);
    const error = await errorOf(loader.load('x'));
    expect(error.code).toBe('GRANT_FILE_UNSAFE');
    expect(error.message).toContain(workspace.path('x'));
    expect(error.details['problem']).toMatch(problem);
  });

  it('a dangling link is no file', async () => {
    const { loader, workspace } = await scene({});
    await symlink('gone.json', workspace.path('x'));
    expect((await errorOf(loader.load('x'))).code).toBe('GRANT_NOT_FOUND');
  });

  it('a link within the folder, and a file of just the allowed size, are fine', async () => {
    const { loader, workspace } = await scene({
      a: JSON.stringify(GIT_GRANT).padEnd(MAX_GRANT_FILE_BYTES),
    });
    await symlink('a.json', workspace.path('b'));
    expect(await loader.load('b')).toEqual(await loader.load('a'));
  });
});

describe('a file that turns bad', () => {
  it.each<[string, (workspace: Workspace) => Promise<unknown>]>([
    ['invalid', (w) => w.put('git', '{')],
    ['open to everyone', (w) => chmod(w.path('git'), 0o666)],
    [
      'a folder',
      async (w) => {
        await w.remove('git');
        await mkdir(w.path('git'));
      },
    ],
    [
      'a link that leads out',
      async (w) => {
        await w.remove('git');
        await symlink('/etc/hostname', w.path('git'));
      },
    ],
  ])(
    '%s: the last good grant stays, and the failure is logged and counted once',
    async (_name, spoil) => {
      const failures: (readonly string[])[] = [];
      const { loader, workspace, logger, clock } = await scene(
        { git: GIT_GRANT },
        { onPolicyUpdateFailed: (problems) => failures.push(problems) },
      );
      const good = await loader.load('git');
      await spoil(workspace);
      await loader.reload('git');
      expect(await loader.load('git')).toBe(good);
      for (let i = 0; i < 3; i += 1) {
        clock.now += TTL_MS + 1;
        expect(await loader.load('git')).toBe(good);
      }
      expect(loader.updateFailures).toBe(1);
      expect(failures).toEqual([[expect.stringContaining(workspace.path('git'))]]);
      expect(logger.of('POLICY_UPDATE_FAILED')).toEqual([{ problems: failures[0] }]);
    },
  );

  it('is replaced when it is good again', async () => {
    const { loader, workspace } = await scene({ git: GIT_GRANT });
    await loader.load('git');
    await workspace.put('git', '{');
    await loader.reload();
    await workspace.put('git', GIT_2);
    await loader.reload();
    expect((await loader.load('git')).rate.perMinute).toBe(31);
    await workspace.put('git', '{');
    await loader.reload();
    expect(loader.updateFailures).toBe(2);
  });

  it('survives a listener that throws', async () => {
    const fail = (): void => {
      throw new Error('listener');
    };
    const { loader, workspace } = await scene({ git: GIT_GRANT }, { onPolicyUpdateFailed: fail });
    const good = await loader.load('git');
    await workspace.put('git', '{');
    await loader.reload();
    expect(await loader.load('git')).toBe(good);
    expect(loader.updateFailures).toBe(1);
  });
});

describe('a file that is deleted', () => {
  it.each<[string, (workspace: Workspace) => Promise<unknown>]>([
    ['alone', (w) => w.remove('git')],
    ['with its folder', (w) => rm(w.root, { recursive: true })],
    [
      'behind a link that stays',
      async (w) => {
        await w.remove('git');
        await symlink('gone.json', w.path('git'));
      },
    ],
  ])('%s: revokes the grant, which is no failure', async (_name, remove) => {
    const { loader, workspace, logger } = await scene({ git: GIT_GRANT });
    await loader.load('git');
    const file = workspace.path('git');
    await remove(workspace);
    expect((await errorOf(loader.reload('git'))).code).toBe('GRANT_NOT_FOUND');
    const error = await errorOf(loader.load('git'));
    expect(error.code).toBe('GRANT_NOT_FOUND');
    expect(error.details['file']).toBe(file);
    expect(loader.updateFailures).toBe(0);
    expect(logger.of('POLICY_GRANT_REVOKED')).toEqual([{ file }]);
  });

  it('is found when the ttl is over, by callers at the same time too', async () => {
    const { loader, workspace, clock } = await scene({ git: GIT_GRANT });
    const good = await loader.load('git');
    await workspace.remove('git');
    expect(await loader.load('git')).toBe(good);
    clock.now = TTL_MS + 1;
    for (const error of await Promise.all([1, 2, 3].map(() => errorOf(loader.load('git')))))
      expect(error.code).toBe('GRANT_NOT_FOUND');
  });

  it('stays revoked while what comes instead is bad, and comes back when it is good', async () => {
    const { loader, workspace } = await scene({ git: GIT_GRANT });
    await loader.load('git');
    await workspace.remove('git');
    await errorOf(loader.reload('git'));
    await workspace.put('git', '{');
    expect((await errorOf(loader.load('git'))).code).toBe('GRANT_INVALID');
    await workspace.put('git', GIT_2);
    expect((await loader.load('git')).rate.perMinute).toBe(31);
  });

  it('and written anew at once is not revoked: editors save like that', async () => {
    const { loader, workspace, logger } = await scene({ git: GIT_GRANT });
    const good = await loader.load('git');
    await workspace.remove('git');
    const pending = loader.reload('git');
    expect(await loader.load('git')).toBe(good);
    await workspace.put('git', GIT_2);
    await pending;
    expect((await loader.load('git')).rate.perMinute).toBe(31);
    expect(logger.of('POLICY_GRANT_REVOKED')).toEqual([]);
  });

  it('among others leaves the others as they are, and reload of all does not reject', async () => {
    const ids = Array.from({ length: 40 }, (_, i) => `g${i}`);
    const { loader, workspace } = await scene(
      Object.fromEntries(ids.map((id) => [id, { ...GIT_GRANT, tool: id }])),
    );
    for (const id of ids) await loader.load(id);
    await workspace.remove('g3');
    await workspace.put('g39', { ...GIT_2, tool: 'g39' });
    await expect(loader.reload()).resolves.toBeUndefined();
    expect((await errorOf(loader.load('g3'))).code).toBe('GRANT_NOT_FOUND');
    expect((await loader.load('g39')).rate.perMinute).toBe(31);
    expect((await loader.load('g0')).tool).toBe('g0');
  });
});

describe('reload', () => {
  it('puts what the file holds now in force', async () => {
    const { loader, workspace } = await scene({ git: GIT_GRANT });
    await loader.load('git');
    await workspace.put('git', GIT_2);
    expect((await loader.load('git')).rate.perMinute).toBe(30);
    await loader.reload('git');
    expect((await loader.load('git')).rate.perMinute).toBe(31);
  });

  it('sees what was written before it was called, also while another look is under way', async () => {
    const { loader, workspace } = await scene({ git: GIT_GRANT });
    await loader.load('git');
    for (let perMinute = 100; perMinute < 120; perMinute += 1) {
      const early = loader.reload('git');
      await workspace.put('git', { ...GIT_GRANT, rate: { perMinute } });
      await Promise.all([early, loader.reload('git'), loader.reload('git')]);
      expect((await loader.load('git')).rate.perMinute).toBe(perMinute);
    }
  });

  it('rejects for a grant that was never good', async () => {
    const { loader } = await scene({});
    expect((await errorOf(loader.reload('none'))).code).toBe('GRANT_NOT_FOUND');
    expect((await errorOf(loader.reload('../x'))).code).toBe('GRANT_ID_INVALID');
    await expect(loader.reload()).resolves.toBeUndefined();
  });
});

describe('watching', () => {
  it('takes up a change, a failure and the way back by itself', async () => {
    const { loader, workspace, logger } = await scene(
      { git: GIT_GRANT },
      { watch: true, debounceMs: 5 },
    );
    await loader.load('git');
    await workspace.put('git', GIT_2);
    await vi.waitFor(
      async () => expect((await loader.load('git')).rate.perMinute).toBe(31),
      10_000,
    );
    await workspace.put('git', '{');
    await vi.waitFor(() => expect(loader.updateFailures).toBe(1), 10_000);
    expect((await loader.load('git')).rate.perMinute).toBe(31);
    await workspace.put('git', GIT_GRANT);
    await vi.waitFor(
      async () => expect((await loader.load('git')).rate.perMinute).toBe(30),
      10_000,
    );
    expect(logger.of('POLICY_UPDATE_FAILED')).toHaveLength(1);
  });

  it('takes up a file that is written in place', async () => {
    const { loader, workspace } = await scene({ git: GIT_GRANT }, { watch: true });
    await loader.load('git');
    await writeFile(workspace.path('git'), JSON.stringify(GIT_2));
    await vi.waitFor(
      async () => expect((await loader.load('git')).rate.perMinute).toBe(31),
      10_000,
    );
  });

  it('revokes by itself, and goes on after the folder was made anew', async () => {
    const { loader, workspace, logger } = await scene(
      { git: GIT_GRANT },
      { watch: true, debounceMs: 5 },
    );
    await loader.load('git');
    await rm(workspace.tools, { recursive: true });
    await vi.waitFor(() => expect(logger.of('POLICY_GRANT_REVOKED')).toHaveLength(1), 10_000);
    expect((await errorOf(loader.load('git'))).code).toBe('GRANT_NOT_FOUND');
    await mkdir(workspace.tools);
    await workspace.put('git', GIT_2);
    expect((await loader.load('git')).rate.perMinute).toBe(31);
    await workspace.put('git', GIT_GRANT);
    await vi.waitFor(
      async () => expect((await loader.load('git')).rate.perMinute).toBe(30),
      10_000,
    );
    expect(logger.of('POLICY_UPDATE_FAILED')).toEqual([]);
  });
});

describe('createGrantLoader', () => {
  it.each([
    { max: 0 },
    { max: 1.5 },
    { ttlMs: 0 },
    { ttlMs: 2 ** 31 },
    { watch: 'yes' },
    { root: '' },
    { debounceMs: -1 },
    { onPolicyUpdateFailed: 1 },
    { unknown: 1 },
  ])('refuses %j', (options) => {
    expect(() => createGrantLoader(options as never)).toThrowError(GovernanceError);
    expect(() => createGrantLoader(options as never)).toThrowError(/createGrantLoader\(options\)/);
  });
});
