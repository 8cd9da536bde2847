import {
  type BudgetLimit,
  type DecisionRequest,
  LIMITER_FULL,
  type LimitState,
} from '@cortex-governance/core';
import type { BudgetTable } from './budget-table.ts';
import type { KeySpace } from './key-space.ts';
import { limitName } from './limit-name.ts';
import type { LimitCounters } from './limit-store.ts';

/** Units in a sliding window, in sixty parts for each caller. */
export class BudgetCounters implements LimitCounters {
  readonly limit: BudgetLimit;
  /** The part of the window that was charged. */
  token = 0;
  readonly #space: KeySpace;
  readonly #slots: ReadonlyMap<string, number> | null;
  readonly #table: BudgetTable;
  readonly #most: number;

  constructor(limit: BudgetLimit, space: KeySpace, table: BudgetTable) {
    this.limit = limit;
    this.#space = space;
    this.#slots = space.slotsByTenant;
    this.#table = table;
    this.#most = limit.limit;
  }

  take(request: DecisionRequest, units: number, nowMs: number): number {
    if (units > this.#most) return Math.ceil(this.limit.windowMs);
    const slot = this.#slots?.get(request.tenant) ?? this.#space.findOrAdd(request, nowMs);
    if (slot < 0 || !this.#table.hold(slot, nowMs)) return LIMITER_FULL;
    const part = this.#table.partAt(nowMs);
    const total = this.#table.totalAt(slot, part);
    if (total + units > this.#most) return this.#wait(slot, part, total + units, nowMs);
    this.#table.add(slot, part, units);
    this.token = part;
    return 0;
  }

  peek(request: DecisionRequest, units: number, nowMs: number): number {
    if (units > this.#most) return Math.ceil(this.limit.windowMs);
    const slot = this.#space.find(request);
    if (slot < 0) return 0;
    const part = this.#table.partAt(nowMs);
    const total = this.#table.totalAt(slot, part);
    return total + units > this.#most ? this.#wait(slot, part, total + units, nowMs) : 0;
  }

  give(request: DecisionRequest, units: number, token: number, nowMs: number): void {
    const slot = this.#space.find(request);
    if (slot < 0) return;
    const part = this.#table.partAt(nowMs);
    this.#table.totalAt(slot, part);
    if (token >= part - this.#table.parts) this.#table.add(slot, token, -units);
  }

  charge(request: DecisionRequest, units: number, nowMs: number): void {
    const slot = this.#space.findOrForce(request);
    const part = this.#table.partAt(nowMs);
    this.#table.forceHold(slot);
    this.#table.totalAt(slot, part);
    this.#table.add(slot, part, units);
  }

  inspect(request: DecisionRequest, nowMs: number): LimitState {
    const slot = this.#space.find(request);
    const part = this.#table.partAt(nowMs);
    const total = slot < 0 ? 0 : this.#table.totalAt(slot, part);
    const more = Math.max(total, this.#most) + 1;
    return {
      name: limitName(this.limit),
      unit: this.limit.unit,
      limit: this.#most,
      windowMs: this.limit.windowMs,
      remaining: Math.max(0, this.#most - total),
      resetMs: total === 0 ? 0 : this.#wait(slot, part, more, nowMs),
    };
  }

  /** Milliseconds until the oldest parts have left with all that `wanted` units are above the limit. */
  #wait(slot: number, part: number, wanted: number, nowMs: number): number {
    const { partMs, parts } = this.#table;
    let above = wanted - this.#most;
    for (let p = Math.max(0, part - parts); p <= part; p++) {
      above -= this.#table.unitsOf(slot, p);
      if (above <= 0) return Math.max(1, Math.ceil((p + parts + 1) * partMs - nowMs));
    }
    return Math.max(1, Math.ceil((part + parts + 1) * partMs - nowMs));
  }
}
