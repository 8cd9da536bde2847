/** Entries looked at for each new one: more than come in, so that expired entries do not pile up. */
const SWEEP_STEPS = 2;

/** Entries looked at when the map is full, so that one call never walks through all of them. */
const FULL_SWEEP_STEPS = 256;

/**
 * How many times the free places one owner may hold, as in the dynamic threshold by which switches share a
 * buffer (Choudhury and Hahne, 1998). It bounds everybody without a number for each: one owner alone gets
 * two thirds of all places, and each further one two thirds of those that are free when it comes.
 */
const OWNER_SHARE = 2;

interface Entry<T> {
  readonly value: T;
  readonly owner: string;
  readonly expiresMs: number;
}

/**
 * A map of at most `max` entries that end at a time, each of an owner, none of whom can take all places.
 * No timers: expired entries are found by a cursor that walks on a little with every new entry, and have
 * no effect from their end on.
 */
export class ExpiringMap<T> {
  readonly #max: number;
  readonly #entries = new Map<string, Entry<T>>();
  /** Entries held by each owner who holds any. */
  readonly #held = new Map<string, number>();
  #cursor: MapIterator<[string, Entry<T>]> | null = null;

  constructor(max: number) {
    this.#max = max;
  }

  /** Entries held, those included that expired and were not met yet. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: string, nowMs: number): T | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && nowMs < entry.expiresMs ? entry.value : undefined;
  }

  /**
   * False, and nothing done, when the key is live, the map is full of live entries, or the owner holds
   * as many as may be one's own.
   */
  add(key: string, owner: string, value: T, expiresMs: number, nowMs: number): boolean {
    if (this.get(key, nowMs) !== undefined) return false;
    this.delete(key);
    this.#sweep(nowMs, SWEEP_STEPS);
    if (!this.#hasRoom(owner)) this.#sweep(nowMs, FULL_SWEEP_STEPS);
    if (!this.#hasRoom(owner)) return false;
    this.#entries.set(key, { value, owner, expiresMs });
    this.#held.set(owner, (this.#held.get(owner) ?? 0) + 1);
    return true;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(key, entry);
  }

  /** Deletes the entry of a key when it has this value. */
  deleteIf(key: string, value: T): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.value === value) this.#remove(key, entry);
  }

  #remove(key: string, { owner }: Entry<T>): void {
    this.#entries.delete(key);
    const held = this.#held.get(owner) ?? 0;
    if (held > 1) this.#held.set(owner, held - 1);
    else this.#held.delete(owner);
  }

  #hasRoom(owner: string): boolean {
    const free = this.#max - this.#entries.size;
    return free > 0 && (this.#held.get(owner) ?? 0) < OWNER_SHARE * free;
  }

  #sweep(nowMs: number, steps: number): void {
    for (let i = 0; i < steps; i++) {
      this.#cursor ??= this.#entries.entries();
      const next = this.#cursor.next();
      if (next.done === true) {
        this.#cursor = null;
        if (this.#entries.size === 0) return;
      } else if (nowMs >= next.value[1].expiresMs) {
        this.#remove(next.value[0], next.value[1]);
      }
    }
  }
}
