import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ALLOCATION_FLAGS } from './allocation.ts';
import type { AllocationResults, SizeResults, TimeResults } from './decision-results.ts';

const MEASURE = fileURLToPath(new URL('./measure.ts', import.meta.url));

/** Measures each size in processes of its own, one after the other. */
export async function measureSizes(
  sizes: readonly number[],
  rounds: number,
): Promise<readonly SizeResults[]> {
  const results: SizeResults[] = [];
  for (const size of sizes) {
    process.stderr.write(`${size} grants and tenants: times\n`);
    const time = await run<TimeResults>('time', size, rounds, []);
    process.stderr.write(`${size} grants and tenants: allocation\n`);
    const allocation = await run<AllocationResults>('allocation', size, rounds, ALLOCATION_FLAGS);
    results.push({ time, allocation });
  }
  return results;
}

function run<T>(kind: string, size: number, rounds: number, flags: readonly string[]): Promise<T> {
  return new Promise((resolve, reject) => {
    let results: T | undefined;
    const child = fork(MEASURE, [kind, String(size), String(rounds)], {
      execArgv: [...process.execArgv, ...flags],
    });
    child.on('message', (message) => {
      results = message as T;
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0 && results !== undefined) resolve(results);
      else reject(new Error(`measuring ${kind} at ${size} ended with ${code} and no results`));
    });
  });
}
