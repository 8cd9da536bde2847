import {
  type ConcurrencyLimit,
  type DecisionRequest,
  LIMITER_FULL,
  type LimitState,
} from '@cortex-governance/core';
import type { KeySpace } from './key-space.ts';
import { leastWait } from './least-wait.ts';
import { limitName } from './limit-name.ts';
import type { LimitCounters } from './limit-store.ts';
import type { RingTable } from './ring-table.ts';
import type { TimeRing } from './time-ring.ts';

/**
 * Calls that run at a time: for each caller, the ends of the leases of those that run. A lease that is
 * over is dropped when the next call looks; two leases that end together are the same to everybody.
 */
export class ConcurrencyCounters implements LimitCounters {
  readonly limit: ConcurrencyLimit;
  /** End of the lease. */
  token = 0;
  readonly #space: KeySpace;
  readonly #table: RingTable;
  readonly #most: number;
  readonly #leaseMs: number;

  constructor(limit: ConcurrencyLimit, space: KeySpace, table: RingTable) {
    this.limit = limit;
    this.#space = space;
    this.#table = table;
    this.#most = limit.limit;
    this.#leaseMs = limit.leaseMs;
    table.retain(limit.limit, 0);
  }

  take(request: DecisionRequest, _units: number, nowMs: number): number {
    const slot = this.#space.findOrAdd(request, nowMs);
    if (slot < 0) return LIMITER_FULL;
    const ring = this.#table.ringFor(slot, nowMs);
    if (ring === null) return LIMITER_FULL;
    if (ring.size >= this.#most) return this.#wait(ring, nowMs);
    const endMs = nowMs + this.#leaseMs;
    if (!this.#table.insert(ring, slot, endMs, nowMs)) return LIMITER_FULL;
    this.token = endMs;
    return 0;
  }

  peek(request: DecisionRequest, _units: number, nowMs: number): number {
    const ring = this.#table.find(this.#space.find(request), nowMs);
    return ring === undefined || ring.size < this.#most ? 0 : this.#wait(ring, nowMs);
  }

  give(request: DecisionRequest, _units: number, token: number, nowMs: number): void {
    this.#table.find(this.#space.find(request), nowMs)?.remove(token);
  }

  /** Nothing: a running call is never more than one. */
  charge(): void {}

  inspect(request: DecisionRequest, nowMs: number): LimitState {
    const ring = this.#table.find(this.#space.find(request), nowMs);
    const running = ring?.size ?? 0;
    const next = ring?.at(Math.max(0, running - this.#most)) ?? 0;
    return {
      name: limitName(this.limit),
      unit: 'concurrency',
      limit: this.#most,
      windowMs: 0,
      remaining: Math.max(0, this.#most - running),
      resetMs: running === 0 ? 0 : leastWait(next, 0, nowMs),
    };
  }

  #wait(ring: TimeRing, nowMs: number): number {
    return leastWait(ring.at(ring.size - this.#most), 0, nowMs);
  }
}
