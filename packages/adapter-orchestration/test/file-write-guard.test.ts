import { randomBytes } from 'node:crypto';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GovernanceError } from '@cortex-governance/core';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createFileWriteGuard, type FileWriteGuard } from '../src/index.ts';
import { openWorkspace, RATE, type Workspace, withAuthorize } from './workspace.ts';

const GRANT = {
  tool: 'fs.write',
  actions: ['write'],
  args: {
    path: { type: 'string', required: true },
    bytes: { type: 'integer', required: true, maximum: 1000 },
  },
  rate: RATE,
  fsScope: ['out', 'deep/er/scope', 'globbed/*.md'],
};
const WHO = { tenant: 'default', agent: 'supervisor' };

interface Guarded extends Workspace {
  readonly guard: FileWriteGuard;
  readonly out: string;
}

async function open(grant: typeof GRANT | Record<string, unknown> = GRANT): Promise<Guarded> {
  const workspace = await openWorkspace([grant as typeof GRANT]);
  const out = join(workspace.folder, 'out');
  await mkdir(out);
  return { ...workspace, out, guard: createFileWriteGuard(workspace.governor, WHO) };
}

async function outsideFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'outside-')));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function denialOf(call: Promise<unknown>): Promise<GovernanceError> {
  const error: unknown = await call.then(
    () => {
      throw new Error('the write was not denied');
    },
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof GovernanceError)) throw error;
  expect(error.verdict?.effect).toBe('deny');
  return error;
}

describe('writeFile', () => {
  it('writes text and bytes where the grant allows it', async () => {
    const { guard, out } = await open();
    const written = await guard.writeFile('out/a.txt', 'grüße');
    expect(written).toMatchObject({ path: join(out, 'a.txt'), bytes: 7 });
    expect(written.verdict).toMatchObject({ effect: 'allow', code: 'ALLOWED' });
    expect(await readFile(join(out, 'a.txt'), 'utf8')).toBe('grüße');
    const data = randomBytes(1000);
    await guard.writeFile(join(out, 'b.bin'), data);
    expect(await readFile(join(out, 'b.bin'))).toEqual(data);
    expect(await readdir(out)).toEqual(['a.txt', 'b.bin']);
  });

  it('replaces a file and keeps its permission bits', async () => {
    const { guard, out } = await open();
    await writeFile(join(out, 'a.txt'), 'old and longer');
    await chmod(join(out, 'a.txt'), 0o640);
    await guard.writeFile('out/a.txt', 'new');
    expect(await readFile(join(out, 'a.txt'), 'utf8')).toBe('new');
    expect((await stat(join(out, 'a.txt'))).mode & 0o777).toBe(0o640);
  });

  it('sets the permission bits it is told, whatever the umask', async () => {
    const { guard, out } = await open();
    await guard.writeFile('out/a', '1');
    await guard.writeFile('out/b', '1', { mode: 0o777 });
    expect((await stat(join(out, 'a'))).mode & 0o777).toBe(0o644);
    expect((await stat(join(out, 'b'))).mode & 0o777).toBe(0o777);
  });

  it('writes what the data was when it was called', async () => {
    const { guard, out } = await open();
    const data = new Uint8Array([1, 2, 3]);
    const writing = guard.writeFile('out/a', data);
    data.fill(9);
    await writing;
    expect([...(await readFile(join(out, 'a')))]).toEqual([1, 2, 3]);
  });

  it('does not write through a hard link', async () => {
    const { guard, out } = await open();
    const outside = await outsideFolder();
    await writeFile(join(outside, 'victim'), 'untouched');
    await link(join(outside, 'victim'), join(out, 'a'));
    await guard.writeFile('out/a', 'new');
    expect(await readFile(join(outside, 'victim'), 'utf8')).toBe('untouched');
  });

  it('follows a link that stays in scope, to its target', async () => {
    const { guard, out } = await open();
    await mkdir(join(out, 'v2'));
    await symlink('v2', join(out, 'latest'));
    const { path } = await guard.writeFile('out/latest/a', 'x');
    expect(path).toBe(join(out, 'v2', 'a'));
    expect((await lstat(join(out, 'latest'))).isSymbolicLink()).toBe(true);
  });

  it.each([
    ['a parent', 'out/../secret', 'PATH_OUT_OF_SCOPE'],
    ['many parents', '../../../../../../../etc/passwd', 'PATH_OUT_OF_SCOPE'],
    ['an absolute path', '/etc/passwd', 'PATH_OUT_OF_SCOPE'],
    ['a path beside the scope', 'outer/a', 'PATH_OUT_OF_SCOPE'],
    ['the grants themselves', '.cortex/policy/tools/fs.write.json', 'PATH_OUT_OF_SCOPE'],
    ['a NUL byte', 'out/a\0.txt', 'PATH_INVALID'],
    ['an absolute path with a NUL byte', '/etc/passwd\0', 'PATH_INVALID'],
    ['nothing', '', 'PATH_INVALID'],
    ['a name that is too long', `out/${'a'.repeat(256)}`, 'PATH_INVALID'],
    ['a path that is too long', `out/${'a/'.repeat(5000)}b`, 'PATH_INVALID'],
    ['an encoded parent', 'out/%2e%2e/a', 'PATH_INVALID'],
    ['a number', 7, 'ARGUMENT_INVALID'],
    ['an array', ['out/a'], 'ARGUMENT_INVALID'],
    ['undefined', undefined, 'ARGUMENT_MISSING'],
    ['a path below a file', 'out/file/a', 'PATH_INVALID'],
  ])('refuses %s', async (_name, path, code) => {
    const { guard, out, folder } = await open();
    await writeFile(join(out, 'file'), 'x');
    expect((await denialOf(guard.writeFile(path as string, 'x', { mkdir: true }))).code).toBe(code);
    expect(await readdir(out)).toEqual(['file']);
    expect((await readdir(folder)).sort()).toEqual(expect.not.arrayContaining(['secret', 'outer']));
  });

  it('writes a name of the greatest length', async () => {
    const { guard, out } = await open();
    const name = 'a'.repeat(255);
    await guard.writeFile(`out/${name}`, 'x');
    expect(await readdir(out)).toEqual([name]);
  });

  it('decides on the size of the data', async () => {
    const { guard, out } = await open();
    expect((await denialOf(guard.writeFile('out/a', 'x'.repeat(1001)))).code).toBe(
      'ARGUMENT_INVALID',
    );
    expect((await denialOf(guard.writeFile('out/a', 'ü'.repeat(501)))).code).toBe(
      'ARGUMENT_INVALID',
    );
    expect(await readdir(out)).toEqual([]);
  });

  it.each([
    ['a folder', (path: string) => mkdir(path)],
    [
      'a folder with something in it',
      (path: string) => mkdir(join(path, 'x'), { recursive: true }),
    ],
  ])('refuses %s in the place of the file', async (_name, make) => {
    const { guard, out } = await open();
    await make(join(out, 'a'));
    expect((await denialOf(guard.writeFile('out/a', 'x'))).code).toBe('PATH_INVALID');
    expect((await stat(join(out, 'a'))).isDirectory()).toBe(true);
    expect(await readdir(out)).toEqual(['a']);
  });

  it('refuses a link that leads out of scope', async () => {
    const { guard, out } = await open();
    const outside = await outsideFolder();
    await writeFile(join(outside, 'victim'), 'untouched');
    await symlink(outside, join(out, 'folder'));
    await symlink(join(outside, 'victim'), join(out, 'file'));
    await symlink(join(outside, 'new'), join(out, 'dangling'));
    for (const path of ['out/folder/victim', 'out/file', 'out/dangling']) {
      expect((await denialOf(guard.writeFile(path, 'x'))).code).toBe('PATH_OUT_OF_SCOPE');
    }
    expect(await readdir(outside)).toEqual(['victim']);
    expect(await readFile(join(outside, 'victim'), 'utf8')).toBe('untouched');
  });

  it('needs a grant', async () => {
    const { guard } = await open({ ...GRANT, tool: 'fs.read' });
    expect((await denialOf(guard.writeFile('out/a', 'x'))).code).toBe('TOOL_UNKNOWN');
  });

  it('refuses a grant that does not treat the path as one', async () => {
    const args = { ...GRANT.args, path: { type: 'string', format: 'text' } };
    const { guard, out } = await open({ ...GRANT, args });
    for (const path of ['out/a', join(out, 'a'), '/etc/passwd']) {
      expect((await denialOf(guard.writeFile(path, 'x'))).code).toBe('PATH_OUT_OF_SCOPE');
    }
    expect(await readdir(out)).toEqual([]);
  });

  it('uses the tool and action it is told', async () => {
    const { governor, folder } = await openWorkspace([
      { ...GRANT, tool: 'artifacts', actions: ['put'] },
    ]);
    await mkdir(join(folder, 'out'));
    const guard = createFileWriteGuard(governor, { ...WHO, tool: 'artifacts', action: 'put' });
    await guard.writeFile('out/a', 'x');
    expect(await readFile(join(folder, 'out', 'a'), 'utf8')).toBe('x');
  });

  it.each([
    ['data of another type', 7, {}],
    ['no data', undefined, {}],
    ['an unknown option', 'x', { flag: 'a' }],
    ['special permission bits', 'x', { mode: 0o4755 }],
  ])('refuses %s before any decision', async (_name, data, options) => {
    const { guard, governor } = await open();
    await expect(guard.writeFile('out/a', data as string, options as object)).rejects.toMatchObject(
      {
        code: 'OPTIONS_INVALID',
      },
    );
    expect(governor.counters.total).toBe(0);
  });

  it('passes on that the folder is missing', async () => {
    const { guard, out } = await open();
    await expect(guard.writeFile('out/missing/a', 'x')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readdir(out)).toEqual([]);
  });

  it('leaves one whole file when many write it at once', async () => {
    const { guard, out } = await open();
    const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(900).slice(0, 900));
    await Promise.all(contents.map((content) => guard.writeFile('out/a', content)));
    expect(contents).toContain(await readFile(join(out, 'a'), 'utf8'));
    expect(await readdir(out)).toEqual(['a']);
  });
});

describe('writeFile with mkdir', () => {
  it('creates missing folders within the scope', async () => {
    const { guard, out } = await open();
    await guard.writeFile('out/a/b/../c/d.txt', 'x', { mkdir: true });
    expect(await readFile(join(out, 'a', 'c', 'd.txt'), 'utf8')).toBe('x');
    expect(await readdir(join(out, 'a'))).toEqual(['c']);
  });

  it('does not create folders above the scope', async () => {
    const { guard, folder } = await open();
    const denial = await denialOf(guard.writeFile('deep/er/scope/a', 'x', { mkdir: true }));
    expect(denial.code).toBe('PATH_OUT_OF_SCOPE');
    expect(denial.verdict?.reason).toContain('missing folder');
    expect(await readdir(folder)).not.toContain('deep');
    await mkdir(join(folder, 'deep', 'er'), { recursive: true });
    await guard.writeFile('deep/er/scope/a', 'x', { mkdir: true });
    expect(await readFile(join(folder, 'deep', 'er', 'scope', 'a'), 'utf8')).toBe('x');
  });

  it('does not create a folder that only the files in it are granted for', async () => {
    const { guard, folder } = await open();
    const denial = await denialOf(guard.writeFile('globbed/a.md', 'x', { mkdir: true }));
    expect(denial.code).toBe('PATH_OUT_OF_SCOPE');
    await mkdir(join(folder, 'globbed'));
    await guard.writeFile('globbed/a.md', 'x', { mkdir: true });
    expect(await readdir(join(folder, 'globbed'))).toEqual(['a.md']);
  });

  it('does not create folders above the scope for a link that names them', async () => {
    const { guard, folder, out } = await open();
    await mkdir(join(out, 'p', 'q', 'r', 's'), { recursive: true });
    const link = join(out, 'p', 'q', 'r', 's', 'link');
    await symlink(join(folder, 'deep', 'er', 'scope', 'z'), link);
    const call = guard.writeFile('out/p/q/r/s/link/a', 'x', { mkdir: true });
    expect((await denialOf(call)).verdict?.reason).toContain('missing folder');
    expect(await readdir(folder)).not.toContain('deep');
  });

  it('works for many at once', async () => {
    const { guard, out } = await open();
    const names = Array.from({ length: 10 }, (_, i) => `f${i}`);
    await Promise.all(
      names.map((name) => guard.writeFile(`out/x/y/z/${name}`, name, { mkdir: true })),
    );
    expect((await readdir(join(out, 'x', 'y', 'z'))).sort()).toEqual(names);
  });
});

describe('links planted after the decision', () => {
  async function plant(change: (workspace: Guarded, outside: string) => Promise<void>) {
    const workspace = await open();
    const outside = await outsideFolder();
    await mkdir(join(workspace.out, 'sub', 'inner'), { recursive: true });
    const late = withAuthorize(workspace.governor, async (decide) => {
      const authorization = await decide();
      expect(authorization.verdict.effect).toBe('allow');
      await change(workspace, outside);
      return authorization;
    });
    return { ...workspace, outside, guard: createFileWriteGuard(late, WHO) };
  }

  it.each([
    [
      'in the place of the file',
      async ({ out }: Guarded, outside: string) => {
        await symlink(join(outside, 'stolen'), join(out, 'sub', 'inner', 'a'));
      },
    ],
    [
      'in the place of its folder',
      async ({ out }: Guarded, outside: string) => {
        await rm(join(out, 'sub', 'inner'), { recursive: true });
        await symlink(outside, join(out, 'sub', 'inner'));
      },
    ],
    [
      'further up',
      async ({ out }: Guarded, outside: string) => {
        await mkdir(join(outside, 'inner'));
        await rm(join(out, 'sub'), { recursive: true });
        await symlink(outside, join(out, 'sub'));
      },
    ],
    [
      'in the place of its folder, to another folder in scope',
      async ({ out }: Guarded) => {
        await mkdir(join(out, 'other'));
        await rm(join(out, 'sub', 'inner'), { recursive: true });
        await symlink(join(out, 'other'), join(out, 'sub', 'inner'));
      },
    ],
    [
      'where the folder was moved away',
      async ({ out }: Guarded, outside: string) => {
        await rename(join(out, 'sub'), join(out, 'moved'));
        await symlink(outside, join(out, 'sub'));
        await mkdir(join(outside, 'inner'));
      },
    ],
  ])('%s are not followed', async (_name, change) => {
    const { guard, outside, out, governor } = await plant(change);
    const denial = await denialOf(guard.writeFile('out/sub/inner/a', 'x'));
    expect(denial.code).toBe('PATH_OUT_OF_SCOPE');
    expect(denial.verdict?.reason).toContain('changed after the decision');
    const left = await readdir(outside, { recursive: true });
    expect(left.filter((name) => name !== 'inner')).toEqual([]);
    expect(await readdir(out, { recursive: true })).not.toContain('a');
    expect([...governor.counters.counts()].map(({ code }) => code)).toContain('PATH_OUT_OF_SCOPE');
  });

  it('in the place of a folder that is to be created are not followed', async () => {
    const { guard, outside } = await plant(async ({ out }, away) => {
      await symlink(away, join(out, 'sub', 'new'));
    });
    const denial = await denialOf(guard.writeFile('out/sub/new/er/a', 'x', { mkdir: true }));
    expect(denial.code).toBe('PATH_OUT_OF_SCOPE');
    expect(await readdir(outside)).toEqual([]);
  });

  it('by somebody who swaps them all the time never let a byte out', async () => {
    const { guard, out } = await open();
    const outside = await outsideFolder();
    await mkdir(join(out, 'sub'));
    let swapping = true;
    const swaps = (async () => {
      while (swapping) {
        await rename(join(out, 'sub'), join(out, 'kept'));
        await symlink(outside, join(out, 'sub'));
        await rm(join(out, 'sub'));
        await rename(join(out, 'kept'), join(out, 'sub'));
      }
    })();
    let written = 0;
    for (let i = 0; i < 150; i += 1) {
      await guard.writeFile(`out/sub/f${i}`, 'x').then(
        () => {
          written += 1;
        },
        (error: unknown) => {
          // Refused, or the folder was away at that moment.
          const code = (error as { code?: unknown }).code;
          expect(['PATH_OUT_OF_SCOPE', 'PATH_INVALID', 'ENOENT']).toContain(code);
        },
      );
    }
    swapping = false;
    await swaps;
    expect(await readdir(outside)).toEqual([]);
    const files = (await readdir(join(out, 'sub'))).filter((name) => name.startsWith('f'));
    expect(files.length).toBeGreaterThanOrEqual(written);
  });
});

describe('where an open folder has no name of its own', () => {
  beforeEach(() => {
    const { platform } = process;
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    onTestFinished(() => void Object.defineProperty(process, 'platform', { value: platform }));
  });

  it('files are written, and folders made, all the same', async () => {
    const { guard, out } = await open();
    await guard.writeFile('out/x/y/a', '1', { mkdir: true });
    await guard.writeFile('out/x/y/a', '2');
    expect(await readFile(join(out, 'x', 'y', 'a'), 'utf8')).toBe('2');
    expect(await readdir(join(out, 'x', 'y'))).toEqual(['a']);
  });

  it.each([
    ['a link', 'PATH_OUT_OF_SCOPE', (outside: string, sub: string) => symlink(outside, sub)],
    ['a file', 'PATH_OUT_OF_SCOPE', (_outside: string, sub: string) => writeFile(sub, '')],
    ['nothing', 'ENOENT', async () => {}],
  ])('%s in the place of the folder is refused', async (_name, code, replace) => {
    const { governor, out } = await open();
    const outside = await outsideFolder();
    const sub = join(out, 'sub');
    await mkdir(sub);
    const late = withAuthorize(governor, async (decide) => {
      const authorization = await decide();
      await rename(sub, join(out, 'moved'));
      await replace(outside, sub);
      return authorization;
    });
    const guard = createFileWriteGuard(late, WHO);
    await expect(guard.writeFile('out/sub/a', 'x')).rejects.toMatchObject({ code });
    expect(await readdir(outside)).toEqual([]);
    expect(await readdir(join(out, 'moved'))).toEqual([]);
  });
});

describe('stops, obligations and shadow mode', () => {
  it('a stop right after the decision leaves no file', async () => {
    const { governor, out } = await open();
    const late = withAuthorize(governor, async (decide) => {
      const authorization = await decide();
      await governor.killSwitch.engage({ actor: 'op', reason: 'test', scope: 'global' });
      return authorization;
    });
    const guard = createFileWriteGuard(late, WHO);
    expect((await denialOf(guard.writeFile('out/a', 'x'))).code).toBe('KILLED_GLOBAL');
    expect(await readdir(out)).toEqual([]);
  });

  it('obligations are met before the file is written, or the write is denied', async () => {
    const policy = {
      name: 'test',
      evaluate: () => ({
        effect: 'allow' as const,
        reason: '',
        obligations: [{ id: '1', type: 'log' }],
      }),
    };
    const { governor, folder } = await openWorkspace([GRANT], { policy });
    const out = join(folder, 'out');
    await mkdir(out);
    const plain = createFileWriteGuard(governor, WHO);
    expect((await denialOf(plain.writeFile('out/a', 'x'))).code).toBe('OBLIGATION_UNSUPPORTED');
    const log = vi.fn(async () => expect(await readdir(out)).toEqual([]));
    const able = createFileWriteGuard(governor, { ...WHO, obligations: { log } });
    await able.writeFile('out/a', 'x');
    expect(log).toHaveBeenCalledTimes(1);
    expect(await readdir(out)).toEqual(['a']);
  });

  it('a grant in shadow mode writes and reports', async () => {
    const { guard, folder } = await open({ ...GRANT, mode: 'shadow' });
    await mkdir(join(folder, 'elsewhere'));
    await symlink('elsewhere', join(folder, 'alias'));
    const { verdict, path } = await guard.writeFile('alias/new/a', 'x', { mkdir: true });
    expect(verdict).toMatchObject({ effect: 'allow', shadowed: true, code: 'PATH_OUT_OF_SCOPE' });
    expect(path).toBe(join(folder, 'elsewhere', 'new', 'a'));
    expect(await readFile(path, 'utf8')).toBe('x');
  });
});

describe('assertWritable', () => {
  it('resolves with the real path, or rejects with the denial', async () => {
    const { guard, out } = await open();
    await symlink('v2', join(out, 'latest'));
    await mkdir(join(out, 'v2'));
    expect(await guard.assertWritable('out/latest/a')).toBe(join(out, 'v2', 'a'));
    expect((await denialOf(guard.assertWritable('../a'))).code).toBe('PATH_OUT_OF_SCOPE');
    expect((await denialOf(guard.assertWritable('out/a', 1001))).code).toBe('ARGUMENT_INVALID');
    expect((await denialOf(guard.assertWritable('out/a', -0.5))).code).toBe('ARGUMENT_INVALID');
    expect(await readdir(join(out, 'v2'))).toEqual([]);
  });
});

describe('options', () => {
  it.each([
    ['no tenant', { tenant: undefined }],
    ['an empty agent', { agent: '' }],
    ['an unknown member', { root: '/' }],
    ['a handler that is no function', { obligations: { log: 1 } }],
  ])('with %s are refused', async (_name, change) => {
    const { governor } = await open();
    expect(() => createFileWriteGuard(governor, { ...WHO, ...change } as never)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  });
});

describe('every path', () => {
  it('is written in scope or not at all', async () => {
    const { guard, folder, out } = await open();
    const outside = await outsideFolder();
    await symlink(outside, join(out, 'away'));
    await symlink('..', join(out, 'up'));
    const before = (await readdir(folder)).sort();
    const segment = fc.oneof(
      fc.constantFrom('out', '..', '.', '', 'away', 'up', 'sub', 'a\0', '~', 'con', 'a b', '*'),
      fc.string({ maxLength: 5 }),
    );
    const path = fc
      .tuple(
        fc.constantFrom('', 'out/', '/', `${folder}/`, `${out}/`),
        fc.array(segment, { maxLength: 5 }),
      )
      .map(([start, segments]) => start + segments.join('/'));
    await fc.assert(
      fc.asyncProperty(path, fc.boolean(), async (given, mkdirOption) => {
        const outcome = await guard.writeFile(given, 'x', { mkdir: mkdirOption }).catch((e) => e);
        if (!(outcome instanceof Error)) {
          expect(outcome.path.startsWith(`${out}/`)).toBe(true);
          expect(await realpath(outcome.path)).toBe(outcome.path);
        }
        expect(await readdir(outside)).toEqual([]);
        expect((await readdir(folder)).sort()).toEqual(before);
      }),
      { numRuns: 300 },
    );
  });
});
