import { execFile } from 'node:child_process';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toolCall, type Verdict } from '@cortex-governance/core';
import type { GrantFile } from '@cortex-governance/testkit';
import { describe, expect, it } from 'vitest';
import type { Governor } from '../src/index.ts';
import { createWorkspace, openGovernor } from './workspace.ts';

const run = promisify(execFile);

const SOURCE = new URL('../src/index.ts', import.meta.url).href;
const CHILD = ['--conditions=@cortex-governance/source', '--import', import.meta.resolve('tsx')];
const CHILD_TIMEOUT_MS = 15_000;

const VERSIONS = 5;
const SWAPS = 60;
const TOOLS = ['one', 'two'];
const CONFIG = 'grants: { watch: false }\nevidence: { whenFull: gap }\n';

/** Version `i` of a grant covers the folder `docs/v<i>` and no other. */
function grantOf(tool: string, version: number): GrantFile {
  return {
    tool,
    actions: ['tree'],
    args: { path: { type: 'string' } },
    fsScope: [`docs/v${version}`],
    rate: { perMinute: 1_000_000 },
  };
}

/** Puts a grant in place at once, as an operator's tool does. */
async function swap(root: string, tool: string, version: number): Promise<void> {
  const temporary = join(root, `${tool}.new`);
  await writeFile(temporary, JSON.stringify(grantOf(tool, version)));
  await rename(temporary, join(root, 'policy', 'tools', `${tool}.json`));
}

function callOf(tool: string, version: number): Parameters<Governor['decide']>[0] {
  const args = { path: `docs/v${version}/a.md` };
  return toolCall({ tenant: 'default', agent: 'a1', tool, action: 'tree', args });
}

/** The version of each tool, by the hash of the policy that has them. */
type Known = ReadonlyMap<string, Readonly<Record<string, number>>>;

/** Loads each mix of versions once. Between two renames of an operator every one of them can be on disk. */
async function learn(root: string, governor: Governor): Promise<Known> {
  const known = new Map<string, Record<string, number>>();
  for (let one = 0; one < VERSIONS; one += 1) {
    for (let two = 0; two < VERSIONS; two += 1) {
      await swap(root, 'one', one);
      await swap(root, 'two', two);
      expect(await governor.grants.reload()).toMatchObject({ ok: true });
      known.set(governor.grants.current().policyHash, { one, two });
    }
  }
  expect(known.size).toBe(VERSIONS ** 2);
  return known;
}

async function scene(): Promise<{ root: string; governor: Governor; known: Known }> {
  const grants = Object.fromEntries(TOOLS.map((tool) => [tool, grantOf(tool, 0)]));
  const root = await createWorkspace(grants, CONFIG);
  for (let version = 0; version < VERSIONS; version += 1) {
    const folder = join(root, '..', 'docs', `v${version}`);
    await mkdir(folder);
    await writeFile(join(folder, 'a.md'), '');
  }
  const governor = await openGovernor(root);
  return { root, governor, known: await learn(root, governor) };
}

/** Whether a verdict is the answer of the version that its hash names. */
function expectOfOneVersion(verdict: Verdict, known: Known, tool: string, asked: number): void {
  const versions = known.get(verdict.policyHash);
  expect(versions, 'the hash of a known version').toBeDefined();
  const code = versions?.[tool] === asked ? 'ALLOWED' : 'PATH_OUT_OF_SCOPE';
  if (verdict.code !== code) expect(verdict, `${tool}, version ${asked}`).toMatchObject({ code });
}

function decideAll(governor: Governor, known: Known): void {
  for (const tool of TOOLS) {
    for (let version = 0; version < VERSIONS; version += 1)
      expectOfOneVersion(governor.decide(callOf(tool, version)), known, tool, version);
  }
}

describe('policies that are replaced under load', () => {
  it('decide every call by the one version that the verdict names', async () => {
    const { root, governor, known } = await scene();
    const hashes = new Set<string>();
    for (let i = 1; i <= SWAPS; i += 1) {
      await swap(root, TOOLS[i % TOOLS.length] ?? '', (i * 3) % VERSIONS);
      let reloading = true;
      const reload = governor.grants.reload().finally(() => {
        reloading = false;
      });
      while (reloading) {
        decideAll(governor, known);
        hashes.add(governor.decide(callOf('one', 0)).policyHash);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await reload).ok).toBe(true);
      decideAll(governor, known);
    }
    expect(hashes.size).toBeGreaterThan(VERSIONS);
    expect(governor.status().problems).toEqual([]);
  });

  it('answer evaluations that are in flight by one version too', async () => {
    const { root, governor, known } = await scene();
    const codes = new Set<string>();
    const ask = async (tool: string, version: number): Promise<void> => {
      const verdict = await governor.evaluate(callOf(tool, version), { durability: 'accepted' });
      codes.add(verdict.code);
      expectOfOneVersion(verdict, known, tool, version);
    };
    for (let i = 1; i <= SWAPS; i += 1) {
      const tool = TOOLS[i % TOOLS.length] ?? '';
      const pending: Promise<unknown>[] = [];
      const askAll = (): void => {
        for (let version = 0; version < VERSIONS; version += 1) pending.push(ask(tool, version));
      };
      askAll();
      await swap(root, tool, (i * 3) % VERSIONS);
      const reload = governor.grants.reload();
      askAll();
      await Promise.resolve();
      askAll();
      await reload;
      askAll();
      await Promise.all(pending);
    }
    expect([...codes].sort()).toEqual(['ALLOWED', 'PATH_OUT_OF_SCOPE']);
  });

  it('never give arguments that another version would have resolved', async () => {
    const { root, governor, known } = await scene();
    for (let i = 1; i <= SWAPS; i += 1) {
      const version = i % VERSIONS;
      const pending = governor.authorize(callOf('one', version), { durability: 'accepted' });
      await swap(root, 'one', (i + 1) % VERSIONS);
      const [{ verdict, args }] = await Promise.all([pending, governor.grants.reload()]);
      expectOfOneVersion(verdict, known, 'one', version);
      if (verdict.effect === 'allow')
        expect(String(args['path'])).toMatch(new RegExp(`/docs/v${version}/a\\.md$`));
    }
  });
});

/** The same value, with the members of every object the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

describe('the hash of a policy', () => {
  const one = {
    ...grantOf('one', 1),
    actions: ['tree', 'look'],
    actionRules: { look: { effect: 'read', args: {} }, tree: { effect: 'write', approval: false } },
  };
  const two = grantOf('two', 2);

  async function rootWith(files: Readonly<Record<string, string>>): Promise<string> {
    const root = await createWorkspace({}, CONFIG);
    for (const [name, text] of Object.entries(files))
      await writeFile(join(root, 'policy', 'tools', `${name}.json`), text);
    return root;
  }

  /** The hash at the first load and after a reload, which must be one. */
  async function hashHere(root: string): Promise<string> {
    const governor = await openGovernor(root);
    const hash = governor.grants.current().policyHash;
    await governor.grants.reload();
    expect(governor.grants.current().policyHash).toBe(hash);
    return hash;
  }

  async function hashesInAnotherProcess(roots: readonly string[]): Promise<string[]> {
    const body = `
      import { createGovernor } from ${JSON.stringify(SOURCE)};
      for (const root of ${JSON.stringify(roots)}) {
        const governor = await createGovernor({ root, name: 'child' });
        console.log(governor.status().policyHash);
        await governor.close();
      }`;
    const { stdout } = await run(
      process.execPath,
      [...CHILD, '--input-type=module', '--eval', body],
      { timeout: CHILD_TIMEOUT_MS },
    );
    return stdout.trim().split('\n');
  }

  it('is the same in every process and at every load, however the files are written', async () => {
    const files = [
      { a: JSON.stringify(one), b: JSON.stringify(two) },
      // Read in another order.
      { z: JSON.stringify(one), b: JSON.stringify(two) },
      // White space.
      { b: `\n${JSON.stringify(two, null, 4)}\r\n`, a: `\t${JSON.stringify(one, null, '\t')} ` },
      // The order of members, at every depth.
      { a: JSON.stringify(reversed(one)), b: JSON.stringify(reversed(two)) },
      // Escapes.
      { a: JSON.stringify(one).replaceAll('tree', 'tr\\u0065e'), b: JSON.stringify(two) },
    ];
    const other = { a: JSON.stringify(one), b: JSON.stringify({ ...two, fsScope: ['docs/v2/x'] }) };
    const roots = await Promise.all([...files, other].map(rootWith));
    const hashes: string[] = [];
    for (const root of roots) hashes.push(await hashHere(root));
    const [plain = ''] = hashes;
    expect(plain).toMatch(/^[0-9a-f]{64}$/);
    expect(hashes.slice(0, -1)).toEqual(files.map(() => plain));
    expect(hashes.at(-1)).not.toBe(plain);
    expect(await hashesInAnotherProcess(roots)).toEqual(hashes);
  });
});
