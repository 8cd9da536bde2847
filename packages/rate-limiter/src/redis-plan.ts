import type {
  BudgetLimit,
  ConcurrencyLimit,
  GcraLimit,
  WindowLimit,
} from '@cortex-governance/core';
import { HOLD_MS } from './redis-cell.ts';
import { GCRA_SCRIPT } from './redis-gcra-script.ts';
import type { RedisScript } from './redis-script.ts';
import { WINDOW_SCRIPT } from './redis-window-script.ts';

/**
 * Sub-windows of a window. A lease can be used for one to two of them, and counts until they have left the
 * window: 100 / 102 of a limit can be used.
 */
const SUB_WINDOWS = 100;

/** Shortest sub-window in milliseconds: a lease must outlive the round trip that fetched it. */
const MIN_STEP_MS = 10;

/** At most this share of a limit is leased at a time, so that no process holds what others need. */
const BLOCK_SHARE = 16;

/**
 * A lease ends here when this share of its time is over: clocks of two hosts run at rates that differ by up
 * to 500 parts in a million while they are slewed.
 */
export const CLOCK_RATE_MARGIN = 1 - 1 / 1024;

/** How units of one limit are leased. */
export interface UnitPlan {
  readonly script: RedisScript;
  /** First arguments of the script. */
  readonly parameters: readonly (string | number)[];
  readonly limit: number;
  /** Most units that one take can have: the limit, and for a steady rate its burst. */
  readonly most: number;
  /** Most units that are leased ahead. */
  readonly block: number;
  readonly stepMs: number;
  readonly periodMs: number;
  readonly windowMs: number;
}

/** How permits of one limit are leased. */
export interface PermitPlan {
  readonly limit: number;
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly ttlMs: number;
  readonly block: number;
}

export function unitPlan(limit: WindowLimit | BudgetLimit | GcraLimit): UnitPlan {
  const stepMs = Math.max(MIN_STEP_MS, limit.windowMs / SUB_WINDOWS);
  const stepUs = Math.ceil(stepMs * 1000);
  const windowUs = Math.ceil(limit.windowMs * 1000);
  const most = limit.kind === 'gcra' ? limit.burst : limit.limit;
  const shared = {
    limit: limit.limit,
    most,
    block: Math.max(1, Math.floor(most / BLOCK_SHARE)),
    stepMs,
    periodMs: Math.min(stepMs, HOLD_MS),
    windowMs: limit.windowMs,
  };
  if (limit.kind === 'gcra') {
    const leaseUs = 2 * stepUs;
    const parameters = [limit.limit, leaseUs, windowUs + leaseUs, limit.burst];
    return { ...shared, script: GCRA_SCRIPT, parameters };
  }
  const span = Math.ceil(windowUs / stepUs) + 2;
  return { ...shared, script: WINDOW_SCRIPT, parameters: [limit.limit, stepUs, span, 0] };
}

export function permitPlan({ limit, leaseMs }: ConcurrencyLimit): PermitPlan {
  const renewMs = HOLD_MS;
  return {
    limit,
    leaseMs,
    renewMs,
    ttlMs: Math.ceil(renewMs + leaseMs / CLOCK_RATE_MARGIN),
    block: Math.max(1, Math.floor(limit / BLOCK_SHARE)),
  };
}
