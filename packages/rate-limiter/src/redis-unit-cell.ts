import { type CellCall, HOLD_MS, RedisCell } from './redis-cell.ts';
import { RedisDemand } from './redis-demand.ts';
import type { RedisGrant } from './redis-grant.ts';
import { RedisLeases } from './redis-leases.ts';
import { CLOCK_RATE_MARGIN, type UnitPlan } from './redis-plan.ts';

/** A call whose outcome is not known is repeated under its number until it is. */
interface OpenCall {
  readonly call: CellCall;
  readonly need: number;
  readonly debt: number;
  readonly sinceMs: number;
}

/** Units promised to a prepared call are not promised again for this long, in milliseconds. */
const CLAIM_MS = 5;

/** Units of a window, a budget or a steady rate. */
export class RedisUnitCell extends RedisCell {
  /** Mark of what the latest take took. */
  token = 0;
  readonly #demand = new RedisDemand();
  readonly #leases = new RedisLeases();
  #open: OpenCall | null = null;
  #plan: UnitPlan;
  #debt = 0;
  #left: number | null = null;
  #leftAtMs = 0;
  #claimed = 0;
  #claimedAtMs = 0;
  #lastTakeMs = Number.NEGATIVE_INFINITY;
  /** Units of the largest take that found too few since the last call; -1 when there was none. */
  #missed = -1;
  /** Until when the store is known not to be in debt, so that a take of nothing is admitted. */
  #solventUntilMs = Number.NEGATIVE_INFINITY;
  #ahead = false;

  constructor(plan: UnitPlan, ...base: ConstructorParameters<typeof RedisCell>) {
    super(...base);
    this.#plan = plan;
  }

  take(plan: UnitPlan, units: number, nowMs: number): number {
    this.#adopt(plan);
    if (units > plan.most) return Math.max(1, plan.windowMs);
    this.#lastTakeMs = nowMs;
    this.#demand.add(units, nowMs, plan.periodMs);
    if (!this.#has(units, nowMs)) {
      this.#missed = Math.max(this.#missed, units);
      return this.miss(units, nowMs);
    }
    this.token = this.#leases.use(units, this.#plan, nowMs);
    this.#claimed = Math.max(0, this.#claimed - units);
    this.#askAhead(nowMs);
    return 0;
  }

  peek(plan: UnitPlan, units: number, nowMs: number): number {
    this.#adopt(plan);
    if (units > plan.most) return Math.max(1, plan.windowMs);
    return this.#has(units, nowMs) ? 0 : this.peekMiss(units, nowMs);
  }

  prepare(plan: UnitPlan, units: number, nowMs: number): Promise<void> | null {
    this.#adopt(plan);
    return units > plan.most ? null : this.fetch(units, nowMs);
  }

  give(units: number, mark: number, nowMs: number): void {
    this.#leases.give(mark, units, this.#plan, nowMs);
    this.#payDebt(nowMs);
    this.forgetRefusal();
    this.host.touched(this);
  }

  charge(plan: UnitPlan, units: number, nowMs: number): void {
    this.#adopt(plan);
    this.#debt = Math.min(Number.MAX_SAFE_INTEGER, this.#debt + units);
    this.#payDebt(nowMs);
    if (this.#debt === 0) return;
    this.#solventUntilMs = Number.NEGATIVE_INFINITY;
    this.ask();
  }

  /** From units that are held: the store has counted them. The rest is charged by the next call. */
  #payDebt(nowMs: number): void {
    if (this.#debt > 0) this.#debt -= this.#leases.spend(this.#debt, this.#plan, nowMs);
  }

  /** Units that could be had, as far as is known here; null when the store has not said. */
  remaining(plan: UnitPlan, nowMs: number): number | null {
    this.#adopt(plan);
    if (this.#left === null || nowMs - this.#leftAtMs > plan.windowMs) return null;
    return Math.max(0, this.#left + this.free(nowMs) + this.#leases.returning() - this.#debt);
  }

  waitMs(nowMs: number): number {
    return this.refusal(Number.POSITIVE_INFINITY, nowMs);
  }

  override sweep(nowMs: number): boolean {
    this.#leases.prune(nowMs);
    if (nowMs - this.#lastTakeMs > HOLD_MS) this.#leases.returnAll();
    const forgotten = this.#open !== null && nowMs - this.#open.sinceMs > 2 * this.#plan.stepMs;
    if (forgotten && !this.isBusy && this.#open?.debt === 0) this.#open = null;
    if (this.#leases.hasReturns || this.#debt > 0 || this.#open !== null) this.ask();
    return this.isBusy || this.#leases.size > 0 || this.refusal(1, nowMs) > 0;
  }

  override release(): void {
    this.#leases.returnAll();
    if (this.#leases.hasReturns || this.#debt > 0 || this.#open !== null) this.ask();
  }

  protected override claim(units: number, nowMs: number): boolean {
    if (nowMs - this.#claimedAtMs > CLAIM_MS) this.#claimed = 0;
    if (!this.#has(units + this.#claimed, nowMs)) return false;
    this.#claimed += units;
    this.#claimedAtMs = nowMs;
    return true;
  }

  protected override nextCall(nowMs: number): CellCall | null {
    if (this.#open !== null) return this.#open.call;
    const { need, want } = this.#wanted(nowMs);
    this.#missed = -1;
    this.#ahead = false;
    if (want === 0 && !this.#leases.hasReturns && this.#debt === 0) return null;
    const { script, parameters } = this.#plan;
    const { clientId } = this.host;
    const debt = this.#debt;
    const args = [...parameters, clientId, this.host.nextCall(), need, want, debt];
    args.push(...this.#leases.takeReturns());
    this.#debt = 0;
    const call = { script, args: args.map(String), want };
    this.#open = { call, need, debt, sinceMs: nowMs };
    return call;
  }

  protected override accept(grant: RedisGrant, sentAtMs: number, nowMs: number): void {
    const { need, call } = this.#open ?? { need: 0, call: { want: 0 } };
    const { want } = call;
    this.#open = null;
    this.#left = grant.left;
    this.#leftAtMs = nowMs;
    const { limit, most, stepMs } = this.#plan;
    // No script lets a lease be used for longer, whatever the reply says.
    const usableMs = Math.min(grant.usableMs, 2 * stepMs) * CLOCK_RATE_MARGIN;
    if (grant.granted > 0) {
      const untilMs = sentAtMs + usableMs;
      const { mark, granted: units } = grant;
      this.#leases.add({ mark, limit, most, units, untilMs }, nowMs);
      this.#payDebt(nowMs);
    }
    if (want > 0) {
      if (grant.granted < want && grant.waitMs > 0) {
        // Refused although nothing was needed: the counter is in debt.
        this.noteRefusal(grant.waitMs, need === 0 ? -1 : grant.left, nowMs);
        this.#solventUntilMs = Number.NEGATIVE_INFINITY;
      } else {
        this.#solventUntilMs = sentAtMs + Math.min(HOLD_MS, usableMs);
        this.forgetRefusal();
      }
    }
    this.host.touched(this);
    if (this.#debt > 0) this.ask();
  }

  #wanted(nowMs: number): { need: number; want: number } {
    const needs = this.waiting.map(({ units }) => units);
    if (this.#missed >= 0) needs.push(this.#missed);
    if (needs.length === 0 && !this.#ahead) return { need: 0, want: 0 };
    if (needs.length === 0) needs.push(1);
    const free = this.free(nowMs);
    const asked = this.waiting.reduce((sum, { units }) => sum + units, 0);
    const short = Math.max(asked, this.#missed) - free;
    const want = Math.max(this.#block() - this.#fresh(nowMs), short, 1);
    const most = Math.max(1, this.#plan.most);
    const need = Math.max(0, Math.min(...needs) - free);
    return { need: Math.min(most, need), want: Math.min(most, Math.max(need, want)) };
  }

  /** Units that are leased at a time: what was asked for in a sub-window, up to a share of the limit. */
  #block(): number {
    return Math.max(1, Math.min(this.#plan.block, Math.ceil(this.#demand.rate())));
  }

  /** Units that can still be used when the sub-window is over. */
  #fresh(nowMs: number): number {
    return this.#leases.free(this.#plan, nowMs + this.#plan.stepMs);
  }

  /** Asks for the next lease before this one is used up or ends. */
  #askAhead(nowMs: number): void {
    if (this.isBusy || this.isRefused(nowMs)) return;
    const block = this.#block();
    if (block < 2 || this.#fresh(nowMs) * 2 >= block) return;
    this.#ahead = true;
    this.ask();
  }

  protected override free(nowMs: number): number {
    return this.#leases.free(this.#plan, nowMs);
  }

  /** Whether a take can have so many units. A take of none needs only that there is no debt. */
  #has(units: number, nowMs: number): boolean {
    if (this.#debt > 0) return false;
    const free = this.free(nowMs);
    return units > 0 ? free >= units : free > 0 || nowMs < this.#solventUntilMs;
  }

  /** Another limit is another question to the store. */
  #adopt(plan: UnitPlan): void {
    if (plan === this.#plan) return;
    if (plan.limit !== this.#plan.limit || plan.most !== this.#plan.most) {
      this.forgetRefusal();
      this.#left = null;
    }
    this.#plan = plan;
  }
}
