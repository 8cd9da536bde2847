import type { BudgetLimit, DecisionRequest } from '@cortex-governance/core';

/** Most units of one call: beyond it whole numbers are no longer exact. */
export const MAX_UNITS = 2 ** 52;

/** Most members looked at in one request: core bounds attributes below this; nothing else is believed. */
const MAX_MEMBERS = 20_000;

/** How deep caps are looked for: deeper than core lets attributes be. */
const MAX_DEPTH = 40;

/**
 * Names of token caps in the APIs of model providers, in lower case and without other characters:
 * max_tokens, max_completion_tokens, maxOutputTokens, max_new_tokens, max_tokens_to_sample,
 * maxTokenCount, max_gen_len, max_length, output_token_limit, budget_tokens, num_predict, n_predict …
 */
const CAP_NAME =
  /^(?:max.*tokens?.*|.*tokens?(?:limit|budget|cap|max)|(?:limit|num|n|budget)tokens?|max(?:gen|output|new|completion)?(?:len|length)|n(?:um)?predict)$/;

/** Names of how many answers are wanted at once; each may use the whole cap. */
const CHOICES_NAME =
  /^(?:n|bestof|num(?:returnsequences|results|choices|generations|samples)|candidatecount|numberofresults)$/;

/** What a walk through a request's members found. */
interface Found {
  /** -1 until there is one. */
  cap: number;
  choices: number;
  members: number;
}

/**
 * What a call may use, so that this much is reserved: the largest of every token cap in the call's
 * arguments and of the enforcer's own estimate, never the smallest. Without either, `perCall`.
 *
 * A whole number from 0 to {@link MAX_UNITS}; throws nothing.
 */
export function estimateUnits(limit: BudgetLimit, request: DecisionRequest): number {
  if (limit.unit === 'calls') return 1;
  try {
    const estimate = memberOf(request.context, 'estimate');
    if (limit.unit === 'cost') return costUnits(memberOf(estimate, 'cost'), limit.perCall);
    return tokenUnits(limit.perCall, request, estimate);
  } catch {
    return limit.perCall;
  }
}

/** What a request's body says of how much its answer may be. */
export interface TokenCap {
  /** The largest of all token caps that are amounts; 0 without one. */
  readonly largest: number;
  /** Whether it holds: there is a cap, every cap is an amount, and all of the body could be looked at. */
  readonly bounded: boolean;
  /** How many answers are wanted, each of which may use the whole cap; at least 1. */
  readonly choices: number;
}

/** The largest token cap anywhere in a request's body, of whichever API; throws nothing. */
export function findTokenCap(body: unknown): TokenCap {
  const amounts: Found = { cap: -1, choices: 1, members: 0 };
  const all: Found = { cap: -1, choices: 1, members: 0 };
  try {
    collect(body, -1, amounts, 0);
    collect(body, Number.POSITIVE_INFINITY, all, 0);
  } catch {
    all.cap = -1;
  }
  const bounded = all.cap >= 0 && Number.isFinite(all.cap) && all.members <= MAX_MEMBERS;
  return {
    largest: wholeUnits(Math.max(0, amounts.cap)),
    bounded,
    choices: wholeUnits(amounts.choices),
  };
}

function costUnits(cost: unknown, perCall: number): number {
  return isAmount(cost) ? wholeUnits(cost) : perCall;
}

function tokenUnits(perCall: number, request: DecisionRequest, estimate: unknown): number {
  const found: Found = { cap: -1, choices: 1, members: 0 };
  collect(request.action.properties, perCall, found, 0);
  collect(memberOf(estimate, 'caps'), perCall, found, 0);
  // What could not be looked at may hold any cap.
  if (found.members > MAX_MEMBERS) found.cap = Math.max(found.cap, perCall);
  const tokens = memberOf(estimate, 'tokens');
  const capped = found.cap < 0 ? 0 : wholeUnits(found.cap * found.choices);
  if (isAmount(tokens)) return Math.max(wholeUnits(tokens), capped);
  if (tokens !== undefined) return Math.max(perCall, capped);
  return found.cap < 0 ? wholeUnits(perCall * found.choices) : capped;
}

function collect(value: unknown, perCall: number, found: Found, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) {
    found.members = MAX_MEMBERS + 1;
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    found.members += 1;
    if (found.members > MAX_MEMBERS) return;
    if (!Array.isArray(value)) consider(name, member, perCall, found);
    collect(member, perCall, found, depth + 1);
  }
}

function consider(name: string, member: unknown, perCall: number, found: Found): void {
  // Long names are no parameter of any API, and would cost time.
  if (name.length > 64) return;
  const plain = name.toLowerCase().replace(/[^a-z]/g, '');
  if (CAP_NAME.test(plain)) found.cap = Math.max(found.cap, isAmount(member) ? member : perCall);
  else if (CHOICES_NAME.test(plain) && isAmount(member)) {
    found.choices = Math.max(found.choices, member);
  }
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function wholeUnits(amount: number): number {
  return Math.min(Math.ceil(amount), MAX_UNITS);
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
