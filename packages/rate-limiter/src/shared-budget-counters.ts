import type { BudgetLimit, DecisionRequest, LimitRule, LimitState } from '@cortex-governance/core';
import { limitName } from './limit-name.ts';
import type { LimitCounters } from './limit-store.ts';
import {
  ANNOUNCED,
  ageOf,
  BudgetShape,
  countedUnits,
  isLater,
  MOST_UNITS,
  nextTotal,
  RING,
  ROLLED,
  ringIndex,
  ringWord,
  spanOf,
  subWindowUnits,
  TOTAL,
  unitsOf,
} from './shared-budget-shape.ts';
import type { SharedContext } from './shared-context.ts';
import type { SharedKey } from './shared-key.ts';
import { SharedKeyCache } from './shared-key-cache.ts';
import { waitUntil } from './shared-time.ts';
import { loadNumber, raiseNumber } from './shared-words.ts';

/**
 * A budget: a ring of sub-windows that hold what was booked, and a total that decides.
 *
 * A take books its units in the ring first, and is admitted by the compare-and-swap that adds them to the total;
 * refused, it takes them out of the ring again. When a sub-window begins, whoever comes first announces it and
 * replaces the total by the sum of the ring. A change of the total between the first read of the ring and that swap
 * makes it fail, because every change of the total has a new version. Thus the total is never below what is
 * admitted and counts: what was added to it before the swap is in the ring already. It can be above: a take that is
 * between its two steps is in the sum, and adds itself again; the next sub-window puts that right.
 *
 * A thread may die between the steps. In a take: its units are in the ring for a call that was not admitted, and
 * block until they leave the window. In a give: the total is lower already, the next sum counts the units again
 * until they leave. In a charge: it did not return, and counts from the next sub-window on. In a roll-over: the
 * next thread does it.
 */
export class SharedBudgetCounters implements LimitCounters {
  readonly limit: BudgetLimit;
  /** The sub-window in which the latest take was booked. */
  token = 0;
  readonly #context: SharedContext;
  readonly #cache: SharedKeyCache<SharedKey>;
  readonly #subUnits: number;
  readonly #span: number;

  constructor(limit: BudgetLimit, rule: LimitRule, context: SharedContext) {
    this.limit = limit;
    this.#context = context;
    this.#subUnits = subWindowUnits(limit.windowMs);
    this.#span = spanOf(limit.windowMs, this.#subUnits);
    const shape = new BudgetShape(limit.windowMs);
    this.#cache = new SharedKeyCache(limit, rule, (text) => context.key(text, shape));
  }

  take(request: DecisionRequest, units: number, nowMs: number): number {
    const { directory, time } = this.#context;
    time.read(nowMs);
    if (!(units <= this.limit.limit)) return Math.ceil(this.limit.windowMs);
    const key = this.#cache.get(request);
    for (;;) {
      if (!directory.obtain(key)) return this.#context.refuseFull();
      const sub = this.#enter(key.base);
      const booked = loadNumber(this.#context.words, key.base + TOTAL);
      if (booked !== 0 && this.#isOver(key.base, units)) {
        const waitMs = this.#wait(key.base, sub, units, true);
        if (this.#isCurrent(key, sub)) return waitMs;
        continue;
      }
      if (!this.#book(key.base, sub, units)) continue;
      if (this.#commit(key, sub, units)) {
        this.token = sub;
        return 0;
      }
      // Refused, or overtaken by a new sub-window or another key: not admitted, and decided anew.
      this.#unbook(key.base, sub, units);
      this.#context.retries += 1;
    }
  }

  peek(request: DecisionRequest, units: number, nowMs: number): number {
    const { directory, time } = this.#context;
    time.read(nowMs);
    if (!(units <= this.limit.limit)) return Math.ceil(this.limit.windowMs);
    const key = this.#cache.get(request);
    for (;;) {
      if (!directory.find(key)) return 0;
      const waitMs = this.#wait(key.base, this.#subAt(key.base), units, false);
      if (directory.holds(key)) return waitMs;
    }
  }

  give(request: DecisionRequest, units: number, token: number, nowMs: number): void {
    const { directory, time, words } = this.#context;
    time.read(nowMs);
    const key = this.#cache.get(request);
    for (;;) {
      if (!directory.find(key)) return;
      const total = Atomics.load(words, key.base + TOTAL);
      // Read after the total: one that a roll-over has taken the units out of was announced before that.
      if (token < this.#subAt(key.base) - this.#span) return;
      if (!directory.holds(key)) continue;
      const held = unitsOf(total);
      const after = held === MOST_UNITS ? held : held - units;
      if (this.#swapTotal(key.base, total, after)) break;
    }
    this.#unbook(key.base, token, units);
  }

  charge(request: DecisionRequest, units: number, nowMs: number): void {
    const { directory, time, words } = this.#context;
    time.read(nowMs);
    const key = this.#cache.get(request);
    let sub = -1;
    for (;;) {
      if (!directory.obtain(key)) {
        this.#context.refusedFull += 1;
        return;
      }
      sub = this.#enter(key.base);
      if (!this.#book(key.base, sub, units)) continue;
      if (directory.holds(key)) break;
      this.#unbook(key.base, sub, units);
    }
    for (;;) {
      const total = Atomics.load(words, key.base + TOTAL);
      if (this.#swapTotal(key.base, total, unitsOf(total) + units)) return;
    }
  }

  inspect(request: DecisionRequest, nowMs: number): LimitState {
    const { directory, time, words } = this.#context;
    time.read(nowMs);
    const key = this.#cache.get(request);
    let held = 0;
    let resetMs = 0;
    if (directory.find(key)) {
      const sub = this.#subAt(key.base);
      held = this.#sum(key.base, sub);
      for (let age = 0; age <= this.#span && resetMs === 0; age++) {
        const word = Atomics.load(words, ringIndex(key.base, Math.max(0, sub - age)));
        if (ageOf(word, sub) === age && unitsOf(word) > 0) resetMs = this.#waitFor(sub - age);
      }
    }
    const { limit, unit, windowMs } = this.limit;
    const remaining = Math.max(0, limit - held);
    return { name: limitName(this.limit), unit, limit, windowMs, remaining, resetMs };
  }

  /** The sub-window of now: never one before the latest that any thread announced. */
  #subAt(base: number): number {
    const { time, words } = this.#context;
    return Math.max(Math.floor(time.now / this.#subUnits), loadNumber(words, base + ANNOUNCED));
  }

  /** Announces the present sub-window and makes the total the sum of what counts in it. */
  #enter(base: number): number {
    const { time, words } = this.#context;
    const sub = raiseNumber(words, base + ANNOUNCED, Math.floor(time.now / this.#subUnits));
    while (loadNumber(words, base + ROLLED) < sub) {
      const total = Atomics.load(words, base + TOTAL);
      if (this.#swapTotal(base, total, this.#sum(base, sub)))
        raiseNumber(words, base + ROLLED, sub);
    }
    return sub;
  }

  #sum(base: number, sub: number): number {
    const { words } = this.#context;
    let units = 0;
    for (let i = 0; i < RING; i++) {
      units += countedUnits(Atomics.load(words, ringIndex(base, i)), sub, this.#span);
    }
    return units;
  }

  #isOver(base: number, units: number): boolean {
    const held = unitsOf(Atomics.load(this.#context.words, base + TOTAL));
    return held + units > this.limit.limit;
  }

  #isCurrent(key: SharedKey, sub: number): boolean {
    const { directory, words } = this.#context;
    return loadNumber(words, key.base + ANNOUNCED) === sub && directory.holds(key);
  }

  /** Adds to the total if it then stays within the limit, in the sub-window that the units are booked in. */
  #commit(key: SharedKey, sub: number, units: number): boolean {
    const { words } = this.#context;
    for (;;) {
      const total = Atomics.load(words, key.base + TOTAL);
      const after = unitsOf(total) + units;
      if (after > this.limit.limit || !this.#isCurrent(key, sub)) return false;
      if (this.#swapTotal(key.base, total, after)) return true;
    }
  }

  #swapTotal(base: number, total: bigint, units: number): boolean {
    const { words } = this.#context;
    const after = nextTotal(total, units);
    if (Atomics.compareExchange(words, base + TOTAL, total, after) === total) return true;
    this.#context.retries += 1;
    return false;
  }

  /** Books units in the ring; false when the place belongs to a later sub-window already. */
  #book(base: number, sub: number, units: number): boolean {
    const { words } = this.#context;
    const index = ringIndex(base, sub);
    for (;;) {
      const word = Atomics.load(words, index);
      const age = ageOf(word, sub);
      if (isLater(age)) return false;
      const after = ringWord(sub, age === 0 ? unitsOf(word) + units : units);
      if (Atomics.compareExchange(words, index, word, after) === word) return true;
      this.#context.retries += 1;
    }
  }

  /** Takes units out of the ring, unless it has forgotten them or counts "that much or more". */
  #unbook(base: number, sub: number, units: number): void {
    const { words } = this.#context;
    const index = ringIndex(base, sub);
    for (;;) {
      const word = Atomics.load(words, index);
      const held = unitsOf(word);
      if (ageOf(word, sub) !== 0 || held === MOST_UNITS) return;
      const after = ringWord(sub, Math.max(0, held - units));
      if (Atomics.compareExchange(words, index, word, after) === word) return;
      this.#context.retries += 1;
    }
  }

  /** Milliseconds until so many units can be had, by the total or by the ring alone; 0 for now. */
  #wait(base: number, sub: number, units: number, byTotal: boolean): number {
    const { words } = this.#context;
    const held = byTotal ? unitsOf(Atomics.load(words, base + TOTAL)) : this.#sum(base, sub);
    let over = held + units - this.limit.limit;
    if (over <= 0) return byTotal ? 1 : 0;
    for (let age = Math.min(this.#span, sub); age >= 0; age--) {
      const word = Atomics.load(words, ringIndex(base, sub - age));
      if (ageOf(word, sub) !== age) continue;
      over -= unitsOf(word);
      if (over <= 0) return this.#waitFor(sub - age);
    }
    // The total is above the ring: it is put right when the next sub-window begins.
    return this.#waitFor(sub - this.#span);
  }

  /** Milliseconds until the units of a sub-window no longer count. */
  #waitFor(sub: number): number {
    return waitUntil((sub + this.#span + 1) * this.#subUnits, this.#context.time.now);
  }
}
