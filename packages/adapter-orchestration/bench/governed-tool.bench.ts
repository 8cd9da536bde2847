import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, toolCall } from '@cortex-governance/core';
import { createGovernor, type Governor } from '@cortex-governance/governor';
import { Bench } from 'tinybench';
import { governTool } from '../src/index.ts';

/*
 * What wrapping a tool costs beside the decision itself: `authorize` alone, and a governed tool that
 * does nothing, on one workspace in one run. Evidence is `accepted`, so that the disk is not measured.
 */

/** Most microseconds (median) that the wrapper may add to `authorize`. */
const GOAL_ADDED_US = 20;

const CONFIG = `version: 1
grants: { watch: false }
killSwitch: { watch: false }
evidence: { durability: accepted, whenFull: gap }
`;
const GRANT = {
  tool: 'open',
  actions: ['run'],
  args: { text: { type: 'string' } },
  rate: { perMinute: 1_000_000 },
};
const WHO = { tenant: 'default', agent: 'bench', tool: 'open', action: 'run' } as const;

async function openGovernor(folder: string): Promise<Governor> {
  const root = join(folder, '.cortex');
  await mkdir(join(root, 'policy', 'tools'), { recursive: true });
  await writeFile(join(root, 'governance.yaml'), CONFIG);
  await writeFile(join(root, 'policy', 'tools', 'open.json'), JSON.stringify(GRANT));
  return createGovernor({ root, logger: silentLogger });
}

async function run(governor: Governor): Promise<void> {
  const args = { text: 'hello' };
  const governed = governTool(governor, WHO, (given: typeof args) => given.text);
  const request = toolCall({ ...WHO, args });
  if ((await governed(args)) !== 'hello') throw new Error('wrong answer: the tool');
  const { verdict } = await governor.authorize(request);
  if (verdict.code !== 'ALLOWED') throw new Error(`wrong answer: ${verdict.code}`);

  const bench = new Bench({ time: 2000, warmupTime: 500 });
  bench.add('authorize', async () => void (await governor.authorize(request)));
  bench.add('governed tool', async () => void (await governed(args)));
  await bench.run();
  const medians = bench.tasks.map(({ name, result }) => {
    if (!('latency' in result)) throw new Error(`${name}: ${result.state}`);
    const { p50, p99 } = result.latency;
    print(`${name}: p50 ${micro(p50)} µs, p99 ${micro(p99)} µs`);
    return p50;
  });
  const added = (medians[1] ?? 0) - (medians[0] ?? 0);
  print(`added by the wrapper (p50): ${micro(added)} µs; goal <= ${GOAL_ADDED_US} µs`);
  if ((await governed(args)) !== 'hello') throw new Error('wrong answer: limited during the run');
}

function micro(ms: number): string {
  return (ms * 1000).toFixed(1);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const folder = await mkdtemp(join(tmpdir(), 'bench-tool-'));
const governor = await openGovernor(folder);
try {
  await run(governor);
} finally {
  await governor.close();
  await rm(folder, { recursive: true, force: true });
}
