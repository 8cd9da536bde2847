import type { SlotTable } from './key-space.ts';
import { SlotPages } from './slot-pages.ts';

/** What flowed back to a slot out of turn, while calls charged before that may still be given back. */
interface Shift {
  total: number;
  until: number;
}

/**
 * The theoretical arrival times (TAT) of one steady rate, one number for each slot: the time at which
 * the bucket of this slot is full again. A TAT that has passed equals none.
 *
 * Times of a column are milliseconds times `limit`, so that a call costs `windowMs`: whole numbers stay
 * whole, and their sums exact, for as long as they are below 2^53.
 */
export class GcraColumn {
  readonly limit: number;
  /** What one call costs. */
  readonly period: number;
  /** How long a call can count, in milliseconds. */
  spanMs: number;
  readonly tats = new SlotPages();
  usedMs = 0;
  /** False when the table has dropped this column because nobody used it. */
  attached = false;
  readonly #shifts = new Map<number, Shift>();

  constructor(limit: number, windowMs: number, spanMs: number) {
    this.limit = limit;
    this.period = windowMs;
    this.spanMs = spanMs;
  }

  /** The TAT after one more call. Rounds up, so that no sum loses a part of it. */
  charge(base: number): number {
    const tat = base + this.period;
    return tat - base < this.period ? tat + tat * Number.EPSILON : tat;
  }

  /**
   * Takes back the charge that ended at `token`, as far as it has not flowed off. As in a queue: calls
   * flow off in their order, so a charge is whole until those before it are gone. Calls after one that
   * was taken back are earlier than their token says, by what is noted here.
   */
  give(slot: number, token: number, nowMs: number): void {
    const now = nowMs * this.limit;
    const tat = this.tats.get(slot);
    const shift = this.#shifts.get(slot);
    const shifted = shift === undefined || now >= shift.until ? 0 : shift.total;
    const refund = Math.min(this.period, token - shifted - now);
    if (!(refund > 0)) return;
    this.tats.set(slot, Math.max(0, tat - refund));
    if (tat === token) return;
    const until = Math.max(tat + shifted, shift?.until ?? 0);
    this.#shifts.set(slot, { total: shifted + refund, until });
  }

  clear(slot: number): void {
    this.tats.set(slot, 0);
    if (this.#shifts.size > 0) this.#shifts.delete(slot);
  }

  drop(): void {
    this.tats.drop();
    this.#shifts.clear();
  }
}

/**
 * The state of gcra limits that count the same: a column for each rate in use, nearly always one. Every
 * call is charged to all of them, so each rate sees every call, and a rate that changes and changes back
 * has missed none.
 */
export class GcraTable implements SlotTable {
  readonly columns: GcraColumn[] = [];

  /**
   * The column of a rate. A new one starts where the fullest of the others stands, in calls: a reload
   * opens nothing.
   */
  column(limit: number, windowMs: number, spanMs: number): GcraColumn {
    const known = this.columns.find((column) => column.limit === limit);
    if (known !== undefined) {
      known.spanMs = Math.max(known.spanMs, spanMs);
      return known;
    }
    const column = new GcraColumn(limit, windowMs, spanMs);
    this.attach(column);
    return column;
  }

  attach(column: GcraColumn): void {
    const latestMs = this.columns.reduce((ms, { usedMs }) => Math.max(ms, usedMs), 0);
    this.#copyLevels(column, latestMs);
    column.usedMs = latestMs;
    column.attached = true;
    this.columns.push(column);
    for (let i = this.columns.length - 2; i >= 0; i--) {
      const other = this.columns[i];
      if (other === undefined || latestMs - other.usedMs <= other.spanMs) continue;
      other.attached = false;
      other.drop();
      this.columns.splice(i, 1);
    }
  }

  /** Charges a call that one column admitted to all others. */
  chargeOthers(admitting: GcraColumn, slot: number, nowMs: number): void {
    for (const column of this.columns) {
      if (column === admitting) continue;
      const base = Math.max(column.tats.get(slot), nowMs * column.limit);
      column.tats.set(slot, column.charge(base));
    }
  }

  isIdle(slot: number, nowMs: number): boolean {
    for (const column of this.columns)
      if (column.tats.get(slot) > nowMs * column.limit) return false;
    return true;
  }

  clear(slot: number): void {
    for (const column of this.columns) column.clear(slot);
  }

  drop(): void {
    for (const column of this.columns) column.drop();
  }

  #copyLevels(column: GcraColumn, nowMs: number): void {
    for (const other of this.columns) {
      for (let slot = 0; slot < other.tats.capacity; slot++) {
        // Both have the same window, so the same distance is the same number of calls.
        const ahead = other.tats.get(slot) - nowMs * other.limit;
        if (!(ahead > 0)) continue;
        const tat = nowMs * column.limit + ahead;
        if (tat > column.tats.get(slot)) column.tats.set(slot, tat);
      }
    }
  }
}
