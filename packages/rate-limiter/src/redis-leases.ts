import type { UnitPlan } from './redis-plan.ts';

/** Units that were leased together, and how long they can be used. */
export interface Lease {
  /** The sub-window or time of the grant, as the store knows it. */
  readonly mark: number;
  /** What the limit was when they were granted: they are no more than a lower one allows. */
  readonly limit: number;
  readonly most: number;
  units: number;
  untilMs: number;
}

/** Marks for which units go back in one call; more are left to expire. */
const MAX_RETURNS = 128;

/** The units that this process holds of one counter, and those on their way back to the store. */
export class RedisLeases {
  readonly #returns = new Map<number, number>();
  #leases: Lease[] = [];

  /** Leases held. */
  get size(): number {
    return this.#leases.length;
  }

  get hasReturns(): boolean {
    return this.#returns.size > 0;
  }

  /** Units that can be used under this plan at this time. */
  free(plan: UnitPlan, nowMs: number): number {
    let units = 0;
    for (const lease of this.#leases) if (isUsable(lease, plan, nowMs)) units += lease.units;
    return units;
  }

  /**
   * Uses units that are there, the oldest first, and gives the mark of the oldest: what is given back under
   * it leaves the window no later than what was used, so that no window is ever counted short.
   */
  use(units: number, plan: UnitPlan, nowMs: number): number {
    const oldest = this.#leases.find((lease) => lease.units > 0 && isUsable(lease, plan, nowMs));
    this.spend(units, plan, nowMs);
    return oldest?.mark ?? 0;
  }

  /** Uses up to so many units, the oldest first, and gives how many it were. */
  spend(units: number, plan: UnitPlan, nowMs: number): number {
    let rest = units;
    for (const lease of this.#leases) {
      if (rest === 0) break;
      if (!isUsable(lease, plan, nowMs)) continue;
      const used = Math.min(lease.units, rest);
      lease.units -= used;
      rest -= used;
    }
    return units - rest;
  }

  /** Gives units back to their lease; to the store when it is over. */
  give(mark: number, units: number, plan: UnitPlan, nowMs: number): void {
    const lease = this.#leases.find((held) => held.mark === mark && isUsable(held, plan, nowMs));
    if (lease !== undefined) lease.units += units;
    else this.#giveBack(mark, units);
  }

  add(lease: Lease, nowMs: number): void {
    this.prune(nowMs);
    const { mark, limit, most } = lease;
    const same = this.#leases.find(
      (held) => held.mark === mark && held.limit === limit && held.most === most,
    );
    if (nowMs >= lease.untilMs) {
      this.#giveBack(lease.mark, lease.units);
    } else if (same === undefined) {
      this.#leases.push(lease);
    } else {
      same.units += lease.units;
      same.untilMs = Math.min(same.untilMs, lease.untilMs);
    }
  }

  /** Gives back what can no longer be used. */
  prune(nowMs: number): void {
    const over = (lease: Lease) => nowMs >= lease.untilMs || lease.units === 0;
    if (!this.#leases.some(over)) return;
    for (const lease of this.#leases) if (over(lease)) this.#giveBack(lease.mark, lease.units);
    this.#leases = this.#leases.filter((lease) => !over(lease));
  }

  returnAll(): void {
    for (const { mark, units } of this.#leases) this.#giveBack(mark, units);
    this.#leases = [];
  }

  /** Units on their way back to the store. */
  returning(): number {
    let units = 0;
    for (const more of this.#returns.values()) units += more;
    return units;
  }

  /** Marks and units that go back with the next call, as the scripts take them. */
  takeReturns(): number[] {
    const pairs = [...this.#returns].flat();
    this.#returns.clear();
    return pairs;
  }

  #giveBack(mark: number, units: number): void {
    if (units <= 0) return;
    const held = this.#returns.get(mark);
    if (held === undefined && this.#returns.size >= MAX_RETURNS) return;
    this.#returns.set(mark, (held ?? 0) + units);
  }
}

/** What was granted under a higher limit is no part of a lower one. */
function isUsable(lease: Lease, plan: UnitPlan, nowMs: number): boolean {
  return nowMs < lease.untilMs && lease.limit <= plan.limit && lease.most <= plan.most;
}
