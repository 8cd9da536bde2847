import { ExpiringMap } from './expiring-map.ts';

/** What a ledger must know of a reservation: whose places it takes. */
interface Reserved {
  readonly caller: { readonly tenant: string };
}

/**
 * What calls have reserved and not yet settled, by the id of their verdict. A tenant whose calls are never
 * settled is refused before the ledger is full, so that it cannot stop the others.
 */
export class ReservationLedger<T extends Reserved> {
  readonly #entries: ExpiringMap<T>;

  constructor(max: number) {
    this.#entries = new ExpiringMap(max);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** False when the id has a live reservation, or the ledger has no place for the tenant. */
  add(id: string, entry: T, expiresMs: number, nowMs: number): boolean {
    return this.#entries.add(id, entry.caller.tenant, entry, expiresMs, nowMs);
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
