import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HONEST_PATHS, HOSTILE_KINDS, HOSTILE_PATHS } from './hostile-paths.ts';
import { checkPath } from './scopes.ts';

const SCOPE = ['docs', 'packages/a'];

describe('paths, by their text', () => {
  it.each(HOSTILE_KINDS)('$code: $kind', ({ code, paths }) => {
    for (const path of paths) expect(checkPath(SCOPE, path), JSON.stringify(path)).toBe(code);
  });

  it.each(HONEST_PATHS.map((path) => [path]))('in scope: %j', (path) => {
    expect(checkPath(SCOPE, path)).toBe('ok');
  });

  it('has a corpus of at least 300 hostile paths, each once', () => {
    expect(HOSTILE_PATHS.length).toBeGreaterThanOrEqual(300);
    expect(HOSTILE_PATHS.filter((path, i) => HOSTILE_PATHS.indexOf(path) < i)).toEqual([]);
  });

  it('lets no path through when the scope is empty', () => {
    for (const path of [...HONEST_PATHS, '.', '/work/space']) {
      expect(checkPath([], path)).toBe('PATH_OUT_OF_SCOPE');
    }
  });

  it.each(['.', './', '././.'])('takes %j for the whole workspace, and no more', (entry) => {
    for (const path of ['.', 'x', '.git/config', '/work/space', '/work/space/x', 'a/../b']) {
      expect(checkPath([entry], path), path).toBe('ok');
    }
    for (const path of ['..', '../x', '/work', '/work/space2', 'a/../../b', '/']) {
      expect(checkPath([entry], path), path).toBe('PATH_OUT_OF_SCOPE');
    }
  });

  it('takes a workspace at the root of the file system', () => {
    expect(checkPath(['docs'], '/docs/a', '/')).toBe('ok');
    expect(checkPath(['docs'], '/../docs/a', '/')).toBe('ok');
    expect(checkPath(['docs'], '/etc', '/')).toBe('PATH_OUT_OF_SCOPE');
  });

  it.each([
    ['docs/**', ['docs', 'docs/a', 'docs/a/b.md', 'docs/.a/b'], ['docsx', 'x/docs', 'docs/../x']],
    [
      'docs/*.md',
      ['docs/a.md', 'docs/.a.md', './docs/x/../a.md'],
      ['docs/a/b.md', 'docs/a.ts', 'docs'],
    ],
    [
      './packages/*/src/**',
      ['packages/a/src/x', 'packages/b/src'],
      ['packages/a/x', 'packages/a/b/src/x'],
    ],
    ['app/[id]/(main)/*', ['app/[id]/(main)/x'], ['app/i/main/x', 'app/[id]/(main)/x/y']],
    ['docs/[a-c].md', ['docs/[a-c].md'], ['docs/a.md', 'docs/b.md']],
    ['app/[...all]', ['app/[...all]/x'], ['app/x', 'app/./x']],
    ['(a|b)/x', ['(a|b)/x'], ['a/x', 'b/x']],
    ['docs/?.md', ['docs/a.md', 'docs/\u00e9.md', 'docs/\u{1f600}.md'], ['docs/.md', 'docs/ab.md']],
    ['*', ['a', '.a'], ['.', 'a/b', 'x/../a/b']],
    ['a**b/x', ['ab/x', 'a-b/x'], ['a/b/x', 'a/x']],
    ['"docs"/$a^+/*', ['"docs"/$a^+/x'], ['docs/$a^+/x', 'docs/a/x']],
    ['a/**/**/z', ['a/z', 'a/b/z', 'a/b/c/z'], ['az', 'a/bz', 'a']],
    ['**', ['.', 'a', 'a/b/.c', '.git'], ['..', '../a', '/etc']],
    ['**/*.md', ['a.md', 'a/b.md', '.a/b.md'], ['a.ts', '../a.md', '/a.md']],
  ])('matches whole paths against the glob %j', (glob, inside, outside) => {
    for (const path of inside) expect(checkPath([glob], path), path).toBe('ok');
    for (const path of outside) expect(checkPath([glob], path), path).toBe('PATH_OUT_OF_SCOPE');
  });

  // With a wildcard tried in every way, each of these takes minutes: the path is the caller's to choose.
  it.each([
    ['docs/*-*-*-*.md', `docs/${'-'.repeat(4_000)}`, `docs/${'-'.repeat(4_000)}.md`],
    ['docs/*a*a*a*a*a*.md', `docs/${'a'.repeat(4_000)}`, `docs/${'a'.repeat(4_000)}.md`],
    ['**/a/**/a/**/a/**/b', `${'a/'.repeat(2_000)}c`, `${'a/'.repeat(2_000)}b`],
  ])('matches a long path against the glob %j in few steps', (glob, outside, inside) => {
    expect(checkPath([glob], outside)).toBe('PATH_OUT_OF_SCOPE');
    expect(checkPath([glob], inside)).toBe('ok');
  });

  it('takes what looks like a package scope by its name', () => {
    expect(checkPath(['packages/@scope'], 'packages/@scope/x')).toBe('ok');
  });

  const piece = fc.oneof(
    fc.constantFrom(
      '.',
      '..',
      '',
      'docs',
      'packages',
      'a',
      'space',
      'work',
      '...',
      ' ',
      '\\',
      '~',
      '%2e',
    ),
    fc.string({ unit: 'grapheme', maxLength: 3 }),
  );
  const path = fc
    .tuple(
      fc.constantFrom('', '/', './', '../', '/work/space/', 'docs/'),
      fc.array(piece, { maxLength: 8 }),
    )
    .map(([start, pieces]) => start + pieces.join('/'));

  it('never allows a path that resolves outside the scope', () => {
    fc.assert(
      fc.property(fc.oneof(path, fc.string({ unit: 'binary' })), (candidate) => {
        if (checkPath(SCOPE, candidate) !== 'ok') return;
        const target = resolve('/work/space', candidate);
        const roots = SCOPE.map((entry) => `/work/space/${entry}`);
        expect(roots.some((root) => target === root || target.startsWith(`${root}/`))).toBe(true);
      }),
      { numRuns: 20_000 },
    );
  });

  it('allows every path of plain names below a scope entry', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_-]{4,20}(\.[a-z]{2,4})?$/);
    fc.assert(
      fc.property(fc.constantFrom(...SCOPE), fc.array(name, { maxLength: 6 }), (entry, names) => {
        expect(checkPath(SCOPE, [entry, ...names].join('/'))).toBe('ok');
      }),
    );
  });

  it('answers the same for a path and its resolved form', () => {
    fc.assert(
      fc.property(path, (candidate) => {
        const code = checkPath(SCOPE, candidate);
        fc.pre(code !== 'PATH_INVALID');
        expect(checkPath(SCOPE, resolve('/work/space', candidate))).toBe(code);
      }),
      { numRuns: 2000 },
    );
  });
});
