import type { Contender } from './contender.ts';
import { percentile } from './statistics.ts';

/** So many that the counters of the heap are exact enough, and that a slow peer is done in time. */
const CALLS = 4096;
const REPEATS = 3;

/** A peer that takes longer is measured on as many calls as fit, in milliseconds. */
const BUDGET_MS = 1_000;

/** Young generation that no measurement fills: a collection in between would hide what it frees. */
export const ALLOCATION_FLAGS: readonly string[] = [
  '--expose-gc',
  '--min-semi-space-size=256',
  '--max-semi-space-size=256',
];

/** Bytes of JavaScript heap that one decision takes, garbage included. */
export interface Allocation {
  readonly name: string;
  readonly bytes: number;
}

/** To be run in a process with {@link ALLOCATION_FLAGS}. */
export async function measureAllocation(contenders: readonly Contender[]): Promise<Allocation[]> {
  const found: Allocation[] = [];
  for (const contender of contenders) {
    if (contender.async) continue;
    await contender.enter?.();
    const calls = warmUp(contender);
    const bytes: number[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat += 1) {
      await contender.leave?.();
      await contender.settle?.();
      await contender.enter?.();
      collectGarbage();
      bytes.push(bytesPerCall(contender, calls));
    }
    await contender.leave?.();
    await contender.settle?.();
    found.push({ name: contender.name, bytes: percentile(bytes, 0.5) });
  }
  return found;
}

/** Runs until the code is compiled and the rings are made; says how many calls the budget allows. */
function warmUp({ decide }: Contender): number {
  const started = performance.now();
  let calls = 0;
  while (calls < CALLS && performance.now() - started < BUDGET_MS) {
    void decide(calls);
    calls += 1;
  }
  return Math.min(calls, CALLS);
}

function bytesPerCall({ decide }: Contender, calls: number): number {
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < calls; i += 1) void decide(i);
  return (process.memoryUsage().heapUsed - before) / calls;
}

function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error('start node with --expose-gc');
  globalThis.gc();
}
