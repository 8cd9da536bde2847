import type { BudgetLimit, GcraLimit, Limit, LimitRule } from '@cortex-governance/core';

/** A call under a budget can be settled for at least ten minutes, however short the window. */
const LEAST_SETTLED_MS = 600_000;

/** One call, as the reference keeps it: nothing is ever forgotten. */
interface Call {
  readonly id: string;
  readonly key: string;
  readonly callId: string | undefined;
  readonly atMs: number;
  readonly units: number;
  /** Units above the estimate, and when they were charged. */
  extra: number;
  extraAtMs: number;
  /** Units of the estimate that were not used. */
  unused: number;
  settled: boolean;
  cancelled: boolean;
}

/**
 * The definition, in the slowest way: every call there ever was, looked at anew for every question, and
 * waits found by trying one millisecond after the other. For one rule with whole numbers.
 */
export class ReferenceLimiter {
  readonly #limits: readonly Limit[];
  readonly #calls: Call[] = [];
  #nowMs = 0;

  constructor(rule: LimitRule) {
    this.#limits = rule.limits;
  }

  /** As `RateLimiter.take`; `units` is what the call reserves of every budget. */
  take(id: string, key: string, callId: string | undefined, units: number, nowMs: number): number {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    if (callId !== undefined && this.#isKnown(key, callId)) return 0;
    const tooMuch = this.#limits.filter((l): l is BudgetLimit => isBudget(l) && units > l.limit);
    let waitMs = 0;
    for (const limit of this.#limits) {
      if (isBudget(limit) && units > limit.limit) continue;
      while (!this.#hasRoom(limit, key, units, this.#nowMs + waitMs)) waitMs += 1;
    }
    for (const { windowMs } of tooMuch) waitMs = Math.max(waitMs, windowMs);
    if (waitMs > 0) return waitMs;
    const atMs = this.#nowMs;
    const open = { extra: 0, extraAtMs: 0, unused: 0, settled: false, cancelled: false };
    this.#calls.push({ id, key, callId, atMs, units, ...open });
    return 0;
  }

  /** As `RateLimiter.settle`, with tokens only. */
  settle(id: string, tokens: number, nowMs: number): boolean {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    const call = this.#reserved(id);
    if (call === undefined) return false;
    call.settled = true;
    call.unused = Math.max(0, call.units - tokens);
    call.extra = Math.max(0, tokens - call.units);
    call.extraAtMs = this.#nowMs;
    return true;
  }

  /** As `RateLimiter.cancel`, for calls with a reservation. */
  cancel(id: string, nowMs: number): boolean {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    const call = this.#reserved(id);
    if (call !== undefined) call.cancelled = true;
    return call !== undefined;
  }

  /** Takes back a call whatever its rule: for a cancel right after its take. */
  undo(id: string): void {
    const call = this.#calls.find((c) => c.id === id);
    if (call !== undefined) call.cancelled = true;
  }

  #reserved(id: string): Call | undefined {
    const spans = this.#limits.flatMap((limit) => {
      if (limit.kind === 'concurrency') return [limit.leaseMs];
      return isBudget(limit) ? [Math.max(limit.windowMs, LEAST_SETTLED_MS)] : [];
    });
    return this.#calls.find(
      (c) =>
        c.id === id && !c.settled && !c.cancelled && this.#nowMs - c.atMs < Math.max(0, ...spans),
    );
  }

  #isKnown(key: string, callId: string): boolean {
    const longestMs = Math.max(
      ...this.#limits.map((l) => (l.kind === 'concurrency' ? l.leaseMs : l.windowMs)),
    );
    return this.#calls.some(
      (c) =>
        !c.cancelled && c.key === key && c.callId === callId && this.#nowMs - c.atMs < longestMs,
    );
  }

  #hasRoom(limit: Limit, key: string, units: number, nowMs: number): boolean {
    const calls = this.#calls.filter((c) => c.key === key && !c.cancelled);
    switch (limit.kind) {
      case 'window':
        return calls.filter((c) => nowMs - c.atMs < limit.windowMs).length < limit.limit;
      case 'concurrency':
        return (
          calls.filter((c) => !c.settled && nowMs - c.atMs < limit.leaseMs).length < limit.limit
        );
      case 'budget':
        return spent(limit, calls, nowMs) + units <= limit.limit;
      case 'gcra':
        return gcraHasRoom(limit, calls, nowMs);
    }
  }
}

function isBudget(limit: Limit): limit is BudgetLimit {
  return limit.kind === 'budget';
}

/** Units that count: those whose whole sixtieth of the window has not left it. */
function spent({ windowMs }: BudgetLimit, calls: readonly Call[], nowMs: number): number {
  const partMs = Math.max(1, Math.ceil(windowMs / 60));
  const counts = (atMs: number): boolean =>
    nowMs < (Math.floor(atMs / partMs) + 1) * partMs + Math.ceil(windowMs / partMs) * partMs;
  let sum = 0;
  for (const call of calls) {
    if (counts(call.atMs)) sum += call.units - call.unused;
    if (counts(call.extraAtMs)) sum += call.extra;
  }
  return sum;
}

/** The virtual scheduling form of GCRA, in whole numbers: times are multiplied by the limit. */
function gcraHasRoom(gcra: GcraLimit, calls: readonly Call[], nowMs: number): boolean {
  const scale = BigInt(gcra.limit);
  const period = BigInt(gcra.windowMs);
  let tat = 0n;
  for (const { atMs } of calls) {
    const at = BigInt(atMs) * scale;
    tat = (tat > at ? tat : at) + period;
  }
  return tat - BigInt(nowMs) * scale <= BigInt(gcra.burst - 1) * period;
}
