import {
  type DecisionRequest,
  LIMITER_FULL,
  type LimitState,
  type WindowLimit,
} from '@cortex-governance/core';
import type { KeySpace } from './key-space.ts';
import { leastWait } from './least-wait.ts';
import { limitName } from './limit-name.ts';
import type { LimitCounters } from './limit-store.ts';
import type { RingTable } from './ring-table.ts';

/** Token of a window that shares the admission that another window of the rule noted. */
const SHARED = -1;

/**
 * An exact sliding window: a window of `limit` in `windowMs` has room when the `limit`-th newest
 * admission is at least `windowMs` old.
 *
 * Windows of one rule that count the same calls read one ring, and the first of them notes the
 * admission: the others are asked right after it, and leave out the newest, which is the call at hand.
 */
export class WindowCounters implements LimitCounters {
  readonly limit: WindowLimit;
  /** Time of the admission. */
  token = 0;
  readonly #space: KeySpace;
  readonly #slots: ReadonlyMap<string, number> | null;
  readonly #table: RingTable;
  readonly #notes: boolean;
  readonly #most: number;
  readonly #windowMs: number;

  constructor(limit: WindowLimit, space: KeySpace, table: RingTable, notes: boolean) {
    this.limit = limit;
    this.#space = space;
    this.#slots = space.slotsByTenant;
    this.#table = table;
    this.#notes = notes;
    this.#most = limit.limit;
    this.#windowMs = limit.windowMs;
    // One more than its own for the call at hand, which is noted before this window is asked.
    table.retain(notes ? limit.limit : limit.limit + 1, limit.windowMs);
  }

  take(request: DecisionRequest, _units: number, nowMs: number): number {
    const slot = this.#slots?.get(request.tenant) ?? this.#space.findOrAdd(request, nowMs);
    if (slot < 0) return LIMITER_FULL;
    const ring = this.#table.ringFor(slot, nowMs);
    if (ring === null) return LIMITER_FULL;
    const oldest = ring.size - this.#most - (this.#notes ? 0 : 1);
    if (oldest >= 0) {
      const waitMs = this.#wait(ring.at(oldest), nowMs);
      if (waitMs > 0) return waitMs;
    }
    this.token = SHARED;
    if (!this.#notes) return 0;
    if (!this.#table.insert(ring, slot, nowMs, nowMs)) return LIMITER_FULL;
    this.token = nowMs;
    return 0;
  }

  peek(request: DecisionRequest, _units: number, nowMs: number): number {
    const ring = this.#table.find(this.#space.find(request), nowMs);
    if (ring === undefined || ring.size < this.#most) return 0;
    return this.#wait(ring.at(ring.size - this.#most), nowMs);
  }

  give(request: DecisionRequest, _units: number, token: number, nowMs: number): void {
    if (token === SHARED) return;
    this.#table.find(this.#space.find(request), nowMs)?.remove(token);
  }

  /** Nothing: a window counts calls, and a call is never more than one. */
  charge(): void {}

  inspect(request: DecisionRequest, nowMs: number): LimitState {
    const ring = this.#table.find(this.#space.find(request), nowMs);
    const inside = ring?.countYounger(nowMs, this.#windowMs) ?? 0;
    const next = ring?.at(ring.size - Math.min(inside, this.#most)) ?? 0;
    return {
      name: limitName(this.limit),
      unit: 'calls',
      limit: this.#most,
      windowMs: this.#windowMs,
      remaining: Math.max(0, this.#most - inside),
      resetMs: inside === 0 ? 0 : leastWait(next, this.#windowMs, nowMs),
    };
  }

  #wait(oldestMs: number, nowMs: number): number {
    if (nowMs - oldestMs >= this.#windowMs) return 0;
    return leastWait(oldestMs, this.#windowMs, nowMs);
  }
}
