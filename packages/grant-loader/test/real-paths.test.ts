import { chmod, mkdir, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './grant-files.ts';
import { actionOf } from './scopes.ts';

const PATHS = { p: { type: 'string', format: 'path' } };

/** A workspace `w` and a folder `out` beside it, each with a file. */
async function scene(): Promise<{ base: string; w: string; out: string }> {
  const base = await temporaryFolder();
  const w = join(base, 'w');
  const out = join(base, 'out');
  await mkdir(join(w, 'docs', 'sub'), { recursive: true });
  await mkdir(join(w, 'other'));
  await mkdir(out);
  await writeFile(join(w, 'docs', 'a.md'), 'a');
  await writeFile(join(w, 'other', 'o.md'), 'o');
  await writeFile(join(out, 'secret'), 's');
  return { base, w, out };
}

async function resolveIn(w: string, path: string, fsScope: string[] = ['docs']): Promise<string> {
  const { args, problem } = await actionOf({ fsScope, args: PATHS }, w).resolvePaths({ p: path });
  return problem === null ? String(args.p) : problem.code;
}

describe('resolvePaths', () => {
  it('returns the absolute real path of what exists, and of what may be created', async () => {
    const { w } = await scene();
    expect(await resolveIn(w, 'docs/a.md')).toBe(join(w, 'docs', 'a.md'));
    expect(await resolveIn(w, './docs//sub/../a.md')).toBe(join(w, 'docs', 'a.md'));
    expect(await resolveIn(w, join(w, 'docs'))).toBe(join(w, 'docs'));
    expect(await resolveIn(w, 'docs/new/deep/x.md')).toBe(join(w, 'docs', 'new', 'deep', 'x.md'));
    expect(await resolveIn(w, 'docs/new/../x.md')).toBe(join(w, 'docs', 'x.md'));
  });

  it('follows links that stay in scope', async () => {
    const { w } = await scene();
    await symlink('../a.md', join(w, 'docs', 'sub', 'up'));
    await symlink(join(w, 'docs', 'sub'), join(w, 'docs', 'abs'));
    expect(await resolveIn(w, 'docs/sub/up')).toBe(join(w, 'docs', 'a.md'));
    expect(await resolveIn(w, 'docs/abs/new')).toBe(join(w, 'docs', 'sub', 'new'));
  });

  it.each([
    ['a link to a file outside', '../../out/secret', ''],
    ['a link to a folder outside', '../../out', 'secret'],
    ['a link to a folder outside, and something new in it', '../../out', 'new'],
    ['a link to the root', '/', 'etc/passwd'],
    ['a link within the workspace but out of scope', '../other/o.md', ''],
    ['a dangling link outside', '../../out/not-there', ''],
    ['a dangling link outside, and something below it', '../../out/not-there', 'x'],
    ['a dangling link within the workspace but out of scope', '../other/not-there', ''],
  ])('refuses %s', async (_name, target, rest) => {
    const { w } = await scene();
    await symlink(target, join(w, 'docs', 'link'));
    expect(await resolveIn(w, join('docs/link', rest))).toBe('PATH_OUT_OF_SCOPE');
  });

  it('refuses a chain of links that ends outside', async () => {
    const { w, out } = await scene();
    await symlink(out, join(w, 'other', 'one'));
    await symlink('../other/one', join(w, 'docs', 'two'));
    await symlink('two/not-there', join(w, 'docs', 'three'));
    expect(await resolveIn(w, 'docs/two/secret')).toBe('PATH_OUT_OF_SCOPE');
    expect(await resolveIn(w, 'docs/three')).toBe('PATH_OUT_OF_SCOPE');
  });

  it('follows a dangling link whose target is in scope', async () => {
    const { w } = await scene();
    await symlink('sub/later', join(w, 'docs', 'link'));
    expect(await resolveIn(w, 'docs/link')).toBe(join(w, 'docs', 'sub', 'later'));
  });

  it('refuses ".." behind a link, which means two folders', async () => {
    const { w } = await scene();
    await mkdir(join(w, 'docs', 'sub', 'deep'));
    await symlink('sub/deep', join(w, 'docs', 'link'));
    // By text docs/a.md; to the system docs/sub/a.md. Both are in scope, and they differ.
    expect(await resolveIn(w, 'docs/link/../a.md')).toBe('PATH_OUT_OF_SCOPE');
    expect(await resolveIn(w, 'docs/sub/deep/../../a.md')).toBe(join(w, 'docs', 'a.md'));
  });

  it.each([
    ['a loop', async (w: string) => symlink('loop', join(w, 'docs', 'loop')), 'docs/loop/x'],
    ['a file used as a folder', async () => {}, 'docs/a.md/x'],
    ['a name that is too long', async () => {}, `docs/${'n'.repeat(300)}`],
  ])('answers PATH_INVALID for %s', async (_name, prepare, path) => {
    const { w } = await scene();
    await prepare(w);
    expect(await resolveIn(w, path)).toBe('PATH_INVALID');
  });

  it('answers PATH_INVALID for a loop through links that do not exist whole', async () => {
    const { w } = await scene();
    await symlink('b/x', join(w, 'docs', 'a'));
    await symlink('a/x', join(w, 'docs', 'b'));
    expect(await resolveIn(w, 'docs/a/y')).toBe('PATH_INVALID');
  });

  it.skipIf(process.getuid?.() === 0)('refuses what it may not look at', async () => {
    const { w } = await scene();
    await chmod(join(w, 'docs', 'sub'), 0);
    expect(await resolveIn(w, 'docs/sub/x')).toBe('PATH_OUT_OF_SCOPE');
    await chmod(join(w, 'docs', 'sub'), 0o755);
  });

  it('takes a workspace that is reached through a link', async () => {
    const { base, w } = await scene();
    await symlink('w', join(base, 'alias'));
    expect(await resolveIn(join(base, 'alias'), 'docs/a.md')).toBe(join(w, 'docs', 'a.md'));
    expect(await resolveIn(join(base, 'alias'), 'docs/**', ['docs/**'])).toBe(
      join(w, 'docs', '**'),
    );
    expect(await resolveIn(join(base, 'alias'), join(base, 'alias', 'docs'))).toBe(join(w, 'docs'));
  });

  it('refuses everything when the workspace cannot be found', async () => {
    const base = await temporaryFolder();
    await symlink('loop', join(base, 'loop'));
    expect(await resolveIn(join(base, 'loop'), 'docs/a.md')).toBe('PATH_OUT_OF_SCOPE');
  });

  it('follows a scope folder that is itself a link', async () => {
    const { w, out } = await scene();
    await symlink(out, join(w, 'mounted'));
    expect(await resolveIn(w, 'mounted/secret', ['mounted'])).toBe(join(out, 'secret'));
    expect(await resolveIn(w, 'mounted/secret', ['mounted/**'])).toBe('PATH_OUT_OF_SCOPE');
  });

  it('finds scope folders once, so that a link put in their place later leads nowhere', async () => {
    const { w, out } = await scene();
    const action = actionOf({ fsScope: ['docs'], args: PATHS }, w);
    expect((await action.resolvePaths({ p: 'docs/a.md' })).problem).toBeNull();
    await rename(join(w, 'docs'), join(w, 'moved'));
    await symlink(out, join(w, 'docs'));
    expect((await action.resolvePaths({ p: 'docs/secret' })).problem?.code).toBe(
      'PATH_OUT_OF_SCOPE',
    );
  });

  it.each([[['docs', 'docs/sub']], [['docs/**', 'docs/sub']], [['docs/*', 'docs/sub']]])(
    'follows no link at an entry that another entry covers: %j',
    async (fsScope) => {
      const { w, out } = await scene();
      await rm(join(w, 'docs', 'sub'), { recursive: true });
      await symlink(out, join(w, 'docs', 'sub'));
      expect(await resolveIn(w, 'docs/sub/secret', fsScope)).toBe('PATH_OUT_OF_SCOPE');
    },
  );

  it('matches globs against the real path below the real workspace', async () => {
    const { w } = await scene();
    await symlink('a.md', join(w, 'docs', 'b.md'));
    await symlink('../other/o.md', join(w, 'docs', 'o.md'));
    expect(await resolveIn(w, 'docs/b.md', ['docs/*.md'])).toBe(join(w, 'docs', 'a.md'));
    expect(await resolveIn(w, 'docs/o.md', ['docs/*.md'])).toBe('PATH_OUT_OF_SCOPE');
  });

  it('replaces each path and only paths, in a copy', async () => {
    const { w } = await scene();
    const args = {
      file: 'docs/a.md',
      note: 'docs/a.md',
      list: ['docs/sub', 'docs/a.md'],
      deep: { target: './docs/x', n: 1, gone: undefined },
    };
    const specs = {
      file: { type: 'string' },
      note: { type: 'string', format: 'text' },
      list: { type: 'array', items: { type: 'string', format: 'path' } },
      deep: { type: 'object' },
    };
    const given = structuredClone(args);
    const { args: resolved } = await actionOf({ fsScope: ['docs'], args: specs }, w).resolvePaths(
      args,
    );
    expect(args).toEqual(given);
    expect(resolved).toEqual({
      file: join(w, 'docs', 'a.md'),
      note: 'docs/a.md',
      list: [join(w, 'docs', 'sub'), join(w, 'docs', 'a.md')],
      deep: { target: join(w, 'docs', 'x'), n: 1 },
    });
  });

  it('is not changed by what the caller does to the arguments meanwhile', async () => {
    const { w } = await scene();
    const args = { p: 'docs/a.md', deep: { list: [1] } };
    const action = actionOf({ fsScope: ['docs'] }, w);
    const pending = action.resolvePaths(args);
    args.p = '/etc/passwd';
    args.deep.list.push(2);
    expect((await pending).args).toEqual({ p: join(w, 'docs', 'a.md'), deep: { list: [1] } });
  });

  it('copies arguments without paths, and takes none for none', async () => {
    const action = actionOf({ fsScope: ['docs'] }, '/not/there');
    const args = { n: 1, deep: { list: ['x', null] } };
    const { args: copy } = await action.resolvePaths(args);
    expect(copy).toEqual(args);
    expect(copy).not.toBe(args);
    expect(copy?.['deep']).not.toBe(args.deep);
    expect((await action.resolvePaths(undefined)).args).toEqual({});
  });

  it('names the argument of the first path that leaves the scope', async () => {
    const { w, out } = await scene();
    await symlink(out, join(w, 'docs', 'link'));
    const args = { ok: 'docs/a.md', deep: [{ path: 'docs/link/secret' }] };
    const { problem } = await actionOf({ fsScope: ['docs'] }, w).resolvePaths(args);
    expect(problem).toEqual({ code: 'PATH_OUT_OF_SCOPE', argument: '"/deep/0/path"' });
  });

  it('refuses what the text alone refuses', async () => {
    const { w } = await scene();
    const action = actionOf(
      { fsScope: ['docs'], args: { p: { type: 'string', required: true } } },
      w,
    );
    expect((await action.resolvePaths({ p: 'x', q: 1 })).problem?.code).toBe('ARGUMENT_UNKNOWN');
    expect((await action.resolvePaths({})).problem?.code).toBe('ARGUMENT_MISSING');
    expect((await action.resolvePaths({ p: 1 })).problem?.code).toBe('ARGUMENT_INVALID');
  });

  it('does not reject, whatever it is given', async () => {
    const { w } = await scene();
    const action = actionOf({ fsScope: ['docs'] }, w);
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    let reads = 0;
    const shifty = {
      get path() {
        reads += 1;
        return reads % 2 === 1 ? 'docs/a.md' : '/etc/passwd';
      },
    };
    const throwing = {
      get path() {
        throw new Error('no');
      },
    };
    for (const args of [
      null,
      1,
      'x',
      [],
      new Map(),
      cycle,
      throwing,
      { f: () => 1 },
      { path: '..' },
    ]) {
      expect((await action.resolvePaths(args as never)).problem, String(args)).not.toBeNull();
    }
    const { args, problem } = await action.resolvePaths(shifty);
    expect(problem !== null || args.path === join(w, 'docs', 'a.md')).toBe(true);
  });

  it('never returns a path outside the scope, whatever links there are', async () => {
    const base = await temporaryFolder();
    const names = ['a', 'b', 'c'];
    const target = fc.oneof(
      fc.constantFrom(
        '.',
        '..',
        '../..',
        '../../out',
        '/',
        '/etc',
        'a',
        'b/c',
        '../a',
        'not-there',
        'c',
      ),
      fc
        .array(fc.constantFrom('..', 'a', 'b', 'c', 'x', 'docs', 'out'), { maxLength: 5 })
        .map((s) => s.join('/') || '.'),
    );
    const link = fc.record({
      at: fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }),
      target,
    });
    const path = fc.array(fc.constantFrom(...names, '..', 'x', '.'), { maxLength: 6 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(link, { maxLength: 6 }),
        fc.array(path, { minLength: 5, maxLength: 12 }),
        async (links, paths) => {
          run += 1;
          const w = join(base, String(run), 'w');
          const docs = join(w, 'docs');
          await mkdir(docs, { recursive: true });
          await mkdir(join(base, String(run), 'out', 'a'), { recursive: true });
          for (const { at, target: to } of links) await plant(join(docs, ...at), to);
          for (const segments of paths) {
            const given = ['docs', ...segments].join('/');
            const found = await resolveIn(w, given);
            if (found.startsWith('PATH_')) continue;
            expect(found === docs || found.startsWith(docs + sep), `${given} -> ${found}`).toBe(
              true,
            );
            // What exists is where the system itself says it is.
            const real = await realpath(join(w, relative(w, found))).catch(() => null);
            if (real !== null) expect(real).toBe(found);
            const opened = await realpath(`${w}/${given}`).catch(() => null);
            if (opened !== null) expect(opened).toBe(found);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** A link, with folders above it; nothing when something is in the way. */
async function plant(path: string, target: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await symlink(target, path);
  } catch {
    // A link or folder is there already.
  }
}
