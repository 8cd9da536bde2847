import type { BudgetUnit, Limit, LimitDimension, LimitRule } from '@cortex-governance/core';
import type { Grant } from './grant.ts';
import { EACH_ACTION, type GrantRate, type RateMembers, type WindowRates } from './grant-rate.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const SECOND_MS = 1_000;

/** Up to here calls are counted one by one; above, in sixtieths of the window, which takes less memory. */
const MOST_SINGLE_CALLS = 10_000;

/** The limits of one action of a grant, as a limiter takes them. Frozen, but for the limiter's memo. */
export function compileLimitRule(grant: Grant, action: string, rate: GrantRate): LimitRule {
  const limits = compileLimits(rate, EACH_ACTION);
  for (const further of rate.limits ?? []) limits.push(...compileLimits(further, further.by));
  return Object.freeze({
    tool: grant.tool,
    action,
    limits: Object.freeze(limits.map((limit) => Object.freeze(limit))),
    shadow: grant.mode === 'shadow',
    memo: { owner: null, plan: null },
  });
}

function compileLimits(rate: RateMembers, dimensions: readonly LimitDimension[]): Limit[] {
  const by = Object.freeze([...dimensions]);
  const limits: Limit[] = [];
  for (const [limit, windowMs] of windowsOf(rate)) {
    limits.push(callLimit(by, limit, windowMs, windowMs === MINUTE_MS ? rate.burst : undefined));
  }
  limits.push(...budgetLimits(by, 'tokens', rate.tokens), ...budgetLimits(by, 'cost', rate.cost));
  if (rate.concurrency !== undefined) {
    const { limit, leaseSeconds } = rate.concurrency;
    limits.push({ kind: 'concurrency', by, limit, leaseMs: leaseSeconds * SECOND_MS });
  }
  return limits;
}

function callLimit(
  by: readonly LimitDimension[],
  limit: number,
  windowMs: number,
  burst: number | undefined,
): Limit {
  if (burst !== undefined) return { kind: 'gcra', by, limit, windowMs, burst };
  if (limit <= MOST_SINGLE_CALLS) return { kind: 'window', by, limit, windowMs };
  return { kind: 'budget', by, unit: 'calls', limit, windowMs, perCall: 1 };
}

function budgetLimits(
  by: readonly LimitDimension[],
  unit: BudgetUnit,
  rate: RateMembers['tokens'],
): Limit[] {
  if (rate === undefined) return [];
  const { perCall } = rate;
  return windowsOf(rate).map(([limit, windowMs]) => ({
    kind: 'budget',
    by,
    unit,
    limit,
    windowMs,
    perCall,
  }));
}

function windowsOf(rate: WindowRates): readonly (readonly [limit: number, windowMs: number])[] {
  const windows: (readonly [number, number])[] = [];
  if (rate.perMinute !== undefined) windows.push([rate.perMinute, MINUTE_MS]);
  if (rate.perHour !== undefined) windows.push([rate.perHour, HOUR_MS]);
  if (rate.perDay !== undefined) windows.push([rate.perDay, DAY_MS]);
  return windows;
}
