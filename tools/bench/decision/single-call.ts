import type { Contender } from './contender.ts';
import { percentile } from './statistics.ts';

const CALLS = 100_000;
const CALLS_PER_TURN = 5_000;

/** Nanoseconds of single calls, each timed by itself; the timer's own cost is taken off. */
export interface SingleCalls {
  readonly name: string;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Median of two clock reads with nothing between: what was taken off. */
  readonly timerNs: number;
  readonly calls: number;
}

/** Blocks hide the slow call among the fast; this shows it, collections of garbage included. */
export async function timeSingleCalls(contender: Contender): Promise<SingleCalls> {
  const samples: number[] = [];
  const timer: number[] = [];
  for (let i = 0; i < CALLS; i += 1) {
    if (i % CALLS_PER_TURN === 0) await settle(contender);
    const before = process.hrtime();
    void contender.decide(i);
    samples.push(nanoseconds(process.hrtime(before)));
    const empty = process.hrtime();
    timer.push(nanoseconds(process.hrtime(empty)));
  }
  await settle(contender);
  const timerNs = percentile(timer, 0.5);
  const at = (share: number): number => Math.max(percentile(samples, share) - timerNs, 0);
  const { name } = contender;
  return { name, p50: at(0.5), p99: at(0.99), p999: at(0.999), timerNs, calls: CALLS };
}

async function settle({ leave, settle: flush }: Contender): Promise<void> {
  await leave?.();
  await flush?.();
}

function nanoseconds([seconds, rest]: readonly [number, number]): number {
  return seconds * 1e9 + rest;
}
