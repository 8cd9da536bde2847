import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench } from 'tinybench';
import {
  compileGrant,
  createGrantLoader,
  enforce,
  Grant,
  loadGrant,
  resetEnforceLimits,
} from '../src/index.ts';

/*
 * Time per call: loading a grant from memory and from disk, enforcing it, judging arguments, and
 * following links. Fast calls are timed in batches of 1000 over strings that are new, so that nothing
 * is answered by identity; the figures are per call.
 */

const BATCH = 1000;
const GOAL_CACHED_NS = 1000;
const GOAL_COLD_NS = 5_000_000;
/** Part of a decision that is to take less than a microsecond. */
const GOAL_CHECK_NS = 500;
/** One declared path argument. */
const GOAL_PATH_NS = 60;
/** The seed's target is 5000 calls per second. */
const GOAL_ENFORCE_NS = 200_000;

const GIT = {
  tool: 'git-map',
  actions: ['tree', 'snippet', 'search'],
  args: { repo: { type: 'string' }, path: { type: 'string' } },
  dataClass: 'internal',
  rate: { perMinute: 1_000_000 },
  fsScope: ['apps/cortex-os', 'packages', 'docs'],
};

interface Case {
  readonly name: string;
  readonly calls: number;
  readonly goalNs: number | null;
}

const cases: Case[] = [];
const bench = new Bench({ time: 500, warmupTime: 200 });

function add(
  name: string,
  calls: number,
  goalNs: number | null,
  run: () => unknown,
  beforeAll?: () => void,
): void {
  cases.push({ name, calls, goalNs });
  bench.add(name, run, beforeAll === undefined ? {} : { beforeAll });
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`wrong answer: ${what}`);
}

function batch<T>(make: (i: number) => T): T[] {
  return JSON.parse(JSON.stringify(Array.from({ length: BATCH }, (_, i) => make(i)))) as T[];
}

const start = process.cwd();
const workspace = await realpath(await mkdtemp(join(tmpdir(), 'grant-bench-')));
try {
  const root = join(workspace, '.cortex');
  await mkdir(join(root, 'policy', 'tools'), { recursive: true });
  await mkdir(join(workspace, 'docs', 'deep'), { recursive: true });
  await writeFile(join(workspace, 'docs', 'deep', 'a.md'), '');
  await writeFile(join(root, 'policy', 'tools', 'git.json'), JSON.stringify(GIT, null, 2));
  process.chdir(workspace);
  await addLoading(root);
  addJudging();
  await addResolving();
  await bench.run();
  print();
} finally {
  // In another folder loadGrant has another loader, and ends the one that watches this one.
  process.chdir(start);
  await loadGrant('none').catch(() => {});
  await rm(workspace, { recursive: true, force: true });
}

async function addLoading(root: string): Promise<void> {
  const ids = batch(() => 'git');
  const loader = createGrantLoader({ root, watch: false });
  check((await loader.load('git')).tool === 'git-map', 'the loader loads git');
  check((await loadGrant('git')).tool === 'git-map', 'loadGrant loads git');
  const hit = loader.load('git');
  check(loader.load('git') === hit, 'a hit is the same promise');
  add('createGrantLoader().load, cached', BATCH, GOAL_CACHED_NS, () => {
    for (const id of ids) void loader.load(id);
  });
  add('loadGrant, cached', BATCH, GOAL_CACHED_NS, () => {
    for (const id of ids) void loadGrant(id);
  });
  add('loadGrant, cached and awaited', BATCH, GOAL_CACHED_NS, async () => {
    for (const id of ids) await loadGrant(id);
  });
  add('load, cold: a new loader reads, parses and freezes', 1, GOAL_COLD_NS, () =>
    createGrantLoader({ root, watch: false }).load('git'),
  );
  add('reload, untouched file', 1, GOAL_COLD_NS, () => loader.reload('git'));
}

function addJudging(): void {
  const grant = Grant.parse(GIT);
  const tree = compileGrant(grant, { workspace }).action('tree');
  const globbed = compileGrant(
    Grant.parse({ ...GIT, fsScope: ['packages/*/src/**', 'docs/**/*.md'] }),
    { workspace },
  ).action('tree');
  const plain = batch((i) => ({ repo: 'cortex', path: `docs/deep/file-${i}.md` }));
  const climbing = batch((i) => ({ repo: 'cortex', path: `docs/deep/../../secret-${i}.md` }));
  for (const args of plain) {
    check(tree?.checkArguments(args) === null, 'a path in scope');
    check(globbed?.checkArguments(args) === null, 'a path in a glob');
  }
  for (const args of climbing) {
    check(tree?.checkArguments(args)?.code === 'PATH_OUT_OF_SCOPE', 'a path out of scope');
  }
  add('checkArguments, path in scope', BATCH, GOAL_CHECK_NS, () => {
    for (const args of plain) tree?.checkArguments(args);
  });
  add('checkArguments, path in a glob', BATCH, null, () => {
    for (const args of plain) globbed?.checkArguments(args);
  });
  add('checkArguments, climbing path', BATCH, null, () => {
    for (const args of climbing) tree?.checkArguments(args);
  });
  addPaths();
  addUndeclared();
  const frozen = freeze(grant);
  check(enforce(frozen, 'tree', plain[0]) === true, 'enforce allows');
  add('enforce, allowed', BATCH, GOAL_ENFORCE_NS, () => {
    resetEnforceLimits();
    for (const args of plain) enforce(frozen, 'tree', args);
  });
}

/** One declared path argument, by the form of the path. */
function addPaths(): void {
  const args = { path: { type: 'string' } };
  const narrow = compileGrant(Grant.parse({ ...GIT, args }), { workspace }).action('tree');
  const many = Array.from({ length: 20 }, (_, i) => `packages/part-${i}`);
  const wide = compileGrant(Grant.parse({ ...GIT, args, fsScope: [...many, 'docs'] }), {
    workspace,
  }).action('tree');
  const forms: [string, typeof narrow, 'in' | 'out', (i: number) => string][] = [
    ['plain, inside', narrow, 'in', (i) => `docs/deep/file-${i}.md`],
    ['plain, outside', narrow, 'out', (i) => `other/deep/file-${i}.md`],
    ['.. inside', narrow, 'in', (i) => `docs/deep/../file-${i}.md`],
    ['.. outside', narrow, 'out', (i) => `../file-${i}.md`],
    ['absolute, inside', narrow, 'in', (i) => `${workspace}/docs/file-${i}.md`],
    ['absolute, outside', narrow, 'out', (i) => `/etc/file-${i}.md`],
    ['plain, last of 21 entries', wide, 'in', (i) => `docs/deep/file-${i}.md`],
    ['plain, in none of 21 entries', wide, 'out', (i) => `other/deep/file-${i}.md`],
  ];
  for (const [name, action, where, make] of forms) {
    const calls = batch((i) => ({ path: make(i) }));
    for (const call of calls) {
      const code = action?.checkArguments(call)?.code ?? 'ok';
      check(code === (where === 'in' ? 'ok' : 'PATH_OUT_OF_SCOPE'), `${name}: ${code}`);
    }
    add(`path: ${name}`, BATCH, where === 'in' ? GOAL_PATH_NS : null, () => {
      for (const call of calls) action?.checkArguments(call);
    });
  }
}

/** Arguments that no grant declares, judged by name and look. */
function addUndeclared(): void {
  const open = compileGrant(Grant.parse({ ...GIT, args: {} }), { workspace }).action('tree');
  const calls = batch((i) => ({ path: `docs/deep/file-${i}.md`, query: `word ${i}`, limit: i }));
  for (const call of calls) check(open?.checkArguments(call) === null, 'undeclared arguments');
  add('checkArguments, three undeclared arguments', BATCH, null, () => {
    for (const call of calls) open?.checkArguments(call);
  });
}

async function addResolving(): Promise<void> {
  const tree = compileGrant(Grant.parse(GIT), { workspace }).action('tree');
  const existing = { repo: 'cortex', path: 'docs/deep/a.md' };
  const planned = { repo: 'cortex', path: 'docs/new/a.md' };
  for (const args of [existing, planned]) {
    const resolved = await tree?.resolvePaths(args);
    check(resolved?.args?.['path'] === join(workspace, args.path), 'the real path');
  }
  add('resolvePaths, without a path', 1, null, () => tree?.resolvePaths({ repo: 'cortex' }));
  add('resolvePaths, existing file', 1, null, () => tree?.resolvePaths(existing));
  add('resolvePaths, file to be created', 1, null, () => tree?.resolvePaths(planned));
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  Object.values(value).forEach(freeze);
  return Object.freeze(value);
}

function print(): void {
  console.table(
    cases.map(({ name, calls, goalNs }) => {
      const result = bench.getTask(name)?.result;
      if (result?.state !== 'completed') throw new Error(`${name}: ${result?.state}`);
      const ns = (ms: number | undefined): number => Math.round(((ms ?? 0) * 1e6) / calls);
      const { latency } = result;
      return {
        name,
        'ns/op p50': ns(latency.p50),
        'ns/op p99': ns(latency.p99),
        goal: goalNs === null ? '' : `<= ${goalNs}`,
      };
    }),
  );
}
