/** Entries looked at for each new one: more than come in, so that expired entries do not pile up. */
const SWEEP_STEPS = 2;

/** Entries looked at when the map is full, so that one call never walks through all of them. */
const FULL_SWEEP_STEPS = 256;

interface Entry<T> {
  readonly value: T;
  readonly expiresMs: number;
}

/**
 * A map of at most `max` entries that end at a time. No timers: expired entries are found by a cursor
 * that walks on a little with every new entry, and have no effect from their end on.
 */
export class ExpiringMap<T> {
  readonly #max: number;
  readonly #entries = new Map<string, Entry<T>>();
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

  /** False, and nothing done, when the key is live or the map is full of live entries. */
  add(key: string, value: T, expiresMs: number, nowMs: number): boolean {
    if (this.get(key, nowMs) !== undefined) return false;
    this.#sweep(nowMs, SWEEP_STEPS);
    if (this.#entries.size >= this.#max) this.#sweep(nowMs, FULL_SWEEP_STEPS);
    if (this.#entries.size >= this.#max) return false;
    this.#entries.set(key, { value, expiresMs });
    return true;
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  #sweep(nowMs: number, steps: number): void {
    for (let i = 0; i < steps; i++) {
      this.#cursor ??= this.#entries.entries();
      const next = this.#cursor.next();
      if (next.done === true) {
        this.#cursor = null;
        if (this.#entries.size === 0) return;
      } else if (nowMs >= next.value[1].expiresMs) {
        this.#entries.delete(next.value[0]);
      }
    }
  }
}
