import { describe, expect, it } from 'vitest';
import { findGraphProblems } from '../checks/layers/graph-rules.ts';
import { findImports } from '../checks/layers/imports.ts';
import { findSourceProblems, MAX_SOURCE_LINES } from '../checks/layers/source-rules.ts';
import type { Manifest, Project } from '../checks/layers/workspace.ts';

const scoped = (name: string): string => `@scope/${name}`;

interface Sketch {
  layer?: string;
  kind?: string;
  tags?: string[];
  uses?: string[];
  manifest?: Partial<Manifest>;
}

/** A project whose workspace dependencies are all regular ones, unless the sketch says otherwise. */
function project(name: string, sketch: Sketch = {}): Project {
  const { layer = '1', kind = 'component', uses = [] } = sketch;
  return {
    name,
    root: `packages/${name}`,
    tags: sketch.tags ?? [`layer:${layer}`, `kind:${kind}`],
    manifest: {
      name: scoped(name),
      exports: { '.': {}, './package.json': './package.json' },
      dependencies: Object.fromEntries(uses.map((used) => [scoped(used), 'workspace:^'])),
      ...sketch.manifest,
    },
    dependencies: uses,
  };
}

const core = project('core', { layer: '0', kind: 'core' });
const limiter = project('limiter', { uses: ['core'] });
const testkit = project('testkit', { layer: 'dev', kind: 'dev', uses: ['core'] });

describe('the graph rules', () => {
  it('accept dependencies on lower layers', () => {
    const governor = project('governor', { layer: '2', kind: 'composition', uses: ['limiter'] });
    const tools = project('tools', { layer: 'tools', kind: 'tools', uses: ['governor', 'core'] });
    expect(findGraphProblems([core, limiter, testkit, governor, tools])).toEqual([]);
  });

  it('reject a dependency on a higher layer', () => {
    const upward = project('core', { layer: '0', kind: 'core', uses: ['limiter'] });
    expect(findGraphProblems([upward, limiter])).toContain(
      'core -> limiter: layer 0 may not depend on layer 1',
    );
  });

  it('reject a dependency on the same layer', () => {
    const server = project('server', { layer: '4', kind: 'app', uses: ['page'] });
    const page = project('page', { layer: '4', kind: 'page' });
    expect(findGraphProblems([server, page])).toEqual([
      'server -> page: layer 4 may not depend on layer 4',
    ]);
  });

  it.each(['component', 'adapter'])('reject one %s that depends on another', (kind) => {
    const one = project('one', { layer: '3', kind, uses: ['two'] });
    const two = project('two', { layer: '3', kind });
    expect(findGraphProblems([one, two])).toEqual([
      `one -> two: sideways, from one ${kind} to another (layer 3)`,
    ]);
  });

  it.each(['dependencies', 'peerDependencies', 'optionalDependencies'])(
    'reject a development package in %s',
    (group) => {
      const declared = { [group]: { [scoped('testkit')]: 'workspace:^' } };
      const user = project('user', { uses: ['testkit'], manifest: declared });
      expect(findGraphProblems([core, testkit, user])).toEqual([
        'user -> testkit: a development package belongs in devDependencies',
      ]);
    },
  );

  it('accept a development package in devDependencies', () => {
    const devDependencies = { [scoped('testkit')]: 'workspace:^' };
    const user = project('user', {
      uses: ['testkit'],
      manifest: { dependencies: {}, devDependencies },
    });
    expect(findGraphProblems([core, testkit, user])).toEqual([]);
  });

  it('reject a development package below layer 1, even for development', () => {
    const devDependencies = { [scoped('testkit')]: 'workspace:^' };
    const low = project('core', {
      layer: '0',
      kind: 'core',
      uses: ['testkit'],
      manifest: { dependencies: {}, devDependencies },
    });
    expect(findGraphProblems([low, testkit])).toEqual([
      'core -> testkit: layer 0 may not depend on a development package',
    ]);
  });

  it('reject a development package that depends on more than layer 0', () => {
    const kit = project('testkit', { layer: 'dev', kind: 'dev', uses: ['limiter'] });
    expect(findGraphProblems([core, limiter, kit])).toEqual([
      'testkit -> limiter: a development package may depend on layer 0 only',
    ]);
  });

  it('reject a dependency on the tools', () => {
    const tools = project('tools', { layer: 'tools', kind: 'tools' });
    const user = project('user', { uses: ['tools'] });
    expect(findGraphProblems([tools, user])).toEqual([
      "user -> tools: nothing may depend on the repository's tools",
    ]);
  });

  it.each([
    { tags: ['kind:component'], missing: 'layer' },
    { tags: ['layer:1', 'layer:2', 'kind:component'], missing: 'layer' },
    { tags: ['layer:upper', 'kind:component'], missing: 'layer' },
    { tags: ['layer:1'], missing: 'kind' },
  ])('reject the tags $tags', ({ tags, missing }) => {
    expect(findGraphProblems([project('odd', { tags })])).toEqual([
      expect.stringContaining(`odd: needs exactly one tag ${missing}:`),
    ]);
  });
});

describe('the source rules', () => {
  const manifest = {
    dependencies: { [scoped('core')]: 'workspace:^', zod: '^4.0.0' },
    peerDependencies: { fastify: '^5.0.0' },
    devDependencies: { canonicalize: '^3.0.0' },
  };
  const user = project('user', { uses: ['core'], manifest });
  const workspace = new Map([core, limiter, user].map((one) => [one.manifest.name, one.manifest]));
  const context = { workspace, testTools: new Set(['vitest']) };
  const check = (path: string, text: string): string[] =>
    findSourceProblems(user, [{ path, text }], context);

  it('accept declared packages, built-in modules and files of the package', () => {
    const text = [
      "import { readFileSync } from 'node:fs';",
      "import { z } from 'zod';",
      "import type { FastifyInstance } from 'fastify';",
      "import { toolCall } from '@scope/core';",
      "import { inner } from './inner/part.ts';",
      "export { inner as part } from './inner/part.ts';",
    ].join('\n');
    expect(check('src/index.ts', text)).toEqual([]);
  });

  it('reject a third-party module that is not declared', () => {
    expect(check('src/a.ts', "\nimport x from 'lodash/fp';")).toEqual([
      "packages/user/src/a.ts:2: 'lodash' is not declared in the package.json of user",
    ]);
  });

  it('reject a workspace package that is not declared', () => {
    expect(check('src/a.ts', "import type { Limiter } from '@scope/limiter';")).toEqual([
      "packages/user/src/a.ts:1: '@scope/limiter' is not declared in the package.json of user",
    ]);
  });

  it('reject development dependencies in src, and accept them in tests', () => {
    expect(check('src/a.ts', "import canonicalize from 'canonicalize';")).toHaveLength(1);
    expect(check('test/a.test.ts', "import canonicalize from 'canonicalize';")).toEqual([]);
    expect(check('src/a.ts', "import { it } from 'vitest';")).toHaveLength(1);
    expect(check('bench/a.bench.ts', "import { it } from 'vitest';")).toEqual([]);
  });

  it('reject undeclared modules in tests', () => {
    expect(check('test/a.test.ts', "import x from 'lodash';")).toHaveLength(1);
  });

  it.each(['@scope/core/src/verdict.ts', '@scope/core/dist/verdict.js', '@scope/core/internal'])(
    'reject the deep import %s',
    (specifier) => {
      expect(check('src/a.ts', `import x from '${specifier}';`)).toEqual([
        `packages/user/src/a.ts:1: '${specifier}' is not an entry of @scope/core; ` +
          'its exports are the only way in',
      ]);
    },
  );

  it('accept the entries that a package exports', () => {
    expect(check('src/a.ts', "import x from '@scope/core/package.json';")).toEqual([]);
  });

  it('let benches, and nothing else, report through the tools of the repository', () => {
    const report = "import x from '../../../tools/bench/page/machine.ts';";
    expect(check('bench/a.bench.ts', report)).toEqual([]);
    expect(check('src/a.ts', report)).toHaveLength(1);
    expect(check('test/a.test.ts', report)).toHaveLength(1);
    expect(
      check('bench/a.bench.ts', "import x from '../../../tools/setup/child.mjs';"),
    ).toHaveLength(1);
  });

  it('reject relative imports that leave the package, or leave src', () => {
    expect(check('src/inner/a.ts', "import x from '../../../core/src/verdict.ts';")).toEqual([
      "packages/user/src/inner/a.ts:1: '../../../core/src/verdict.ts' leaves the package; " +
        'import it by its name',
    ]);
    expect(check('test/a.test.ts', "import x from '../../core/src/verdict.ts';")).toHaveLength(1);
    expect(check('src/a.ts', "import x from '../test/fake.ts';")).toEqual([
      expect.stringContaining("'../test/fake.ts' leaves src"),
    ]);
    expect(check('test/a.test.ts', "import x from '../src/a.ts';")).toEqual([]);
  });

  it('reject absolute paths', () => {
    expect(check('src/a.ts', "import x from '/srv/core/index.js';")).toHaveLength(1);
    expect(check('src/a.ts', "import x from 'file:///srv/core/index.js';")).toHaveLength(1);
  });

  it.each(["export * from './part.ts';", "export * as part from './part.ts';"])(
    'reject %s',
    (text) => {
      expect(check('src/index.ts', text)).toEqual([
        'packages/user/src/index.ts:1: export * hides what is public; name the exports',
      ]);
    },
  );

  it('reject an inner index.ts', () => {
    expect(check('src/ports/index.ts', '')).toEqual([
      expect.stringContaining('packages/user/src/ports/index.ts:1: an inner index.ts is a barrel'),
    ]);
    expect(check('src/index.ts', '')).toEqual([]);
  });

  it('reject a source file that is too long', () => {
    const lines = (count: number): string => 'export {};\n'.repeat(count);
    expect(check('src/a.ts', lines(MAX_SOURCE_LINES))).toEqual([]);
    expect(check('src/a.ts', lines(MAX_SOURCE_LINES + 1))).toEqual([
      'packages/user/src/a.ts:1: 301 lines; split it by concept (at most 300)',
    ]);
    expect(check('test/a.test.ts', lines(MAX_SOURCE_LINES + 1))).toEqual([]);
  });
});

describe('findImports', () => {
  it.each([
    "import 'x';",
    "import a from 'x';",
    "import type { A } from 'x';",
    "export { a } from 'x';",
    "export type { A } from 'x';",
    "export * from 'x';",
    "import a = require('x');",
    "const a = require('x');",
    "const a = require.resolve('x');",
    "const a = import.meta.resolve('x');",
    "const a = await import('x');",
    'const a = await import(`x`);',
    "type A = import('x').A;",
    "type A = typeof import('x');",
    "function f() { return () => import('x'); }",
  ])('sees %s', (text) => {
    expect(findImports('a.ts', text).map(({ specifier }) => specifier)).toEqual(['x']);
  });

  it('does not take texts and comments for imports', () => {
    const text = "// import 'x';\nconst a = \"import 'x'\"; path.resolve('x'); export const b = 1;";
    expect(findImports('a.ts', text)).toEqual([]);
  });
});
