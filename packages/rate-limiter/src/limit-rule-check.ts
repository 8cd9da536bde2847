import type { LimitRule, LimitWindow } from '@cortex-governance/core';

/** Largest limit of a window, in admissions: a ring of this size takes 8 MB. */
export const MAX_LIMIT = 1_000_000;

/** Longest window, in milliseconds: 400 days, so that a year and its margins fit. */
export const MAX_WINDOW_MS = 400 * 24 * 60 * 60 * 1000;

/** Most windows of one rule. Every call looks at each of them. */
export const MAX_WINDOWS = 16;

/**
 * What `take` answers for a rule that breaks these bounds, in milliseconds: a day. Such a rule never
 * admits; the wait is finite, and short enough for a 32-bit timer, so that no caller retries at once.
 */
export const INVALID_RULE_WAIT_MS = 24 * 60 * 60 * 1000;

/** Whether a window can be enforced. On the request path: no allocation, no throw. */
export function isUsableWindow(window: LimitWindow | undefined): window is LimitWindow {
  return (
    window !== undefined &&
    window !== null &&
    Number.isInteger(window.limit) &&
    window.limit >= 1 &&
    window.limit <= MAX_LIMIT &&
    Number.isFinite(window.windowMs) &&
    window.windowMs >= 1 &&
    window.windowMs <= MAX_WINDOW_MS
  );
}

/**
 * Says why a rule cannot be enforced, or null when it can: `take` refuses every call under a rule for
 * which this is not null. For loaders, which should refuse such a rule before it is in force.
 */
export function findLimitRuleProblem(rule: LimitRule): string | null {
  if (typeof rule !== 'object' || rule === null) return 'rule: not an object';
  if (typeof rule.tool !== 'string' || rule.tool === '') return 'tool: not a string, or empty';
  if (typeof rule.action !== 'string' || rule.action === '')
    return 'action: not a string, or empty';
  const { windows } = rule;
  if (!Array.isArray(windows) || windows.length === 0) return 'windows: none';
  if (windows.length > MAX_WINDOWS) return `windows: more than ${MAX_WINDOWS}`;
  const bad = windows.findIndex((window) => !isUsableWindow(window));
  if (bad === -1) return null;
  return `windows.${bad}: limit must be an integer from 1 to ${MAX_LIMIT}, windowMs from 1 to ${MAX_WINDOW_MS}`;
}
