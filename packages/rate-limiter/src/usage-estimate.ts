import type { BudgetLimit, DecisionRequest } from '@cortex-governance/core';

/** Most units of one call: beyond it whole numbers are no longer exact. */
export const MAX_UNITS = 2 ** 52;

/** Most members looked at in one request: core bounds attributes below this; nothing else is believed. */
const MAX_MEMBERS = 20_000;

/** Longest text that is read as a number. */
const MAX_DIGITS = 64;

/** How deep caps are looked for: deeper than core lets attributes be. */
const MAX_DEPTH = 40;

/**
 * Names of token caps in the APIs of model providers, in lower case and without other characters:
 * max_tokens, max_completion_tokens, maxOutputTokens, max_new_tokens, max_tokens_to_sample,
 * maxTokenCount, max_gen_len, max_length, output_token_limit, budget_tokens, num_predict, n_predict …
 */
const CAP_NAME =
  /^(?:max.*tokens?.*|.*tokens?(?:limit|budget|cap|max)|(?:limit|num|n|budget)tokens?|max(?:gen|output|new|completion)?(?:len|length)|n(?:um)?predict)$/;

/**
 * Names of caps on what is written, exactly as servers read them: these alone bound a call. Another name
 * can raise what is reserved and not lower it, since a server that does not know it answers without a cap.
 */
const BOUNDING_NAMES: ReadonlySet<string> = new Set([
  ...['max_tokens', 'max_completion_tokens', 'max_output_tokens', 'max_tokens_to_sample'],
  ...['max_new_tokens', 'num_predict', 'maxTokens', 'maxOutputTokens'],
]);

/** Members of a call in which servers look for such a cap, besides the call itself. */
const BOUNDING_PLACES: ReadonlySet<string> = new Set([
  ...['generationConfig', 'generation_config', 'inferenceConfig', 'parameters', 'options'],
]);

/** Names of how many answers are wanted at once; each may use the whole cap. */
const CHOICES_NAME =
  /^(?:n|bestof|num(?:returnsequences|results|choices|generations|samples)|candidatecount|numberofresults)$/;

/** What a walk through a request's members found. */
interface Found {
  /** The largest cap that bounds a call; 0 without one. */
  bound: number;
  /** The largest cap of all; 0 without one. */
  largest: number;
  /** Whether there is any cap, and whether one of them is no amount. */
  capped: boolean;
  odd: boolean;
  choices: number;
  members: number;
}

/**
 * What a call may use, so that this much is reserved: the largest of every token cap in the call's
 * arguments and of the enforcer's own estimate, never the smallest. It is below `perCall` only where the
 * enforcer estimates the call, or the call has a cap that servers go by (`max_tokens` and its like, a
 * whole number above 0): a cap of another name, in another place or of another type can only raise it.
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
  /** The largest of all token caps, those included that are text; 0 without one. */
  readonly largest: number;
  /** Whether it holds: there is a cap, every cap is an amount, and all of the body could be looked at. */
  readonly bounded: boolean;
  /** How many answers are wanted, each of which may use the whole cap; at least 1. */
  readonly choices: number;
}

/** The largest token cap anywhere in a request's body, of whichever API; throws nothing. */
export function findTokenCap(body: unknown): TokenCap {
  const found = nothingFound();
  try {
    collect(body, true, found, 0);
  } catch {
    found.odd = true;
  }
  return {
    largest: wholeUnits(found.largest),
    bounded: found.capped && !found.odd && found.members <= MAX_MEMBERS,
    choices: wholeUnits(found.choices),
  };
}

function costUnits(cost: unknown, perCall: number): number {
  return isAmount(cost) ? wholeUnits(cost) : perCall;
}

function tokenUnits(perCall: number, request: DecisionRequest, estimate: unknown): number {
  const found = nothingFound();
  collect(request.action.properties, true, found, 0);
  collect(memberOf(estimate, 'caps'), true, found, 0);
  const tokens = memberOf(estimate, 'tokens');
  // What could not be looked at, and a cap that is no amount, may be as large as any.
  const open = found.odd || found.members > MAX_MEMBERS;
  const cap = open ? Math.max(found.largest, perCall) : found.largest;
  if (isAmount(tokens)) return Math.max(wholeUnits(tokens), wholeUnits(cap * found.choices));
  const bounded = found.bound > 0 && tokens === undefined;
  return wholeUnits(Math.max(cap, bounded ? found.bound : perCall) * found.choices);
}

function nothingFound(): Found {
  return { bound: 0, largest: 0, capped: false, odd: false, choices: 1, members: 0 };
}

/** @param bounds whether a cap among these members bounds the call. */
function collect(value: unknown, bounds: boolean, found: Found, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) {
    found.members = MAX_MEMBERS + 1;
    return;
  }
  // No list of entries: one of a large body would take a hundred times its size.
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && ++found.members <= MAX_MEMBERS; i++) {
      collect(value[i], false, found, depth + 1);
    }
    return;
  }
  const members = value as Readonly<Record<string, unknown>>;
  for (const name in members) {
    if (!Object.hasOwn(members, name)) continue;
    if (++found.members > MAX_MEMBERS) return;
    const member = members[name];
    consider(name, member, bounds, found);
    collect(member, depth === 0 && bounds && BOUNDING_PLACES.has(name), found, depth + 1);
  }
}

function consider(name: string, member: unknown, bounds: boolean, found: Found): void {
  // Long names are no parameter of any API, and would cost time.
  if (name.length > 64) return;
  const plain = name.toLowerCase().replace(/[^a-z]/g, '');
  if (CAP_NAME.test(plain)) considerCap(name, member, bounds, found);
  else if (CHOICES_NAME.test(plain)) found.choices = Math.max(found.choices, amountIn(member));
}

function considerCap(name: string, member: unknown, bounds: boolean, found: Found): void {
  found.capped = true;
  if (!isAmount(member)) found.odd = true;
  found.largest = Math.max(found.largest, amountIn(member));
  // Zero is no bound: to some servers it means as much as there is room for.
  const holds = bounds && Number.isInteger(member) && BOUNDING_NAMES.has(name);
  if (holds) found.bound = Math.max(found.bound, member as number);
}

/** The amount that a number is, or that text is to a server which converts it; else 0. */
function amountIn(member: unknown): number {
  if (isAmount(member)) return member;
  if (typeof member !== 'string' || member.length > MAX_DIGITS) return 0;
  const amount = Number(member);
  return isAmount(amount) ? amount : 0;
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
