import { setFlagsFromString } from 'node:v8';
import { MAX_GRANT_FILES } from '@cortex-governance/grant-loader';
import { measureAllocation } from './allocation.ts';
import { checkAnswers } from './answer-check.ts';
import { prepareCasbin } from './casbin-contender.ts';
import { prepareCedar } from './cedar-contender.ts';
import type { Lineup, Preparation } from './contender.ts';
import { ALLOWED } from './contender-names.ts';
import type { AllocationResults, TimeResults } from './decision-results.ts';
import { prepareFloor } from './floor.ts';
import { prepareGovernor } from './governor-contenders.ts';
import { timeInterleaved } from './interleaved-timer.ts';
import { prepareOpa } from './opa-contender.ts';
import { timeSingleCalls } from './single-call.ts';
import { measureThroughput } from './throughput.ts';
import { createWorkload, type Workload } from './workload.ts';

/*
 * One size in a process of its own, started by measure-sizes.ts: `measure.ts <time|allocation> <size> <rounds>`.
 * A process that has seen another size has other code, other caches and another heap.
 */

const PREPARATIONS: readonly Preparation[] = [
  prepareFloor,
  prepareGovernor,
  prepareOpa,
  prepareCedar,
  prepareCasbin,
];

/** Most time for one contender at one size, in milliseconds. */
const BUDGET_MS = 2_500;

async function prepare(workload: Workload): Promise<Lineup> {
  const lineups: Lineup[] = [];
  for (const preparation of PREPARATIONS) lineups.push(await preparation(workload));
  return {
    contenders: lineups.flatMap(({ contenders }) => contenders),
    skipped: lineups.flatMap(({ skipped }) => skipped ?? []),
    close: async () => {
      for (const { close } of lineups) await close?.();
    },
  };
}

async function measureTime(
  workload: Workload,
  { contenders, skipped = [] }: Lineup,
  rounds: number,
): Promise<TimeResults> {
  const timings = await timeInterleaved(contenders, { rounds, budgetMs: BUDGET_MS });
  const decider = contenders.find(({ name }) => name === ALLOWED);
  if (decider === undefined) throw new Error(`no contender is named ${ALLOWED}`);
  const single = await timeSingleCalls(decider);
  const throughput = await measureThroughput(workload);
  const { size, grants, tenants } = workload;
  const counts = { size, grants: grants.length, tenants: tenants.length };
  return { kind: 'time', ...counts, timings, single, throughput, skipped };
}

async function measure(
  what: string,
  rounds: number,
  workload: Workload,
  lineup: Lineup,
): Promise<TimeResults | AllocationResults> {
  if (what === 'time') return measureTime(workload, lineup, rounds);
  const allocations = await measureAllocation(lineup.contenders);
  return { kind: 'allocation', size: workload.size, allocations };
}

// The compiler of Node 20 inlines calls of wasm, and ends the process when cedar-wasm's are deoptimized.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--no-turbo-inline-js-wasm-calls');

const [kind = '', size = '', rounds = ''] = process.argv.slice(2);
// One grant of the folder is the one with the tight limit.
const workload = createWorkload(Number(size), MAX_GRANT_FILES - 1);
const lineup = await prepare(workload);
try {
  await checkAnswers(lineup.contenders, workload);
  const results = await measure(kind, Number(rounds), workload, lineup);
  process.send?.(results);
} finally {
  await lineup.close?.();
  process.disconnect?.();
}
