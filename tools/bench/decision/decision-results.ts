import type { Allocation } from './allocation.ts';
import type { Timing } from './interleaved-timer.ts';
import type { SingleCalls } from './single-call.ts';
import type { Throughput } from './throughput.ts';

/** What one process measured at one size, with Node's own flags. */
export interface TimeResults {
  readonly kind: 'time';
  readonly size: number;
  readonly grants: number;
  readonly tenants: number;
  readonly timings: readonly Timing[];
  readonly single: SingleCalls;
  readonly throughput: Throughput;
  readonly skipped: readonly string[];
}

/** What one process measured at one size, with a young generation that is never collected. */
export interface AllocationResults {
  readonly kind: 'allocation';
  readonly size: number;
  readonly allocations: readonly Allocation[];
}

/** All that was measured at one size. */
export interface SizeResults {
  readonly time: TimeResults;
  readonly allocation: AllocationResults;
}
