import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DecisionRequest, toolCall, type VerdictCode } from '@cortex-governance/core';
import { Bench } from 'tinybench';
import { createGovernor, type Governor } from '../src/index.ts';

/** Goal of the issue that began this suite: the median of `decide`, in nanoseconds. */
const DECIDE_GOAL_NS = 1_000;

const CONFIG = `
grants: { watch: false }
killSwitch: { watch: false }
evidence: { whenFull: gap }
log: { level: silent }
`;

const GRANT = {
  tool: 'git-map',
  actions: ['tree', 'snippet', 'search'],
  args: { repo: { type: 'string' }, path: { type: 'string' } },
  fsScope: ['packages', 'docs'],
  rate: { perMinute: 1_000_000 },
};

async function createWorkspace(): Promise<string> {
  const workspace = await mkdtemp(join(tmpdir(), 'bench-decide-'));
  const tools = join(workspace, '.cortex', 'policy', 'tools');
  await mkdir(tools, { recursive: true });
  await writeFile(join(tools, 'git.json'), JSON.stringify(GRANT));
  const tight = { ...GRANT, tool: 'tight', rate: { perMinute: 1 } };
  await writeFile(join(tools, 'tight.json'), JSON.stringify(tight));
  await writeFile(join(workspace, '.cortex', 'governance.yaml'), CONFIG);
  await mkdir(join(workspace, 'docs'));
  await writeFile(join(workspace, 'docs', 'a.md'), '');
  return workspace;
}

function call(
  change: Partial<{ tenant: string; tool: string; action: string; path: string }> = {},
): DecisionRequest {
  const { tenant = 'default', tool = 'git-map', action = 'tree', path = 'docs/a.md' } = change;
  return toolCall({ tenant, agent: 'a1', tool, action, args: { path } });
}

const CASES: readonly {
  readonly name: string;
  readonly request: DecisionRequest;
  readonly code: VerdictCode;
}[] = [
  { name: 'decide, allowed', request: call(), code: 'ALLOWED' },
  { name: 'decide, denied: tenant', request: call({ tenant: 'other' }), code: 'TENANT_UNKNOWN' },
  { name: 'decide, denied: tool', request: call({ tool: 'nope' }), code: 'TOOL_UNKNOWN' },
  { name: 'decide, denied: action', request: call({ action: 'push' }), code: 'ACTION_NOT_ALLOWED' },
  { name: 'decide, denied: scope', request: call({ path: '../x' }), code: 'PATH_OUT_OF_SCOPE' },
  { name: 'decide, denied: limit', request: call({ tool: 'tight' }), code: 'RATE_LIMITED' },
];

function checkAnswers(governor: Governor): void {
  governor.decide(call({ tool: 'tight' }));
  for (const { name, request, code } of CASES) {
    const verdict = governor.decide(request);
    if (verdict.code !== code) throw new Error(`${name}: ${verdict.code} instead of ${code}`);
  }
}

const workspace = await createWorkspace();
const governor = await createGovernor({ root: join(workspace, '.cortex'), name: 'bench' });
checkAnswers(governor);

/** Decisions per sample: the timer costs more than a tenth of one decision. */
const BLOCK = 200;

// Evidence is on, and is written between samples, so that a full queue is never what is measured.
const beforeEach = async (): Promise<void> => {
  if (governor.evidence.status().queuedRecords > 40_000) await governor.evidence.flush();
};

const bench = new Bench({ time: 400, warmupTime: 100 });
for (const { name, request } of CASES) {
  const block = (): void => {
    for (let i = 0; i < BLOCK; i += 1) governor.decide(request);
  };
  bench.add(name, block, { beforeEach });
}
const allowed = call();
const evaluations = async (): Promise<void> => {
  for (let i = 0; i < BLOCK; i += 1) await governor.evaluate(allowed, { durability: 'accepted' });
};
bench.add('evaluate, accepted', evaluations, { beforeEach });
const recorded = async (): Promise<void> => {
  for (let i = 0; i < BLOCK; i += 1) await governor.evaluate(allowed, { durability: 'os' });
};
bench.add('evaluate, recorded (os)', recorded, { beforeEach });
await bench.run();

const nanoseconds = (milliseconds: number): string => ((milliseconds * 1e6) / BLOCK).toFixed(0);
for (const { name, result } of bench.tasks) {
  if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`);
  const { p50, p99 } = result.latency;
  const goal = name.startsWith('decide') ? ` (goal: p50 at most ${DECIDE_GOAL_NS} ns)` : '';
  process.stdout.write(
    `${name.padEnd(26)} p50 ${nanoseconds(p50)} ns, p99 ${nanoseconds(p99)} ns${goal}\n`,
  );
}
const dropped = Object.values(governor.evidence.status().drops).reduce(
  (sum, count) => sum + count,
  0,
);
if (dropped > 0)
  throw new Error(`${dropped} records were dropped: the figures above are not of the whole path`);

await governor.close();
await rm(workspace, { recursive: true, force: true });
