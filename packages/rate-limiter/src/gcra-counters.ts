import {
  type DecisionRequest,
  type GcraLimit,
  LIMITER_FULL,
  type LimitState,
} from '@cortex-governance/core';
import type { GcraColumn, GcraTable } from './gcra-table.ts';
import type { KeySpace } from './key-space.ts';
import { leastWhole } from './least-whole.ts';
import { limitName } from './limit-name.ts';
import type { LimitCounters } from './limit-store.ts';
import { PAGE_MASK } from './slot-pages.ts';

/** Longest wait that is told, in milliseconds: up to here a sum with any time is exact to one. */
const MAX_WAIT_MS = 2 ** 52;

/**
 * The generic cell rate algorithm, one number for each caller; times as in {@link GcraColumn}.
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
  readonly #slots: ReadonlyMap<string, number> | null;
  readonly #table: GcraTable;
  readonly #column: GcraColumn;
  readonly #rate: number;
  readonly #period: number;
  /** How far the TAT may be ahead when a call is admitted. */
  readonly #ahead: number;
  /** Relative error of the sums of a burst, which add up before the last of its calls. */
  readonly #rounding: number;

  constructor(limit: GcraLimit, space: KeySpace, table: GcraTable) {
    this.limit = limit;
    this.#space = space;
    this.#slots = space.slotsByTenant;
    this.#table = table;
    this.#rate = limit.limit;
    this.#period = limit.windowMs;
    this.#ahead = (limit.burst - 1) * limit.windowMs;
    this.#rounding = (limit.burst - 1) * Number.EPSILON * 2;
    const burstMs = (limit.burst * limit.windowMs) / limit.limit;
    this.#column = table.column(limit.limit, limit.windowMs, limit.windowMs + burstMs);
  }

  take(request: DecisionRequest, _units: number, nowMs: number): number {
    const slot = this.#slots?.get(request.tenant) ?? this.#space.findOrAdd(request, nowMs);
    if (slot < 0) return LIMITER_FULL;
    const column = this.#column;
    if (!column.attached) this.#table.attach(column);
    const now = nowMs * this.#rate;
    const page = column.tats.pageOf(slot);
    const base = Math.max(page[slot & PAGE_MASK] ?? 0, now);
    if (base - now > this.#allowed(now)) return this.#wait(base, nowMs);
    const tat = column.charge(base);
    page[slot & PAGE_MASK] = tat;
    this.token = tat;
    column.usedMs = nowMs;
    if (this.#table.columns.length > 1) this.#table.chargeOthers(column, slot, nowMs);
    return 0;
  }

  peek(request: DecisionRequest, _units: number, nowMs: number): number {
    const tat = this.#tat(request);
    return this.#admits(tat, nowMs) ? 0 : this.#wait(tat, nowMs);
  }

  give(request: DecisionRequest, _units: number, token: number, nowMs: number): void {
    const slot = this.#space.find(request);
    if (slot >= 0 && this.#column.attached) this.#column.give(slot, token, nowMs);
  }

  /** Nothing: the rate counts calls, and a call is never more than one. */
  charge(): void {}

  inspect(request: DecisionRequest, nowMs: number): LimitState {
    const now = nowMs * this.#rate;
    const ahead = Math.max(0, this.#tat(request) - now);
    const { burst, windowMs } = this.limit;
    const free = Math.floor((this.#allowed(now) + this.#period - ahead) / this.#period);
    const remaining = Math.min(burst, Math.max(0, free));
    const nextMs = Math.ceil((ahead - this.#ahead + remaining * this.#period) / this.#rate);
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

  #allowed(now: number): number {
    return this.#ahead + Math.min((now + this.#ahead) * this.#rounding, this.#period / 2);
  }

  #wait(tat: number, nowMs: number): number {
    const now = nowMs * this.#rate;
    const guess = Math.ceil((tat - now - this.#allowed(now)) / this.#rate);
    // After a rate that became very much smaller the guess can be far off: it knows less of the rounding.
    return leastWhole(guess, MAX_WAIT_MS, (waitMs) => this.#admits(tat, nowMs + waitMs));
  }

  #admits(tat: number, nowMs: number): boolean {
    const now = nowMs * this.#rate;
    return tat - now <= this.#allowed(now);
  }
}
