import {
  type DecisionRequest,
  type GcraLimit,
  LIMITER_FULL,
  type LimitState,
} from '@cortex-governance/core';
import type { GcraColumn, GcraTable } from './gcra-table.ts';
import type { KeySpace } from './key-space.ts';
import { limitName } from './limit-name.ts';
import type { LimitCounters } from './limit-store.ts';

/**
 * The generic cell rate algorithm, one number for each caller.
 *
 * In numbers without rounding, `n` admissions in a stretch shorter than the window need
 * `n * period <= burst * period + stretch`, so `n` is below `burst + limit`: there is room for a whole
 * call between what is admitted and what is promised. Sums of times round up (see GcraColumn.charge), and
 * the comparison forgives what they rounded, at most half a period: so rounding cannot admit one more.
 */
export class GcraCounters implements LimitCounters {
  readonly limit: GcraLimit;
  /** TAT right after the charge. */
  token = 0;
  readonly #space: KeySpace;
  readonly #table: GcraTable;
  readonly #column: GcraColumn;
  readonly #periodMs: number;
  /** How far the TAT may be ahead when a call is admitted. */
  readonly #aheadMs: number;
  readonly #burstMs: number;
  /** Relative error of the sums of a burst, which add up before the last of its calls. */
  readonly #rounding: number;

  constructor(limit: GcraLimit, space: KeySpace, table: GcraTable) {
    this.limit = limit;
    this.#space = space;
    this.#table = table;
    this.#periodMs = limit.windowMs / limit.limit;
    this.#aheadMs = (limit.burst - 1) * this.#periodMs;
    this.#burstMs = limit.burst * this.#periodMs;
    this.#rounding = (limit.burst - 1) * Number.EPSILON * 2;
    this.#column = table.column(this.#periodMs, limit.windowMs + this.#burstMs);
  }

  take(request: DecisionRequest, _units: number, nowMs: number): number {
    const slot = this.#space.findOrAdd(request, nowMs);
    if (slot < 0) return LIMITER_FULL;
    const column = this.#column;
    if (!column.attached) this.#table.attach(column);
    const tat = column.tats.get(slot);
    const base = Math.max(tat, nowMs);
    if (base - nowMs > this.#allowed(nowMs)) return this.#wait(base, nowMs);
    this.token = column.charge(slot, base);
    column.usedMs = nowMs;
    if (this.#table.columns.length > 1) this.#table.chargeOthers(column, slot, nowMs);
    return 0;
  }

  peek(request: DecisionRequest, _units: number, nowMs: number): number {
    const tat = this.#tat(request);
    return tat - nowMs > this.#allowed(nowMs) ? this.#wait(tat, nowMs) : 0;
  }

  give(request: DecisionRequest, _units: number, token: number, nowMs: number): void {
    const slot = this.#space.find(request);
    if (slot >= 0 && this.#column.attached) this.#column.give(slot, token, nowMs);
  }

  /** Nothing: the rate counts calls, and a call is never more than one. */
  charge(): void {}

  inspect(request: DecisionRequest, nowMs: number): LimitState {
    const aheadMs = Math.max(0, this.#tat(request) - nowMs);
    const { burst, windowMs } = this.limit;
    const free = Math.floor((this.#allowed(nowMs) + this.#periodMs - aheadMs) / this.#periodMs);
    const remaining = Math.min(burst, Math.max(0, free));
    const nextMs = Math.ceil(aheadMs - this.#aheadMs + remaining * this.#periodMs);
    return {
      name: limitName(this.limit),
      unit: 'calls',
      limit: burst,
      windowMs,
      remaining,
      resetMs: remaining === burst ? 0 : Math.max(1, nextMs),
    };
  }

  #tat(request: DecisionRequest): number {
    const slot = this.#space.find(request);
    return slot < 0 ? 0 : this.#column.tats.get(slot);
  }

  #allowed(nowMs: number): number {
    const roundedMs = (nowMs + this.#burstMs) * this.#rounding;
    return this.#aheadMs + Math.min(roundedMs, this.#periodMs / 2);
  }

  #wait(tat: number, nowMs: number): number {
    let waitMs = Math.max(1, Math.ceil(tat - nowMs - this.#allowed(nowMs)));
    while (waitMs > 1 && this.#admits(tat, nowMs + waitMs - 1)) waitMs -= 1;
    while (!this.#admits(tat, nowMs + waitMs)) waitMs += 1;
    return waitMs;
  }

  #admits(tat: number, nowMs: number): boolean {
    return tat - nowMs <= this.#allowed(nowMs);
  }
}
