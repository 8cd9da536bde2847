import {
  BUDGET_UNITS,
  LIMIT_DIMENSIONS,
  type Limit,
  type LimitRule,
} from '@cortex-governance/core';
import { limitScope } from './limit-key.ts';

/** Largest `limit` of a window and of concurrency, in calls: a ring of this size takes 8 MB. */
export const MAX_LIMIT = 1_000_000;

/** Largest `limit` and `burst` of gcra, in calls. */
export const MAX_RATE = 1_000_000_000;

/** Largest `limit` and `perCall` of a budget, in its units: sums of sixty stay exact. */
export const MAX_BUDGET = 2 ** 40;

/** Longest window, in milliseconds: 400 days, so that a year and its margins fit. */
export const MAX_WINDOW_MS = 400 * 24 * 60 * 60 * 1000;

/** Longest lease of a running call, in milliseconds: 7 days. */
export const MAX_LEASE_MS = 7 * 24 * 60 * 60 * 1000;

/** Most limits of one rule. Every call looks at each of them. */
export const MAX_LIMITS = 16;

/**
 * What `take` answers for a rule or a request that it cannot count, in milliseconds: a day. Such a call
 * is never admitted; the wait is finite, and short enough for a 32-bit timer, so that no caller retries
 * at once.
 */
export const INVALID_RULE_WAIT_MS = 24 * 60 * 60 * 1000;

/**
 * Says why a rule cannot be enforced, or null when it can: `take` refuses every call under a rule for
 * which this is not null. For loaders, which should refuse such a rule before it is in force.
 */
export function findLimitRuleProblem(rule: LimitRule): string | null {
  if (typeof rule !== 'object' || rule === null) return 'rule: not an object';
  const { tool, action, limits, shadow } = rule;
  if (typeof tool !== 'string' || tool === '') return 'tool: not a string, or empty';
  if (typeof action !== 'string' || action === '') return 'action: not a string, or empty';
  if (typeof shadow !== 'boolean') return 'shadow: not a boolean';
  if (!Array.isArray(limits) || limits.length === 0) return 'limits: none';
  if (limits.length > MAX_LIMITS) return `limits: more than ${MAX_LIMITS}`;
  const seen = new Map<string, number>();
  for (let i = 0; i < limits.length; i++) {
    const limit: Limit | undefined = limits[i];
    const problem = limitProblem(limit);
    if (limit === undefined || problem !== null) return `limits.${i}${problem ?? ': missing'}`;
    const scope = limitScope(limit, shadow);
    const twin = seen.get(scope);
    if (twin !== undefined) return `limits.${i}: counts the same as limits.${twin}`;
    seen.set(scope, i);
  }
  return null;
}

function limitProblem(limit: Limit | undefined): string | null {
  if (typeof limit !== 'object' || limit === null) return ': not an object';
  const by = dimensionsProblem(limit.by);
  if (by !== null) return by;
  switch (limit.kind) {
    case 'window':
      return wholeProblem('limit', limit.limit, MAX_LIMIT) ?? windowProblem(limit.windowMs);
    case 'gcra':
      return (
        wholeProblem('limit', limit.limit, MAX_RATE) ??
        wholeProblem('burst', limit.burst, MAX_RATE) ??
        windowProblem(limit.windowMs)
      );
    case 'concurrency':
      return (
        wholeProblem('limit', limit.limit, MAX_LIMIT) ??
        spanProblem('leaseMs', limit.leaseMs, MAX_LEASE_MS)
      );
    case 'budget':
      if (!BUDGET_UNITS.includes(limit.unit)) return `.unit: not one of ${BUDGET_UNITS.join(', ')}`;
      return (
        wholeProblem('limit', limit.limit, MAX_BUDGET) ??
        wholeProblem('perCall', limit.perCall, MAX_BUDGET) ??
        windowProblem(limit.windowMs)
      );
    default:
      return '.kind: not one of window, gcra, concurrency, budget';
  }
}

function dimensionsProblem(by: unknown): string | null {
  if (!Array.isArray(by)) return '.by: not an array';
  // A hole is no dimension either, and `some` would skip it.
  const known = Array.from(by).every((value) => LIMIT_DIMENSIONS.includes(value));
  if (!known) return `.by: not all of ${LIMIT_DIMENSIONS.join(', ')}`;
  return new Set(by).size === by.length ? null : '.by: a dimension twice';
}

function wholeProblem(name: string, value: unknown, most: number): string | null {
  const usable = Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
  return usable ? null : `.${name}: must be an integer from 1 to ${most}`;
}

function windowProblem(value: unknown): string | null {
  return spanProblem('windowMs', value, MAX_WINDOW_MS);
}

function spanProblem(name: string, value: unknown, mostMs: number): string | null {
  const usable = Number.isFinite(value) && (value as number) >= 1 && (value as number) <= mostMs;
  return usable ? null : `.${name}: must be a number from 1 to ${mostMs}`;
}
