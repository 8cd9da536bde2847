import type { KillSwitchEntry } from '@cortex-governance/core';
import { targetKey } from './kill-order.ts';

/** A stop in force in this process that the file does not hold, or not yet. */
export interface LocalStop {
  readonly key: string;
  readonly entry: KillSwitchEntry;
  /** Place among the orders of this process. */
  readonly order: number;
  /** `writing`: on its way to the file; `unsaved`: could not be written; `kept`: the file lost it. */
  state: 'writing' | 'unsaved' | 'kept';
}

/**
 * Stops that hold whatever the file says: those being written, those that could not be written, and
 * those that vanished from the file without a release.
 */
export class LocalStops {
  #stops: LocalStop[] = [];

  get all(): readonly LocalStop[] {
    return this.#stops;
  }

  add(entry: KillSwitchEntry, order: number, state: LocalStop['state']): LocalStop {
    const stop: LocalStop = { key: targetKey(entry), entry, order, state };
    this.#stops.push(stop);
    return stop;
  }

  /** Stops that an order's write takes along: older ones, and its own. */
  upTo(order: number): readonly LocalStop[] {
    return this.#stops.filter((stop) => stop.order <= order);
  }

  remove(gone: readonly LocalStop[]): void {
    this.#stops = this.#stops.filter((stop) => !gone.includes(stop));
  }

  /** A write failed: the stop stays, once per target; the latest, so that no older release ends it. */
  keepUnsaved(stop: LocalStop): void {
    stop.state = 'unsaved';
    const same = this.#stops.filter(({ key, state }) => key === stop.key && state !== 'writing');
    const latest = Math.max(...same.map(({ order }) => order));
    this.remove(same.filter(({ order }) => order < latest));
  }

  /**
   * Drops stops that the file holds by now, or that another process released after they were ordered.
   * On a tie the stop stays.
   * @param released when targets were released, in milliseconds, by key.
   */
  settle(held: ReadonlySet<string>, released: ReadonlyMap<string, number>): void {
    this.#stops = this.#stops.filter(({ state, key, entry }) => {
      if (state === 'writing') return true;
      const releasedAt = released.get(key) ?? Number.NEGATIVE_INFINITY;
      return !held.has(key) && !(releasedAt > Date.parse(entry.at));
    });
  }
}
