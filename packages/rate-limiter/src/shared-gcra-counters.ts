import type { DecisionRequest, GcraLimit, LimitRule, LimitState } from '@cortex-governance/core';
import { limitName } from './limit-name.ts';
import type { LimitCounters } from './limit-store.ts';
import type { SharedContext } from './shared-context.ts';
import type { BlockShape, SharedKey } from './shared-key.ts';
import { SharedKeyCache } from './shared-key-cache.ts';
import { UNITS_PER_MS } from './shared-time.ts';

/** A sixteenth of a unit of shared time, about a nanosecond: a rate of a million a second is off by 0.05 %. */
const FINE_BITS = 4n;
const FINE_PER_MS = UNITS_PER_MS * 16;

/** Most backlog that is kept, some 140 years; a burst that would take longer to refill is cut to it. */
const MAX_BACKLOG = 2n ** 62n;

/** One word: the time at which all that was charged has drained (the theoretical arrival time of GCRA). */
const GCRA_SHAPE: BlockShape = {
  words: 1,
  kind: 1,
  param: 0,
  isIdle: (words, base, now) => Atomics.load(words, base) <= BigInt(now) << FINE_BITS,
  // A place that is idle drains no further; a charge that comes now is taken back by the one who made it.
  retire: () => true,
};

/**
 * GCRA over one shared word per key. A take is one compare-and-swap, so there is nothing in between at which a
 * thread could die and leave anything but a charge for a call that never ran, which drains.
 *
 * Any interleaving, each call by its own time: a call at t is admitted when the word was at most t + (burst - 1)
 * increments, and raises it by an increment from at least t. R admissions within a window from s raise it to at
 * least s + R - 1 increments before the last one, which is within the window: so R <= limit + burst.
 */
export class SharedGcraCounters implements LimitCounters {
  readonly limit: GcraLimit;
  /** When the latest take was, in units of shared time. */
  token = 0;
  readonly #context: SharedContext;
  readonly #cache: SharedKeyCache<SharedKey>;
  /** Fine units that a call costs: rounded up, so that the rate is never above the limit. */
  readonly #step: bigint;
  /** Backlog at which there is room for one more call. */
  readonly #room: bigint;

  constructor(limit: GcraLimit, rule: LimitRule, context: SharedContext) {
    this.limit = limit;
    this.#context = context;
    this.#cache = new SharedKeyCache(limit, rule, (text) => context.key(text, GCRA_SHAPE));
    this.#step = BigInt(Math.max(1, Math.ceil((limit.windowMs * FINE_PER_MS) / limit.limit)));
    this.#room = smaller(this.#step * BigInt(limit.burst - 1), MAX_BACKLOG);
  }

  take(request: DecisionRequest, units: number, nowMs: number): number {
    const { directory, time, words } = this.#context;
    time.read(nowMs);
    const key = this.#cache.get(request);
    const cost = this.#step * BigInt(units);
    for (;;) {
      if (!directory.obtain(key)) return this.#context.refuseFull();
      const drained = Atomics.load(words, key.base);
      const waitMs = this.#wait(drained, units);
      if (waitMs > 0) {
        if (directory.holds(key)) return waitMs;
        continue;
      }
      const start = BigInt(time.nowUp) << FINE_BITS;
      const after = BigInt.asIntN(64, larger(drained, start) + cost);
      if (Atomics.compareExchange(words, key.base, drained, after) !== drained) {
        this.#context.retries += 1;
        continue;
      }
      this.token = time.now;
      if (directory.holds(key)) return 0;
      this.#drain(key.base, cost);
    }
  }

  peek(request: DecisionRequest, units: number, nowMs: number): number {
    const { directory, time, words } = this.#context;
    time.read(nowMs);
    const key = this.#cache.get(request);
    for (;;) {
      if (!directory.find(key)) return this.#wait(0n, units);
      const waitMs = this.#wait(Atomics.load(words, key.base), units);
      if (directory.holds(key)) return waitMs;
    }
  }

  /**
   * Gives back what has not drained since the take, as if nothing but this charge had drained. With other calls in
   * between that is less than what the charge still holds up; it is never more, in whatever order calls end, so
   * that a call that is given back late makes no room twice.
   */
  give(request: DecisionRequest, units: number, token: number, nowMs: number): void {
    const { directory, time } = this.#context;
    time.read(nowMs);
    const key = this.#cache.get(request);
    const drainedSince = BigInt(Math.max(0, time.nowUp - token)) << FINE_BITS;
    const credit = this.#step * BigInt(units) - drainedSince;
    if (credit <= 0n || !directory.find(key)) return;
    this.#drain(key.base, credit);
  }

  charge(): void {
    // A rate has no debts: only budgets are settled.
  }

  inspect(request: DecisionRequest, nowMs: number): LimitState {
    const { directory, time, words } = this.#context;
    time.read(nowMs);
    const key = this.#cache.get(request);
    const drained = directory.find(key) ? Atomics.load(words, key.base) : 0n;
    const now = BigInt(time.now) << FINE_BITS;
    const backlog = drained > now ? drained - now : 0n;
    const free = this.#room + this.#step - backlog;
    return {
      name: limitName(this.limit),
      unit: 'calls',
      limit: this.limit.burst,
      windowMs: this.limit.windowMs,
      remaining: free > 0n ? Number(free / this.#step) : 0,
      resetMs: Math.ceil(Number(backlog) / FINE_PER_MS),
    };
  }

  /** Milliseconds until `units` calls can be had. */
  #wait(drained: bigint, units: number): number {
    if (units > this.limit.burst) return Math.ceil(this.limit.windowMs);
    const now = BigInt(this.#context.time.now) << FINE_BITS;
    const room = units === 1 ? this.#room : this.#room - this.#step * BigInt(units - 1);
    const over = drained - now - room;
    return over <= 0n ? 0 : Math.max(1, Math.ceil(Number(over) / FINE_PER_MS));
  }

  #drain(index: number, credit: bigint): void {
    const { words } = this.#context;
    for (;;) {
      const drained = Atomics.load(words, index);
      const after = drained > credit ? drained - credit : 0n;
      if (Atomics.compareExchange(words, index, drained, after) === drained) return;
      this.#context.retries += 1;
    }
  }
}

function larger(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

function smaller(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}
