import type { BlockShape } from './shared-key.ts';
import { UNITS_PER_MS } from './shared-time.ts';
import { highHalf, joinHalves, loadNumber, lowHalf } from './shared-words.ts';

/** Sub-windows of a window: units are counted up to one of them too long. */
export const SUB_WINDOWS = 60;

/** Words of the ring of sub-windows: the 61 that count at a time, and slack for threads that are late. */
export const RING = 64;

/** Words of a block: its window's length, the total, two marks of time; then the ring. */
export const TOTAL = 1;
export const ANNOUNCED = 2;
export const ROLLED = 3;
const RING_AT = 4;

/** A word counts units in 41 bits; one that holds the most holds "that much or more". */
export const MOST_UNITS = 2 ** 41 - 1;

/** Of the upper half of a word, 9 bits belong to the units. */
const HIGH_BITS = 9;
const HIGH_MASK = 2 ** HIGH_BITS - 1;

/** The other 23 bits: of a total, a version that grows with every change; of the ring, the sub-window. */
const STAMP_MASK = 2 ** 23 - 1;

function stampedUnits(stamp: number, units: number): bigint {
  const held = Math.min(Math.max(0, Math.ceil(units)), MOST_UNITS);
  const high = ((stamp & STAMP_MASK) << HIGH_BITS) | Math.floor(held / 2 ** 32);
  return joinHalves(high, held >>> 0);
}

function stampOf(word: bigint): number {
  return highHalf(word) >>> HIGH_BITS;
}

/** Length of the sub-windows of a window in units of shared time: whole milliseconds, as in the other stores. */
export function subWindowUnits(windowMs: number): number {
  return Math.max(1, Math.ceil(windowMs / SUB_WINDOWS)) * UNITS_PER_MS;
}

/** Index of the word of a sub-window. */
export function ringIndex(base: number, sub: number): number {
  return base + RING_AT + (sub & (RING - 1));
}

/** The word of a sub-window that holds so many units. */
export function ringWord(sub: number, units: number): bigint {
  return stampedUnits(sub, units);
}

/** The word of a total of so many units after the word given. */
export function nextTotal(total: bigint, units: number): bigint {
  return stampedUnits(stampOf(total) + 1, units);
}

export function unitsOf(word: bigint): number {
  return (highHalf(word) & HIGH_MASK) * 2 ** 32 + lowHalf(word);
}

/**
 * How many sub-windows the one of this word lies before `sub`; negative when after. Sub-windows are told apart
 * modulo 2^23. A word that was left that long ago, to within 61 of them, counts once more: it refuses, and ends.
 */
export function ageOf(word: bigint, sub: number): number {
  // The difference of 23 bits, its sign extended.
  return (((sub & STAMP_MASK) - stampOf(word)) << HIGH_BITS) >> HIGH_BITS;
}

/**
 * Whether a word of the ring belongs to a sub-window after `sub`. Nobody is a whole ring ahead: a word that
 * seems to be is of long ago, and its stamp has come round.
 */
export function isLater(age: number): boolean {
  return age < 0 && age >= -RING;
}

/** Units that a word of the ring counts at `sub`, when it counts `span` sub-windows before that one. */
export function countedUnits(word: bigint, sub: number, span: number): number {
  const age = ageOf(word, sub);
  return (age >= 0 && age <= span) || isLater(age) ? unitsOf(word) : 0;
}

/** The sub-windows before the present one that count for a window, and so many make the window. */
export function spanOf(windowMs: number, subUnits: number): number {
  return Math.ceil((windowMs * UNITS_PER_MS) / subUnits);
}

/** The block of a budget. Two keys share blocks when their windows have the same length. */
export class BudgetShape implements BlockShape {
  readonly words: number = RING_AT + RING;
  readonly kind: number = 2;
  readonly param: number;
  readonly #subUnits: number;
  readonly #span: number;

  constructor(windowMs: number) {
    this.param = windowMs;
    this.#subUnits = subWindowUnits(windowMs);
    this.#span = spanOf(windowMs, this.#subUnits);
  }

  isIdle(words: BigInt64Array, base: number, now: number): boolean {
    const sub = Math.floor(now / this.#subUnits);
    for (let i = 0; i < RING; i++) {
      const word = Atomics.load(words, base + RING_AT + i);
      if (countedUnits(word, sub, this.#span) > 0) return false;
    }
    return loadNumber(words, base + ANNOUNCED) <= sub;
  }

  /** The total gets a new version, so that whoever read it before charges nothing to the next key. */
  retire(words: BigInt64Array, base: number, now: number): boolean {
    const total = Atomics.load(words, base + TOTAL);
    if (!this.isIdle(words, base, now)) return false;
    return Atomics.compareExchange(words, base + TOTAL, total, nextTotal(total, 0)) === total;
  }
}
