import type { DecisionRequest, GcraLimit, LimitRule, LimitState } from '@cortex-governance/core';
import { limitName } from './limit-name.ts';
import type { LimitCounters } from './limit-store.ts';
import type { SharedContext } from './shared-context.ts';
import type { BlockShape, SharedKey } from './shared-key.ts';
import { SharedKeyCache } from './shared-key-cache.ts';
import { UNITS_PER_MS } from './shared-time.ts';

/** A sixteenth of a unit of shared time, about a nanosecond: a rate of a million a second is off by 0.05 %. */
const FINE = 16;
const FINE_PER_MS = UNITS_PER_MS * FINE;

/** Most backlog that is kept, some 140 years; a burst that would take longer to refill is cut to it. */
const MAX_BACKLOG = 2n ** 62n;

/**
 * First word: the time at which all that was charged has drained (the theoretical arrival time of GCRA). Second word:
 * what a call costs there, in 56 bits, which hold one call in 400 days; and below it 7 bits of version that grow with
 * every key.
 */
const STEP = 1;
const VERSION_BITS = 7n;
const VERSION_MASK = (1n << VERSION_BITS) - 1n;

const GCRA_SHAPE: BlockShape = {
  words: 2,
  kind: 1,
  param: 0,
  isIdle: (words, base, now) => Atomics.load(words, base) <= toFine(now),
  /** A charge that comes now is taken back by the one who made it; a change of the cost fails by its version. */
  retire: (words, base) => {
    const held = Atomics.load(words, base + STEP);
    const next = (held + 1n) & VERSION_MASK;
    return Atomics.compareExchange(words, base + STEP, held, next) === held;
  },
};

/**
 * GCRA over a shared word per key. A take is one compare-and-swap, so there is nothing in between at which a
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
    const cost = units === 1 ? this.#step : this.#step * BigInt(units);
    for (;;) {
      if (!directory.obtain(key)) return this.#context.refuseFull();
      if (!this.#align(key)) continue;
      const drained = Atomics.load(words, key.base);
      const waitMs = this.#wait(drained, units);
      if (waitMs > 0) {
        if (directory.holds(key)) return waitMs;
        continue;
      }
      const start = toFine(time.nowUp);
      const after = BigInt.asIntN(64, larger(drained, start) + cost);
      if (!this.#swap(key.base, drained, after)) continue;
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
      const waitMs = this.#wait(this.#drainedBy(words, key.base), units);
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
    const drainedSince = toFine(Math.max(0, time.nowUp - token));
    const credit = this.#step * BigInt(units) - drainedSince;
    if (credit <= 0n || !directory.find(key) || !this.#align(key)) return;
    this.#drain(key.base, credit);
  }

  charge(): void {
    // A rate has no debts: only budgets are settled.
  }

  inspect(request: DecisionRequest, nowMs: number): LimitState {
    const { directory, time, words } = this.#context;
    time.read(nowMs);
    const key = this.#cache.get(request);
    const drained = directory.find(key) ? this.#drainedBy(words, key.base) : 0n;
    const now = toFine(time.now);
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
    const now = toFine(this.#context.time.now);
    const room = units === 1 ? this.#room : this.#room - this.#step * BigInt(units - 1);
    const over = drained - now - room;
    return over <= 0n ? 0 : Math.max(1, Math.ceil(Number(over) / FINE_PER_MS));
  }

  /** The time at which all has drained, as if it had been charged at this limit's cost. */
  #drainedBy(words: BigInt64Array, base: number): bigint {
    const drained = Atomics.load(words, base);
    return this.#converted(drained, Atomics.load(words, base + STEP) >> VERSION_BITS);
  }

  #converted(drained: bigint, step: bigint): bigint {
    const now = toFine(this.#context.time.now);
    if (step === this.#step || step === 0n || drained <= now) return drained;
    // Cut to what the word can hold: more would wrap around, and open the rate.
    return now + smaller(((drained - now) * this.#step + step - 1n) / step, MAX_BACKLOG);
  }

  /**
   * Keeps the backlog as many calls as it was when the limit changes. Two words change, one after the other: the time
   * first when it moves away, the cost first when it comes nearer. What another thread sees in between, and what a
   * dead one leaves, is a backlog that is too long.
   */
  #align(key: SharedKey): boolean {
    const { directory, words } = this.#context;
    const held = Atomics.load(words, key.base + STEP);
    if (held === key.checked) return true;
    if (held >> VERSION_BITS === this.#step) {
      key.checked = held;
      return true;
    }
    const drained = Atomics.load(words, key.base);
    const after = this.#converted(drained, held >> VERSION_BITS);
    if (!directory.holds(key)) return false;
    if (after > drained && !this.#swap(key.base, drained, after)) return false;
    const next = (this.#step << VERSION_BITS) | (held & VERSION_MASK);
    if (!this.#swap(key.base + STEP, held, next)) return false;
    if (after < drained) this.#swap(key.base, drained, after);
    return true;
  }

  #swap(index: number, before: bigint, after: bigint): boolean {
    if (Atomics.compareExchange(this.#context.words, index, before, after) === before) return true;
    this.#context.retries += 1;
    return false;
  }

  #drain(index: number, credit: bigint): void {
    const { words } = this.#context;
    for (;;) {
      const drained = Atomics.load(words, index);
      const after = drained > credit ? drained - credit : 0n;
      if (this.#swap(index, drained, after)) return;
    }
  }
}

/** The factor is a power of two, so the product is exact. */
function toFine(units: number): bigint {
  return BigInt(units * FINE);
}

function larger(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

function smaller(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}
