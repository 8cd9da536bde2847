import {
  type DecisionRequest,
  type LimitRule,
  MAX_IDENTIFIER_LENGTH,
} from '@cortex-governance/core';
import { planNames } from './limit-name.ts';
import { findLimitRuleProblem } from './limit-rule-check.ts';
import type { LimitCounters, LimitStore } from './limit-store.ts';

/**
 * How long a call may wait to be settled when only budgets hold it, in milliseconds: a day. After that
 * it stands at its estimate, so that calls nobody settles cannot fill the ledger for a year.
 */
export const MAX_RESERVATION_MS = 24 * 60 * 60 * 1000;

/**
 * How long a call can be settled at least, in milliseconds: ten minutes. A call may run for longer than the
 * window of a budget; what it used above its estimate is charged all the same.
 */
export const MIN_RESERVATION_MS = 10 * 60 * 1000;

/** What the limiter works out once for each rule. Arrays are by the place of a limit in its rule. */
export interface LimitPlan {
  readonly rule: LimitRule;
  readonly counters: readonly LimitCounters[];
  /** The only counters, when there is one limit and it counts calls: the common rule, on a short way. */
  readonly sole: LimitCounters | null;
  readonly names: readonly string[];
  /** What the latest take charged, and where. */
  readonly units: Float64Array;
  readonly tokens: Float64Array;
  /** Whether calls are told apart, or remembered, by their subject. */
  readonly needsSubject: boolean;
  /** Whether a call under this rule has something to settle. */
  readonly reserves: boolean;
  /** How long such a call can be settled, in milliseconds. */
  readonly reservationMs: number;
  /** How long a call id is remembered: the longest window or lease, in milliseconds. */
  readonly callIdMs: number;
}

/** The plan of a rule, or null when the rule cannot be enforced. Throws nothing. */
export function createLimitPlan(rule: LimitRule, store: LimitStore): LimitPlan | null {
  try {
    if (findLimitRuleProblem(rule) !== null) return null;
    const { limits } = rule;
    let reservationMs = 0;
    let callIdMs = 0;
    for (const limit of limits) {
      const spanMs = limit.kind === 'concurrency' ? limit.leaseMs : limit.windowMs;
      callIdMs = Math.max(callIdMs, spanMs);
      if (limit.kind === 'concurrency') reservationMs = Math.max(reservationMs, spanMs);
      // Calls are what they are: there is nothing to settle about them.
      if (limit.kind === 'budget' && limit.unit !== 'calls') {
        const settledMs = Math.max(MIN_RESERVATION_MS, Math.min(spanMs, MAX_RESERVATION_MS));
        reservationMs = Math.max(reservationMs, settledMs);
      }
    }
    const counters = limits.map((limit) => store.open(limit, rule));
    // What every call reads comes first: one cache line.
    return {
      sole: limits.length === 1 && reservationMs === 0 ? (counters[0] ?? null) : null,
      reserves: reservationMs > 0,
      needsSubject: reservationMs > 0 || limits.some(({ by }) => by.includes('subject')),
      rule,
      counters,
      units: new Float64Array(limits.length).fill(1),
      tokens: new Float64Array(limits.length),
      names: planNames(rule),
      reservationMs,
      callIdMs,
    };
  } catch {
    // A rule whose members cannot be read is no rule.
    return null;
  }
}

/**
 * Whether the members that counters are found by can be read; those of the subject only where they are
 * needed. On the request path: no allocation, and nothing looked at without need.
 */
export function isCountable(request: DecisionRequest, plan: LimitPlan): boolean {
  if (typeof request !== 'object' || request === null) return false;
  const { tenant, subject } = request;
  if (!isIdentifier(tenant) || typeof subject !== 'object' || subject === null) return false;
  if (!plan.needsSubject && request.callId === undefined) return true;
  return isIdentifier(subject.type) && isIdentifier(subject.id);
}

/** A request's members that counters are found by: what a reservation keeps of it. */
export function callerOf(rule: LimitRule, request: DecisionRequest): DecisionRequest {
  return {
    tenant: request.tenant,
    subject: { type: request.subject.type, id: request.subject.id },
    action: { name: rule.action },
    resource: { type: 'tool', id: rule.tool },
  };
}

function isIdentifier(value: string): boolean {
  return typeof value === 'string' && value.length <= MAX_IDENTIFIER_LENGTH;
}
