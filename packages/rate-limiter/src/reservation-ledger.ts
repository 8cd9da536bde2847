import { ExpiringMap } from './expiring-map.ts';

/** What calls have reserved and not yet settled, by the id of their verdict. */
export class ReservationLedger<T> {
  readonly #entries: ExpiringMap<T>;

  constructor(max: number) {
    this.#entries = new ExpiringMap(max);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** False when the id has a live reservation, or the ledger is full of live ones. */
  add(id: string, entry: T, expiresMs: number, nowMs: number): boolean {
    return this.#entries.add(id, entry, expiresMs, nowMs);
  }

  find(id: string, nowMs: number): T | undefined {
    return this.#entries.get(id, nowMs);
  }

  /** Takes a live reservation out: a second call for the same id finds none. */
  take(id: string, nowMs: number): T | undefined {
    const entry = this.#entries.get(id, nowMs);
    this.#entries.delete(id);
    return entry;
  }
}
