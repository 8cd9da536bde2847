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
import type { TimeRing } from './time-ring.ts';

/** An exact sliding window: a ring of admission times for each caller. */
export class WindowCounters implements LimitCounters {
  readonly limit: WindowLimit;
  /** Time of the admission. */
  token = 0;
  readonly #space: KeySpace;
  readonly #table: RingTable;
  readonly #most: number;
  readonly #windowMs: number;

  constructor(limit: WindowLimit, space: KeySpace, table: RingTable) {
    this.limit = limit;
    this.#space = space;
    this.#table = table;
    this.#most = limit.limit;
    this.#windowMs = limit.windowMs;
  }

  take(request: DecisionRequest, _units: number, nowMs: number): number {
    const slot = this.#space.findOrAdd(request, nowMs);
    if (slot < 0) return LIMITER_FULL;
    const ring = this.#table.ringFor(slot, this.#most, nowMs);
    if (ring === null) return LIMITER_FULL;
    ring.dropAged(nowMs, this.#windowMs);
    if (ring.size === 0 && !this.#table.takeOver(ring, slot, nowMs)) return LIMITER_FULL;
    if (ring.size >= this.#most) return this.#wait(ring, nowMs);
    if (ring.isFull && !this.#table.grow(ring, slot, this.#most, nowMs)) return LIMITER_FULL;
    ring.insert(nowMs);
    this.token = nowMs;
    return 0;
  }

  peek(request: DecisionRequest, _units: number, nowMs: number): number {
    const ring = this.#liveRing(request, nowMs);
    return ring === undefined || ring.size < this.#most ? 0 : this.#wait(ring, nowMs);
  }

  give(request: DecisionRequest, _units: number, token: number, nowMs: number): void {
    this.#liveRing(request, nowMs)?.remove(token);
  }

  /** Nothing: a window counts calls, and a call is never more than one. */
  charge(): void {}

  inspect(request: DecisionRequest, nowMs: number): LimitState {
    const ring = this.#liveRing(request, nowMs);
    const size = ring?.size ?? 0;
    const next = ring?.at(Math.max(0, size - this.#most)) ?? 0;
    return {
      name: limitName(this.limit),
      unit: 'calls',
      limit: this.#most,
      windowMs: this.#windowMs,
      remaining: Math.max(0, this.#most - size),
      resetMs: size === 0 ? 0 : leastWait(next, this.#windowMs, nowMs),
    };
  }

  #liveRing(request: DecisionRequest, nowMs: number): TimeRing | undefined {
    const slot = this.#space.find(request);
    const ring = slot < 0 ? undefined : this.#table.rings[slot];
    ring?.dropAged(nowMs, this.#windowMs);
    return ring;
  }

  #wait(ring: TimeRing, nowMs: number): number {
    return leastWait(ring.at(ring.size - this.#most), this.#windowMs, nowMs);
  }
}
