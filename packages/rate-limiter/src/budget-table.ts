import type { KeySpace, SlotTable } from './key-space.ts';
import type { MemoryBounds } from './memory-bounds.ts';
import { unboxedNumbers } from './unboxed-numbers.ts';

/** Parts that a window is cut into: what leaves it is free up to a sixtieth of the window late. */
const PARTS = 60;

/** Numbers of one slot: that of the newest part, the total, the sums of up to 61 parts, and one spare. */
const SLOT_NUMBERS = 64;
const NEWEST = 0;
const TOTAL = 1;
const FIRST_PART = 2;

/** Most units kept for one part: 61 of them stay exact, and it is far above every limit. */
const MAX_PART = 2 ** 46;

/**
 * The sums of units of each part of a window, for each slot of a {@link KeySpace}.
 *
 * Parts are whole milliseconds, numbered from time 0. Units count until their whole part has left the
 * window: the current part and as many before it as the window holds.
 */
export class BudgetTable implements SlotTable {
  /** Length of a part in milliseconds. */
  readonly partMs: number;
  /** Parts that count besides the current one. */
  readonly parts: number;
  readonly #space: KeySpace;
  readonly #bounds: MemoryBounds;
  /** By slot. Plain arrays: a space of few callers costs what they need, and no page of its own. */
  readonly #sums: (number[] | undefined)[] = [];

  constructor(windowMs: number, space: KeySpace, bounds: MemoryBounds) {
    this.partMs = Math.max(1, Math.ceil(windowMs / PARTS));
    this.parts = Math.ceil(windowMs / this.partMs);
    this.#space = space;
    this.#bounds = bounds;
  }

  /** The number of the part that holds a time. Whole numbers on both sides: the quotient is exact. */
  partAt(nowMs: number): number {
    return Math.floor(Math.floor(nowMs) / this.partMs);
  }

  /** Holds numbers for a slot; false when there is no room. */
  hold(slot: number, nowMs: number): boolean {
    if (this.#sums[slot] !== undefined) return true;
    if (!this.#bounds.addSlots(SLOT_NUMBERS, nowMs, this.#space, slot)) return false;
    this.#start(slot);
    return true;
  }

  /** As {@link hold}, whatever the bounds. */
  forceHold(slot: number): void {
    if (this.#sums[slot] !== undefined) return;
    this.#bounds.forceSlots(SLOT_NUMBERS);
    this.#start(slot);
  }

  /** Units that count at a part, which MUST NOT be before one asked for earlier. */
  totalAt(slot: number, part: number): number {
    const sums = this.#sums[slot];
    if (sums === undefined) return 0;
    const newest = sums[NEWEST] ?? 0;
    let total = sums[TOTAL] ?? 0;
    if (part <= newest || total === 0) {
      if (part > newest) sums[NEWEST] = part;
      return total;
    }
    const ring = this.parts + 1;
    const last = Math.min(part, newest + ring);
    for (let p = newest + 1; p <= last; p++) {
      total -= sums[FIRST_PART + (p % ring)] ?? 0;
      sums[FIRST_PART + (p % ring)] = 0;
    }
    sums[NEWEST] = part;
    sums[TOTAL] = total;
    return total;
  }

  /** Units of one part that counts. */
  unitsOf(slot: number, part: number): number {
    return this.#sums[slot]?.[FIRST_PART + (part % (this.parts + 1))] ?? 0;
  }

  /** Adds units to a part that counts, or takes them away, and never below 0. */
  add(slot: number, part: number, units: number): void {
    const sums = this.#sums[slot];
    if (sums === undefined) return;
    const place = FIRST_PART + (part % (this.parts + 1));
    const before = sums[place] ?? 0;
    const after = Math.min(MAX_PART, Math.max(0, before + units));
    sums[place] = after;
    sums[TOTAL] = (sums[TOTAL] ?? 0) + after - before;
  }

  isIdle(slot: number, nowMs: number): boolean {
    return this.totalAt(slot, this.partAt(nowMs)) === 0;
  }

  clear(slot: number): void {
    if (this.#sums[slot] === undefined) return;
    this.#sums[slot] = undefined;
    this.#bounds.removeSlots(SLOT_NUMBERS);
  }

  drop(): void {
    this.#sums.length = 0;
  }

  #start(slot: number): void {
    while (this.#sums.length <= slot) this.#sums.push(undefined);
    const sums = unboxedNumbers(SLOT_NUMBERS);
    sums.fill(0);
    this.#sums[slot] = sums;
  }
}
