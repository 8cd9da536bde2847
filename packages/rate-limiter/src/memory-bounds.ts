/**
 * Keys looked at for each new key from half of the bound on: more than come in, so that idle keys do not
 * pile up. Below it they stay, because a caller who comes back finds the key there.
 */
const SWEEP_STEPS = 2;

/**
 * Keys looked at when a bound is met: some ten microseconds, and never a walk through all keys. Once in
 * a millisecond when it finds nothing, so that calls which are refused cost little.
 */
const FULL_SWEEP_STEPS = 256;

/** What a step of a sweep met. */
export const SWEEP_END = -1;
export const SWEEP_KEPT = 0;
export const SWEEP_EVICTED = 1;

/** Keys that can be swept: a {@link KeySpace}. */
export interface SweptKeys {
  readonly size: number;
  /** Looks at the next key and evicts it when it is idle, unless it has the slot to keep. */
  sweepOne(nowMs: number, keepSlot: number): number;
}

/**
 * Counts the keys and slots of all key spaces, and makes room by evicting keys without effect.
 *
 * A cursor walks on by a few keys with each new key. When a bound is met it looks at more of them and
 * then refuses: an idle key that it has not reached yet is found by one of the next calls.
 */
export class MemoryBounds {
  readonly #maxKeys: number;
  readonly #maxSlots: number;
  /** Spaces that may hold keys. */
  readonly #spaces: SweptKeys[] = [];
  #current = 0;
  #keys = 0;
  #slots = 0;
  #evictions = 0;
  /** The millisecond in which a sweep made no room. */
  #vainMs = Number.NEGATIVE_INFINITY;

  constructor(maxKeys: number, maxSlots: number) {
    this.#maxKeys = maxKeys;
    this.#maxSlots = maxSlots;
  }

  get keys(): number {
    return this.#keys;
  }

  get slots(): number {
    return this.#slots;
  }

  get evictions(): number {
    return this.#evictions;
  }

  /** Counts one more key, if there is room for it. */
  addKey(nowMs: number): boolean {
    if (this.#keys * 2 > this.#maxKeys) this.#sweep(nowMs, SWEEP_STEPS, null, -1, false);
    if (this.#keys >= this.#maxKeys && this.#maySweepMore(nowMs)) {
      this.#sweep(nowMs, FULL_SWEEP_STEPS, null, -1, true);
    }
    if (this.#keys >= this.#maxKeys) {
      this.#vainMs = Math.floor(nowMs);
      return false;
    }
    this.#keys += 1;
    return true;
  }

  /** Counts one more key whatever the bound: for charges that must not be lost. */
  forceKey(): void {
    this.#keys += 1;
  }

  /** Counts more slots for a key, which is not evicted to make room, if there is room for them. */
  addSlots(count: number, nowMs: number, keep: SweptKeys, keepSlot: number): boolean {
    const steps = this.#maySweepMore(nowMs) ? FULL_SWEEP_STEPS : SWEEP_STEPS;
    for (let i = 0; i < steps && this.#slots + count > this.#maxSlots; i++) {
      this.#sweep(nowMs, 1, keep, keepSlot, true);
    }
    if (this.#slots + count > this.#maxSlots) {
      this.#vainMs = Math.floor(nowMs);
      return false;
    }
    this.#slots += count;
    return true;
  }

  /** Counts more slots whatever the bound. */
  forceSlots(count: number): void {
    this.#slots += count;
  }

  removeSlots(count: number): void {
    this.#slots -= count;
  }

  /** Tells of a space that had no key and gets one. */
  listSpace(space: SweptKeys): void {
    if (!this.#spaces.includes(space)) this.#spaces.push(space);
  }

  #maySweepMore(nowMs: number): boolean {
    return nowMs - this.#vainMs >= 1;
  }

  #sweep(
    nowMs: number,
    steps: number,
    keep: SweptKeys | null,
    keepSlot: number,
    untilEvicted: boolean,
  ): void {
    for (let i = 0; i < steps; i++) {
      const space = this.#spaces[this.#current];
      if (space === undefined) {
        if (this.#spaces.length === 0) return;
        this.#current = 0;
        continue;
      }
      const met = space.sweepOne(nowMs, space === keep ? keepSlot : -1);
      if (met === SWEEP_EVICTED) {
        this.#keys -= 1;
        this.#evictions += 1;
        if (untilEvicted) return;
      } else if (met === SWEEP_END) {
        this.#leave(space);
      }
    }
  }

  #leave(space: SweptKeys): void {
    if (space.size > 0) {
      this.#current += 1;
      return;
    }
    const last = this.#spaces.pop();
    if (last !== undefined && last !== space) this.#spaces[this.#current] = last;
  }
}
