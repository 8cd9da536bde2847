import { MAX_ATTRIBUTE_DEPTH } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { actionOf, check } from './scopes.ts';

const FS_SCOPE = ['docs'];

function declare(args: Record<string, unknown>): Record<string, unknown> {
  return { args, fsScope: FS_SCOPE };
}

function codeOf(args: Record<string, unknown>, value: Record<string, unknown>): string {
  return check(declare(args), value)?.code ?? 'ok';
}

describe('declared arguments', () => {
  it.each([
    [{ type: 'string' }, ['', 'x', 'a/b'], [1, true, null, [], {}, ['x']]],
    [
      { type: 'string', maxLength: 2 },
      ['ab', '\ud83d\ude00\ud83d\ude00'],
      ['abc', '\ud83d\ude00bc'],
    ],
    [{ type: 'string', enum: ['a', 'b'] }, ['a', 'b'], ['c', 'A', '', ['a']]],
    [{ type: 'number' }, [0, -1.5, 1e300], ['1', Number.NaN, Number.POSITIVE_INFINITY, null, true]],
    [{ type: 'number', minimum: 1, maximum: 2 }, [1, 1.5, 2], [0.99, 2.01, -1]],
    [{ type: 'integer' }, [0, -5, 2 ** 53 - 1], [1.5, '1', 2 ** 53, Number.NaN]],
    [{ type: 'integer', enum: [1, 2] }, [1, 2], [3, '1']],
    [{ type: 'boolean' }, [true, false], [0, 1, 'true', null]],
    [{ type: 'boolean', enum: [true] }, [true], [false]],
    [{ type: 'object' }, [{}, { a: 1 }], [[], null, 'x', 1, new Map()]],
    [{ type: 'array' }, [[], [1, 'x', null]], [{}, 'x', null, { length: 1 }]],
    [
      { type: 'array', items: { type: 'integer', minimum: 0 } },
      [[], [0, 1]],
      [['1'], [-1], [[1]], [1, null]],
    ],
    [
      { type: 'array', items: { type: 'array', items: { type: 'boolean' } } },
      [[[true]], [[]]],
      [[true], [[1]]],
    ],
  ])('checks %j', (spec, good, bad) => {
    for (const value of good) expect(codeOf({ a: spec }, { a: value }), String(value)).toBe('ok');
    for (const value of bad)
      expect(codeOf({ a: spec }, { a: value }), String(value)).toBe('ARGUMENT_INVALID');
  });

  it('denies what is not declared, and what is missing', () => {
    const args = { a: { type: 'string', required: true }, b: { type: 'string' } };
    expect(codeOf(args, { a: 'x' })).toBe('ok');
    expect(codeOf(args, { a: 'x', b: undefined, c: undefined })).toBe('ok');
    expect(codeOf(args, { a: 'x', c: 1 })).toBe('ARGUMENT_UNKNOWN');
    expect(codeOf(args, { b: 'x' })).toBe('ARGUMENT_MISSING');
    expect(codeOf(args, { a: undefined })).toBe('ARGUMENT_MISSING');
    expect(check(declare(args))?.code).toBe('ARGUMENT_MISSING');
    expect(check(declare({ b: { type: 'string' } }))).toBeNull();
  });

  it('finds no argument on the prototype', () => {
    const args = { constructor: { type: 'object', required: true } };
    expect(codeOf(args, {})).toBe('ARGUMENT_MISSING');
    expect(codeOf({ a: { type: 'string' } }, { toString: 'x' })).toBe('ARGUMENT_UNKNOWN');
    expect(codeOf({ a: { type: 'string' } }, { constructor: 'x' })).toBe('ARGUMENT_UNKNOWN');
  });

  it('answers ARGUMENT_INVALID for arguments that are no object', () => {
    const action = actionOf(declare({ a: { type: 'string' } }));
    for (const args of [null, 1, 'x', [], new Map(), () => 1]) {
      expect(action.checkArguments(args as never)).toEqual({
        code: 'ARGUMENT_INVALID',
        argument: '',
      });
    }
  });

  it('shows the argument quoted, escaped and cut', () => {
    const args = { a: { type: 'object' }, 'x/y~z': { type: 'array', items: { type: 'integer' } } };
    expect(check(declare(args), { '\u001b[31m\n"é"': 1 })?.argument).toBe(
      '"\\u001b[31m\\n\\"\\u00e9\\""',
    );
    expect(check(declare(args), { 'x/y~z': [1, 'q'] })?.argument).toBe('"/x~1y~0z/1"');
    expect(check(declare(args), { a: { deep: [{ path: '..' }] } })?.argument).toBe(
      '"/a/deep/0/path"',
    );
    for (const unit of ['x', '\n', '"', '\ud800', '\u202e']) {
      const shown = check(declare(args), { [unit.repeat(5000)]: 1 })?.argument ?? '';
      expect(shown.length).toBeLessThanOrEqual(64);
      expect(shown).toMatch(/^"[\x20-\x7e]*\.\.\."$/);
    }
  });

  it('takes the arguments of an action rule in place of those of the grant', () => {
    const members = {
      args: { a: { type: 'string' } },
      actionRules: { go: { args: { b: { type: 'string' } } } },
    };
    expect(check(members, { b: 'x' })).toBeNull();
    expect(check(members, { a: 'x' })?.code).toBe('ARGUMENT_UNKNOWN');
  });

  it('takes an empty map in an action rule for an action without arguments', () => {
    const members = { actionRules: { go: { args: {} } } };
    expect(check(members, {})).toBeNull();
    expect(check(members)).toBeNull();
    expect(check(members, { a: 1 })?.code).toBe('ARGUMENT_UNKNOWN');
  });
});

describe('path arguments by name', () => {
  const names = [
    ...[
      'path',
      'paths',
      'targetPath',
      'file',
      'files',
      'filePath',
      'filename',
      'fileName',
      'file_names',
    ],
    ...[
      'dir',
      'directory',
      'folder',
      'source',
      'src',
      'destination',
      'dest',
      'dst',
      'target',
      'cwd',
      'root',
    ],
    ...[
      'inputPath',
      'output_file',
      'work-dir',
      'PATH',
      'Path',
      'path1',
      'path_2',
      'URLPath',
      'my.path',
    ],
    ...['INPUT_FILE', 'baseDirectory', 'newFolder', 'dir name', 'workdir', 'tmpdir', 'pathname'],
  ];

  it.each(names)('%s', (name) => {
    const spec = { [name]: { type: 'string' } };
    expect(codeOf(spec, { [name]: 'docs/a' })).toBe('ok');
    expect(codeOf(spec, { [name]: 'secrets' })).toBe('PATH_OUT_OF_SCOPE');
    expect(codeOf(spec, { [name]: '' })).toBe('PATH_INVALID');
    expect(codeOf({}, { [name]: 'secrets' })).toBe('PATH_OUT_OF_SCOPE');
    expect(codeOf({}, { deep: [{ [name]: ['secrets'] }] })).toBe('PATH_OUT_OF_SCOPE');
  });

  it.each([
    'profile',
    'pathology',
    'fileId',
    'resourceType',
    'query',
    'name',
    'directoryCount',
    'x',
    '',
  ])('not %j', (name) => {
    expect(codeOf({}, { [name]: 'secrets' })).toBe('ok');
  });

  it('gives way to a declared format, and to a list of values', () => {
    expect(codeOf({ path: { type: 'string', format: 'text' } }, { path: '/etc' })).toBe('ok');
    expect(codeOf({ target: { type: 'string', enum: ['prod', '/x'] } }, { target: '/x' })).toBe(
      'ok',
    );
    expect(
      codeOf({ target: { type: 'string', format: 'path', enum: ['x'] } }, { target: 'x' }),
    ).toBe('PATH_OUT_OF_SCOPE');
    expect(
      codeOf(
        { files: { type: 'array', format: 'text', items: { type: 'string' } } },
        { files: ['/x'] },
      ),
    ).toBe('ok');
  });

  it('reaches the elements of an array', () => {
    const bare = { files: { type: 'array' } };
    const typed = { files: { type: 'array', items: { type: 'string' } } };
    for (const spec of [bare, typed]) {
      expect(codeOf(spec, { files: ['docs/a', 'docs/b'] })).toBe('ok');
      expect(codeOf(spec, { files: ['docs/a', 'x'] })).toBe('PATH_OUT_OF_SCOPE');
    }
  });
});

describe('declared formats', () => {
  it('checks every string inside a path argument', () => {
    const spec = { x: { type: 'object', format: 'path' } };
    expect(codeOf(spec, { x: { a: 'docs/a', b: ['docs/b', { c: 'docs' }], n: 1 } })).toBe('ok');
    expect(codeOf(spec, { x: { a: 'docs/a', b: ['docs/b', { c: 'word' }] } })).toBe(
      'PATH_OUT_OF_SCOPE',
    );
  });

  it('looks at nothing inside text', () => {
    const spec = { x: { type: 'object', format: 'text' }, y: { type: 'string', format: 'text' } };
    expect(codeOf(spec, { x: { path: '/etc', '../k': 'https://a.b' }, y: 'file:///etc' })).toBe(
      'ok',
    );
  });

  it('judges what is not declared inside an object by name and look', () => {
    const spec = { x: { type: 'object' }, list: { type: 'array' } };
    expect(codeOf(spec, { x: { q: 'words here', n: [1, null, true] } })).toBe('ok');
    expect(codeOf(spec, { x: { q: '../etc' } })).toBe('PATH_OUT_OF_SCOPE');
    expect(codeOf(spec, { list: [['a/b']] })).toBe('PATH_OUT_OF_SCOPE');
    expect(codeOf(spec, { x: { '../etc': 1 } })).toBe('PATH_INVALID');
  });

  it.each([
    '**/*.ts',
    '*.{ts,tsx}',
    'src/**',
    '[ab].md',
    '@(a|b)/x',
    'a.b',
    '.hidden/*',
    '{a,b}.c/{d.e,f}',
    '*',
    '*.*',
    '?.?',
    '.[!.]*',
    '.??*',
    '.[a-z]*',
    '.git*',
    '[a-z]*',
    '[ab].{md,txt}',
    '{1..9}.md',
  ])('accepts the glob %j', (glob) => {
    expect(codeOf({ g: { type: 'string', format: 'glob' } }, { g: glob })).toBe('ok');
  });

  it.each([
    '../*',
    '/etc/*',
    'a/../../*',
    '{..,a}/x',
    '.{.,x}/x',
    '{.,}./x',
    '(..|a)/x',
    'a/{b/..,c}/..',
    '~/*',
    'C:*',
    '\\x',
    '',
    '@(.|..)/x',
    '{a,.}{.,b}/x',
    '.*',
    '.*/secret',
    'a/.**/x',
    '.?/x',
    '.[.]/x',
    '[.].*',
    '[.][.]/x',
    '.[!a]/x',
    '.[^.]/x',
    '.[+-9]/x',
    '.[[:punct:]]/x',
    '.[].]/x',
    '.*[.]/x',
    '.[{a,.]}/x',
    '[,.]*/x',
    '{.*,a}/x',
    '{a,}.?/x',
    '.{a/,*}/x',
    '.{?,x}/x',
    '.@(.)/x',
    '.!(x)/x',
    '!(x)/x',
    '+(.)/x',
    '*(.)/x',
    '{-..0}{-..0}/x',
  ])('refuses the glob %j', (glob) => {
    expect(codeOf({ g: { type: 'string', format: 'glob' } }, { g: glob })).toBe('PATH_INVALID');
  });

  // Read once for each start that a class could have, these take minutes: the glob is the caller's to choose.
  it.each([
    ['classes that never end', '[:'.repeat(2_047), 'ok'],
    ['classes within one that never end', '[[:'.repeat(1_365), 'ok'],
    ['one class of the beginnings of classes', `${'[:'.repeat(2_047)}]`, 'ok'],
  ])('judges %s in few steps', (_name, glob, code) => {
    expect(codeOf({ g: { type: 'string', format: 'glob' } }, { g: glob })).toBe(code);
  });
});

describe('undeclared arguments', () => {
  it.each([
    ['words', 'plain words'],
    ['no separator', 'secret.pem'],
    ['a number', 5],
    ['nothing', null],
    ['values', [1, [true, { deep: 'x' }]]],
    ['a path in scope', 'docs/a.md'],
  ])('accept %s', (_name, value) => {
    expect(codeOf({}, { q: value })).toBe('ok');
  });

  it.each([
    '/etc/passwd',
    '../x',
    'a/b',
    '..',
    '.',
    ' .. ',
    '~',
    '~root',
    ' ~/x',
    'C:x',
    'a\\b',
    'file:x',
    'see /etc/passwd',
    'and/or',
    'https://example.com/',
    'x\n/etc',
  ])('refuse what looks like a path or URL: %j', (value) => {
    for (const args of [{ q: value }, { q: [value] }, { q: { r: [{ s: value }] } }]) {
      expect(codeOf({}, args)).toMatch(/^(PATH_|HOST_NOT)/);
    }
  });

  it('refuse member names that look like paths', () => {
    expect(codeOf({}, { edits: { 'docs/a.md': 'x' } })).toBe('PATH_INVALID');
  });

  it('refuse what JSON has no form for', () => {
    for (const value of [() => 1, Symbol('x'), 1n, new Date(0), new String('../x'), new Map()]) {
      expect(codeOf({}, { q: value })).toBe('ARGUMENT_INVALID');
    }
  });

  it('are walked to a bound only', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(codeOf({}, { cycle })).toBe('ARGUMENT_INVALID');
    expect(codeOf({}, { wide: new Array(20_000).fill(1) })).toBe('ARGUMENT_INVALID');
    let deep: unknown = 'x';
    for (let i = 0; i < MAX_ATTRIBUTE_DEPTH + 5; i += 1) deep = [deep];
    expect(codeOf({}, { deep })).toBe('ARGUMENT_INVALID');
    // Shared parts count each time they are reached.
    let shared: unknown = ['x'];
    for (let i = 0; i < 25; i += 1) shared = [shared, shared];
    expect(codeOf({}, { shared })).toBe('ARGUMENT_INVALID');
    expect(codeOf({}, { after: 'x' })).toBe('ok');
  });

  it('never let a climbing string through at any depth', () => {
    const climbing = fc.constantFrom(
      '../x',
      '/etc/passwd',
      'docs/../../x',
      '..\\x',
      '~/.ssh',
      'docs/../x',
    );
    fc.assert(
      fc.property(climbing, fc.array(fc.oneof(fc.string(), fc.nat(3))), (leaf, keys) => {
        const value = keys.reduceRight<unknown>(
          (inner, key) => (typeof key === 'number' ? [inner] : { [`k${key}`]: inner }),
          leaf,
        );
        expect(check({ fsScope: FS_SCOPE }, { q: value })).not.toBeNull();
      }),
    );
  });

  it('answer for any JSON with a problem or null, and never throw', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (args) => {
        const problem = check({ fsScope: FS_SCOPE }, args);
        if (problem !== null) expect(problem.argument).toMatch(/^"[\x20-\x7e]{0,62}"$/);
      }),
    );
  });
});
