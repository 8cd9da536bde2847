import {
  LIMITER_FULL,
  type LimitRule,
  type LimitWindow,
  MAX_IDENTIFIER_LENGTH,
  type RateLimiter,
} from '@cortex-governance/core';
import { type AdmissionRing, FIRST_SLOTS } from './admission-ring.ts';
import { CounterTable } from './counter-table.ts';
import { IdleQueue } from './idle-queue.ts';
import { LimitCounter } from './limit-counter.ts';
import { INVALID_RULE_WAIT_MS, isUsableWindow, MAX_WINDOWS } from './limit-rule-check.ts';

/** Latest time that is believed, in milliseconds: up to here every whole millisecond is exact. */
const MAX_TIME_MS = 2 ** 52;

/** Plain numbers for metrics. */
export interface RateLimiterStats {
  /** Keys held. */
  readonly keys: number;
  /** Slots held over all keys, of eight bytes each. */
  readonly slots: number;
  /** Idle keys that made room for others. */
  readonly evictions: number;
  /** Calls that were answered LIMITER_FULL. */
  readonly refusedFull: number;
  /** Calls that were refused because their rule cannot be enforced. */
  readonly refusedInvalidRule: number;
}

/** The limiter of this package: the port, and its numbers. */
export interface SlidingWindowLimiter extends RateLimiter {
  stats(): RateLimiterStats;
}

/**
 * Exact sliding windows over one ring of admission times per key.
 *
 * All windows of a rule read the same ring: a window of `limit` in `windowMs` has room when the
 * `limit`-th newest admission is at least `windowMs` old.
 */
class RingWindowLimiter implements SlidingWindowLimiter {
  readonly #maxKeys: number;
  readonly #maxSlots: number;
  readonly #table = new CounterTable();
  readonly #idle = new IdleQueue();
  #nowMs = 0;
  #slots = 0;
  #evictions = 0;
  #refusedFull = 0;
  #refusedInvalidRule = 0;
  /** Of the rule at hand; fields, because the request path allocates nothing. */
  #longestMs = 0;
  #largestLimit = 0;

  constructor(maxKeys: number, maxSlots: number) {
    this.#maxKeys = maxKeys;
    this.#maxSlots = maxSlots;
  }

  take(rule: LimitRule, tenant: string, callId: string | undefined, nowMs: number): number {
    if (nowMs > this.#nowMs && nowMs <= MAX_TIME_MS) this.#nowMs = Number(nowMs);
    if (!this.#measure(rule)) {
      this.#refusedInvalidRule += 1;
      return INVALID_RULE_WAIT_MS;
    }
    const id = isUsableCallId(callId) ? callId : undefined;
    const counter = this.#table.find(rule.tool, rule.action, tenant);
    if (counter === undefined) return this.#admitFirst(rule, tenant, id);
    this.#retain(counter);
    if (id !== undefined && this.#nowMs - counter.ring.admittedAt(id) < this.#longestMs) return 0;
    const waitMs = findWait(counter.ring, rule.windows, this.#nowMs);
    return waitMs === 0 ? this.#admit(counter, id) : waitMs;
  }

  size(): number {
    return this.#table.size;
  }

  stats(): RateLimiterStats {
    return {
      keys: this.#table.size,
      slots: this.#slots,
      evictions: this.#evictions,
      refusedFull: this.#refusedFull,
      refusedInvalidRule: this.#refusedInvalidRule,
    };
  }

  /** Finds the rule's longest window and largest limit; false when the rule cannot be enforced. */
  #measure(rule: LimitRule): boolean {
    if (typeof rule?.tool !== 'string' || typeof rule.action !== 'string') return false;
    const { tool, action, windows } = rule;
    if (tool === '' || action === '') return false;
    if (!Array.isArray(windows) || windows.length === 0 || windows.length > MAX_WINDOWS)
      return false;
    this.#longestMs = 0;
    this.#largestLimit = 0;
    for (let i = 0; i < windows.length; i++) {
      const window: LimitWindow | undefined = windows[i];
      if (!isUsableWindow(window)) return false;
      if (window.windowMs > this.#longestMs) this.#longestMs = window.windowMs;
      if (window.limit > this.#largestLimit) this.#largestLimit = window.limit;
    }
    return true;
  }

  /** Lets a counter remember as much as the rule at hand needs, and never less than before. */
  #retain(counter: LimitCounter): void {
    if (this.#largestLimit > counter.retainCount) counter.retainCount = this.#largestLimit;
    if (this.#longestMs <= counter.retainMs) return;
    this.#idle.remove(counter);
    counter.retainMs = this.#longestMs;
    this.#idle.add(counter);
  }

  #admitFirst(rule: LimitRule, tenant: string, callId: string | undefined): number {
    const slots = Math.min(FIRST_SLOTS, this.#largestLimit);
    if (!this.#makeRoom(1, slots, null)) return this.#refuseFull();
    const counter = new LimitCounter(
      rule.tool,
      rule.action,
      tenant,
      slots,
      this.#longestMs,
      this.#largestLimit,
      this.#nowMs,
    );
    counter.ring.push(this.#nowMs, callId);
    this.#slots += slots;
    this.#table.add(counter);
    this.#idle.add(counter);
    return 0;
  }

  #admit(counter: LimitCounter, callId: string | undefined): number {
    const { ring } = counter;
    // Two drops for each admission: a ring that had grown empties, and no call has much to do.
    const expiredMs = this.#nowMs - counter.retainMs;
    if (ring.dropOldest(expiredMs)) ring.dropOldest(expiredMs);
    if (ring.isFull && ring.slots < counter.retainCount && !this.#grow(counter)) {
      return this.#refuseFull();
    }
    ring.push(this.#nowMs, callId);
    counter.lastMs = this.#nowMs;
    this.#idle.renew(counter);
    return 0;
  }

  /** Doubles a ring, up to what its key needs. */
  #grow(counter: LimitCounter): boolean {
    const { ring } = counter;
    const slots = Math.min(ring.slots * 2, counter.retainCount);
    const added = slots - ring.slots;
    if (!this.#makeRoom(0, added, counter)) return false;
    ring.grow(slots);
    this.#slots += added;
    return true;
  }

  /** Evicts idle keys until there is room; false when a live one would have to go. */
  #makeRoom(keys: number, slots: number, keep: LimitCounter | null): boolean {
    while (this.#table.size + keys > this.#maxKeys || this.#slots + slots > this.#maxSlots) {
      const idle = this.#idle.findIdle(this.#nowMs);
      if (idle === null || idle === keep) return false;
      this.#idle.remove(idle);
      this.#table.remove(idle);
      this.#slots -= idle.ring.slots;
      this.#evictions += 1;
    }
    return true;
  }

  #refuseFull(): number {
    this.#refusedFull += 1;
    return LIMITER_FULL;
  }
}

/** A limiter whose options were checked. */
export function createSlidingWindowLimiter(
  maxKeys: number,
  maxSlots: number,
): SlidingWindowLimiter {
  return new RingWindowLimiter(maxKeys, maxSlots);
}

/** An id that is empty or longer than core lets through is no id: the call is charged. */
function isUsableCallId(callId: string | undefined): callId is string {
  return typeof callId === 'string' && callId.length > 0 && callId.length <= MAX_IDENTIFIER_LENGTH;
}

/** 0 when every window has room, otherwise the milliseconds until every one has. */
function findWait(ring: AdmissionRing, windows: readonly LimitWindow[], nowMs: number): number {
  let waitMs = 0;
  for (let i = 0; i < windows.length; i++) {
    const window = windows[i];
    if (window === undefined) continue;
    const oldestMs = ring.newest(window.limit);
    if (nowMs - oldestMs >= window.windowMs) continue;
    waitMs = Math.max(waitMs, leastWait(oldestMs, window.windowMs, nowMs));
  }
  return waitMs;
}

/**
 * The fewest whole milliseconds after which `nowMs - oldestMs >= windowMs` holds. The sum rounds, so
 * the estimate can be off by one either way; the test that admits has the last word.
 */
function leastWait(oldestMs: number, windowMs: number, nowMs: number): number {
  let waitMs = Math.max(1, Math.ceil(oldestMs + windowMs - nowMs));
  while (waitMs > 1 && nowMs + (waitMs - 1) - oldestMs >= windowMs) waitMs -= 1;
  while (nowMs + waitMs - oldestMs < windowMs) waitMs += 1;
  return waitMs;
}
