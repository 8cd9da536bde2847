import type { DecisionRequest, LimitRule } from '@cortex-governance/core';
import type { SharedLimiterMemory } from '../../src/index.ts';

/** What a worker is told. Times are virtual: all workers read them from one place. */
export interface Orders {
  readonly memory: SharedLimiterMemory;
  /** Words of 32 bits, by the constants below. */
  readonly control: SharedArrayBuffer;
  readonly worker: number;
  readonly workers: number;
  readonly rule: LimitRule;
  readonly tenants: number;
  /** Phases of one time each, all workers together; or, when 0, time runs freely until {@link untilMs}. */
  readonly phases: number;
  readonly stepMs: number;
  readonly untilMs: number;
  readonly calls: number;
  /** What becomes of an admitted call. */
  readonly outcome: 'leave' | 'settle' | 'cancel';
}

/** What a worker did: times and tenants of what was admitted. */
export interface Deeds {
  readonly times: readonly number[];
  readonly tenants: readonly number[];
  readonly retries: number;
  readonly evictions: number;
  readonly refusedFull: number;
}

export const PHASE = 0;
export const ARRIVED = 1;
export const TIME = 2;
export const RUNNING = 3;
export const MOST_RUNNING = 4;

export function requestOf(tenant: number): DecisionRequest {
  return {
    tenant: `tenant-${tenant}`,
    subject: { type: 'agent', id: 'a' },
    action: { name: 'read' },
    resource: { type: 'tool', id: 'files' },
  };
}
