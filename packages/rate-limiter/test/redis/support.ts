import type { DecisionRequest, Limit, LimitRule, RateLimiter } from '@cortex-governance/core';
import { systemClock } from '@cortex-governance/core';

/** The rule of one action with these limits. */
export function ruleOf(...limits: readonly Limit[]): LimitRule {
  return { tool: 'files', action: 'read', limits, shadow: false };
}

export function windowOf(limit: number, windowMs: number): Limit {
  return { kind: 'window', limit, windowMs, by: ['tenant'] };
}

export function gcraOf(limit: number, windowMs: number, burst: number): Limit {
  return { kind: 'gcra', limit, windowMs, burst, by: ['tenant'] };
}

export function tokensOf(limit: number, windowMs: number, perCall = 1): Limit {
  return { kind: 'budget', unit: 'tokens', limit, windowMs, perCall, by: ['tenant'] };
}

export function concurrencyOf(limit: number, leaseMs: number): Limit {
  return { kind: 'concurrency', limit, leaseMs, by: ['tenant'] };
}

export function requestOf(tenant: string, tokens?: number): DecisionRequest {
  return {
    tenant,
    subject: { type: 'agent', id: 'a' },
    action: { name: 'read' },
    resource: { type: 'tool', id: 'files' },
    ...(tokens === undefined ? {} : { context: { estimate: { tokens } } }),
  };
}

let ids = 0;

/** An id that no other call has. */
export function nextId(): string {
  ids += 1;
  return `call-${process.pid}-${ids}`;
}

/** One call as every placement makes it: prepared, then taken. */
export async function call(
  limiter: RateLimiter,
  rule: LimitRule,
  request: DecisionRequest,
  id: string = nextId(),
): Promise<number> {
  await limiter.prepare?.(rule, request);
  return limiter.take(rule, request, id, systemClock.monotonicMs());
}

/** Calls until one is refused by the limit, and gives the number of those that were admitted. */
export async function drain(
  limiter: RateLimiter,
  rule: LimitRule,
  request: DecisionRequest,
  most = 10_000,
): Promise<number> {
  let admitted = 0;
  while (admitted < most && (await call(limiter, rule, request)) === 0) admitted += 1;
  return admitted;
}

/** An admission: when, on the clock that all processes of a host share, and how many units. */
export interface Admission {
  readonly atNs: bigint;
  readonly units: number;
}

/**
 * Most units in any stretch of `windowMs`. Times are those of CLOCK_MONOTONIC, which runs at the rate of
 * the clock that redis reads on the same host.
 */
export function mostInAnyWindow(history: readonly Admission[], windowMs: number): number {
  const sorted = [...history].sort((a, b) => (a.atNs < b.atNs ? -1 : 1));
  const windowNs = BigInt(Math.round(windowMs * 1_000_000));
  let first = 0;
  let units = 0;
  let most = 0;
  for (const { atNs, units: more } of sorted) {
    units += more;
    let oldest = sorted[first];
    while (oldest !== undefined && atNs - oldest.atNs >= windowNs) {
      units -= oldest.units;
      first += 1;
      oldest = sorted[first];
    }
    most = Math.max(most, units);
  }
  return most;
}

/**
 * The part of a limit that was used: how many windows it took until the units of `windows` windows were
 * used and the next one was. The first window was empty, so an exact limiter gets 1.
 */
export function usedPart(
  history: readonly Admission[],
  limit: number,
  windowMs: number,
  windows: number,
): number {
  const sorted = [...history].sort((a, b) => (a.atNs < b.atNs ? -1 : 1));
  const startNs = sorted[0]?.atNs ?? 0n;
  let units = 0;
  for (const admission of sorted) {
    units += admission.units;
    if (units <= windows * limit) continue;
    return (windows * windowMs) / (Number(admission.atNs - startNs) / 1_000_000);
  }
  return 0;
}
