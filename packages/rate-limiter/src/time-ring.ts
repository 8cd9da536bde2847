import { unboxedNumbers } from './unboxed-numbers.ts';

/** Slots of a new ring. */
export const FIRST_SLOTS = 8;

/**
 * Times in ascending order in a ring buffer that grows when it is told to. Plain numbers in a plain
 * array, which for a small ring costs a fifth of a typed one.
 */
export class TimeRing {
  #times: number[];
  #start = 0;
  #size = 0;

  constructor(slots: number) {
    this.#times = unboxedNumbers(slots);
  }

  get size(): number {
    return this.#size;
  }

  get slots(): number {
    return this.#times.length;
  }

  get isFull(): boolean {
    return this.#size === this.#times.length;
  }

  /** The time at a place, 0 being the oldest; NaN where there is none. */
  at(place: number): number {
    if (place < 0 || place >= this.#size) return Number.NaN;
    return this.#times[this.#index(place)] ?? Number.NaN;
  }

  /** Drops every time that is at least `ageMs` old. */
  dropAged(nowMs: number, ageMs: number): void {
    while (this.#size > 0 && nowMs - (this.#times[this.#start] ?? nowMs) >= ageMs) {
      this.#start += 1;
      if (this.#start === this.#times.length) this.#start = 0;
      this.#size -= 1;
    }
  }

  dropOldest(): void {
    if (this.#size === 0) return;
    this.#start = this.#index(1);
    this.#size -= 1;
  }

  /** How many times are younger than `ageMs`. */
  countYounger(nowMs: number, ageMs: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (nowMs - this.at(middle) >= ageMs) low = middle + 1;
      else high = middle;
    }
    return this.#size - low;
  }

  /** Adds a time at its place, which is nearly always the end. The ring MUST NOT be full. */
  insert(timeMs: number): void {
    let place = this.#size;
    this.#size += 1;
    while (place > 0) {
      const before = this.#times[this.#index(place - 1)] ?? 0;
      if (before <= timeMs) break;
      this.#times[this.#index(place)] = before;
      place -= 1;
    }
    this.#times[this.#index(place)] = timeMs;
  }

  /** Removes one time that equals the one given; false when there is none. */
  remove(timeMs: number): boolean {
    const found = this.#find(timeMs);
    if (found < 0) return false;
    for (let place = found; place + 1 < this.#size; place++) {
      this.#times[this.#index(place)] = this.#times[this.#index(place + 1)] ?? 0;
    }
    this.#size -= 1;
    return true;
  }

  /** Moves everything held to a ring of more slots. */
  grow(slots: number): void {
    const times = unboxedNumbers(slots);
    for (let place = 0; place < this.#size; place++) times[place] = this.at(place);
    this.#times = times;
    this.#start = 0;
  }

  /** The last place of a time, found by halving; -1 when it is not held. */
  #find(timeMs: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle) <= timeMs) low = middle + 1;
      else high = middle;
    }
    return this.at(low - 1) === timeMs ? low - 1 : -1;
  }

  #index(place: number): number {
    const index = this.#start + place;
    return index < this.#times.length ? index : index - this.#times.length;
  }
}
