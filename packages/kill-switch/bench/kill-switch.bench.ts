import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KILL_BITS } from '@cortex-governance/core';
import { Bench } from 'tinybench';
import { createKillSwitch, type FileKillSwitch } from '../src/index.ts';

/*
 * Nanoseconds per read (one iteration is a batch of reads; the figures are per read), and milliseconds
 * until a stop is durable. What a disk promises with fsync is the disk's matter: on a virtual one the
 * durable figures say little.
 */

const BATCH = 10_000;
const ENTRIES = 1000;
const DURABLE_RUNS = 200;

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`wrong answer: ${what}`);
}

async function fill(killSwitch: FileKillSwitch): Promise<void> {
  const orders = Array.from({ length: ENTRIES }, (_, i) => {
    const names = [
      { scope: 'agent', agent: `agent-${i}` },
      { scope: 'tool', tool: `tool-${i}`, tenant: `tenant-${i}` },
      { scope: 'action', tool: `tool-${i}`, action: 'run' },
    ] as const;
    return { ...(names[i % 3] ?? names[0]), actor: 'bench', reason: 'bench' };
  });
  await Promise.all(orders.map((order) => killSwitch.engage(order)));
}

function checkAnswers(full: FileKillSwitch, empty: FileKillSwitch): void {
  check(empty.engaged() === 0, 'nothing is stopped');
  check(full.engaged() === (KILL_BITS.agent | KILL_BITS.tool | KILL_BITS.action), 'three scopes');
  check(full.status().entries.length === ENTRIES, 'all entries are in force');
  check(full.find('t', 'agent-0', 'x', 'y')?.scope === 'agent', 'an agent is found');
  check(full.find('tenant-1', 'a', 'tool-1', 'y')?.scope === 'tool', 'a tool is found');
  check(full.find('tenant-0', 'a', 'tool-1', 'y') === null, 'a tool of another tenant is not');
  check(full.find('t', 'a', 'tool-2', 'run')?.scope === 'action', 'an action is found');
  check(full.find('t', 'a', 'tool-2', 'walk') === null, 'another action is not');
}

function percentile(sorted: readonly number[], share: number): string {
  return (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(2);
}

async function timeDurable(killSwitch: FileKillSwitch, together: number): Promise<object> {
  const took: number[] = [];
  const actor = { actor: 'bench', reason: 'bench' };
  for (let run = 0; run < DURABLE_RUNS / together; run++) {
    const agents = Array.from({ length: together }, (_, i) => `durable-${i}`);
    const start = performance.now();
    await Promise.all(
      agents.map((agent) => killSwitch.engage({ scope: 'agent', agent, ...actor })),
    );
    took.push(performance.now() - start);
    for (const agent of agents) await killSwitch.release({ scope: 'agent', agent, ...actor });
  }
  took.sort((a, b) => a - b);
  const name = `engage, durable, ${together} together`;
  return { name, 'p50 ms': percentile(took, 0.5), 'p99 ms': percentile(took, 0.99) };
}

const folder = await mkdtemp(join(tmpdir(), 'kill-switch-bench-'));
const other = await mkdtemp(join(tmpdir(), 'kill-switch-bench-'));
const full = await createKillSwitch({ root: folder });
const empty = await createKillSwitch({ root: other });
try {
  await fill(full);
  checkAnswers(full, empty);
  let sink = 0;
  const bench = new Bench({ time: 500, warmupTime: 200 });
  bench.add('engaged(), nothing stopped | 20', () => {
    for (let i = 0; i < BATCH; i++) sink += empty.engaged();
  });
  bench.add(`engaged(), ${ENTRIES} entries | 20`, () => {
    for (let i = 0; i < BATCH; i++) sink += full.engaged();
  });
  const agents = Array.from({ length: 1024 }, (_, i) => `agent-${i * 3}`);
  bench.add(`find(), ${ENTRIES} entries, a hit | 200`, () => {
    for (let i = 0; i < BATCH; i++) {
      if (full.find('t', agents[i & 255] ?? '', 'x', 'y') !== null) sink += 1;
    }
  });
  bench.add(`find(), ${ENTRIES} entries, a miss | 200`, () => {
    for (let i = 0; i < BATCH; i++) {
      if (full.find('t', 'a', agents[i & 1023] ?? '', 'y') !== null) sink += 1;
    }
  });
  await bench.run();
  check(sink > 0, 'the reads were done');
  console.table(
    bench.tasks.map(({ name, result }) => {
      if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`);
      const perRead = (ms: number): string => ((ms * 1e6) / BATCH).toFixed(1);
      const [what = '', goal = ''] = name.split(' | ');
      return {
        name: what,
        'p50 ns': perRead(result.latency.p50),
        'p99 ns': perRead(result.latency.p99),
        goal: `<= ${goal}`,
      };
    }),
  );
  console.table([await timeDurable(empty, 1), await timeDurable(empty, 50)]);
} finally {
  await Promise.all([full.close(), empty.close()]);
  await rm(folder, { recursive: true });
  await rm(other, { recursive: true });
}
