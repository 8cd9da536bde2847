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

  /** A write failed: the stop stays, once per target. */
  keepUnsaved(stop: LocalStop): void {
    const known = this.#stops.some((other) => other.key === stop.key && other.state !== 'writing');
    if (known) this.remove([stop]);
    else stop.state = 'unsaved';
  }

  /** Drops stops that the file holds by now, or that another process released. */
  settle(keys: ReadonlySet<string>): void {
    this.#stops = this.#stops.filter((stop) => stop.state === 'writing' || !keys.has(stop.key));
  }
}
