import type { KeySpace, SlotTable } from './key-space.ts';
import type { MemoryBounds } from './memory-bounds.ts';

/** Parts that a window is cut into: what leaves it is free up to a sixtieth of the window late. */
const PARTS = 60;

/** Numbers of one slot, a power of two: the sums of up to 61 parts, and the three that follow. */
const SLOT_NUMBERS = 64;
const NEWEST = 61;
const TOTAL = 62;
const HELD = 63;

/** Slots of a page: 32 KB. */
const PAGE_BITS = 6;
const PAGE_MASK = (1 << PAGE_BITS) - 1;

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
  readonly #pages: (Float64Array | undefined)[] = [];

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
    if (this.#isHeld(slot)) return true;
    if (!this.#bounds.addSlots(SLOT_NUMBERS, nowMs, this.#space, slot)) return false;
    this.#start(slot);
    return true;
  }

  /** As {@link hold}, whatever the bounds. */
  forceHold(slot: number): void {
    if (this.#isHeld(slot)) return;
    this.#bounds.forceSlots(SLOT_NUMBERS);
    this.#start(slot);
  }

  /** Units that count at a part, which MUST NOT be before one asked for earlier. */
  totalAt(slot: number, part: number): number {
    const page = this.#pages[slot >>> PAGE_BITS];
    if (page === undefined) return 0;
    const at = (slot & PAGE_MASK) * SLOT_NUMBERS;
    const newest = page[at + NEWEST] ?? 0;
    let total = page[at + TOTAL] ?? 0;
    if (part <= newest || total === 0) {
      if (part > newest) page[at + NEWEST] = part;
      return total;
    }
    const ring = this.parts + 1;
    const last = Math.min(part, newest + ring);
    for (let p = newest + 1; p <= last; p++) {
      total -= page[at + (p % ring)] ?? 0;
      page[at + (p % ring)] = 0;
    }
    page[at + NEWEST] = part;
    page[at + TOTAL] = total;
    return total;
  }

  /** Units of one part that counts. */
  unitsOf(slot: number, part: number): number {
    const at = (slot & PAGE_MASK) * SLOT_NUMBERS;
    return this.#pages[slot >>> PAGE_BITS]?.[at + (part % (this.parts + 1))] ?? 0;
  }

  /** Adds units to a part that counts, or takes them away, and never below 0. */
  add(slot: number, part: number, units: number): void {
    const page = this.#pages[slot >>> PAGE_BITS];
    if (page === undefined) return;
    const at = (slot & PAGE_MASK) * SLOT_NUMBERS;
    const place = at + (part % (this.parts + 1));
    const before = page[place] ?? 0;
    const after = Math.min(MAX_PART, Math.max(0, before + units));
    page[place] = after;
    page[at + TOTAL] = (page[at + TOTAL] ?? 0) + after - before;
  }

  isIdle(slot: number, nowMs: number): boolean {
    return this.totalAt(slot, this.partAt(nowMs)) === 0;
  }

  clear(slot: number): void {
    if (!this.#isHeld(slot)) return;
    const at = (slot & PAGE_MASK) * SLOT_NUMBERS;
    this.#pages[slot >>> PAGE_BITS]?.fill(0, at, at + SLOT_NUMBERS);
    this.#bounds.removeSlots(SLOT_NUMBERS);
  }

  drop(): void {
    this.#pages.length = 0;
  }

  #isHeld(slot: number): boolean {
    const at = (slot & PAGE_MASK) * SLOT_NUMBERS;
    return this.#pages[slot >>> PAGE_BITS]?.[at + HELD] === 1;
  }

  #start(slot: number): void {
    const index = slot >>> PAGE_BITS;
    while (this.#pages.length <= index) this.#pages.push(undefined);
    const page = this.#pages[index] ?? new Float64Array(SLOT_NUMBERS << PAGE_BITS);
    page[(slot & PAGE_MASK) * SLOT_NUMBERS + HELD] = 1;
    this.#pages[index] = page;
  }
}
