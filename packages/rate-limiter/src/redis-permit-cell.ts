import { type CellCall, HOLD_MS, RedisCell } from './redis-cell.ts';
import { RedisDemand } from './redis-demand.ts';
import type { RedisGrant } from './redis-grant.ts';
import { PERMIT_SCRIPT } from './redis-permit-script.ts';
import { CLOCK_RATE_MARGIN, type PermitPlan } from './redis-plan.ts';

/** A refusal is believed this long, in milliseconds: permits come free whenever a call ends. */
const RECHECK_MS = 50;

/** Permits for calls that run at a time. */
export class RedisPermitCell extends RedisCell {
  /** Names the call that the latest take let start. */
  token = 0;
  /** When each call that runs ends at the latest, by token, in the order of their starts. */
  readonly #running = new Map<number, number>();
  readonly #demand = new RedisDemand();
  #plan: PermitPlan;
  #permits = 0;
  /** Until when calls may start on the permits, and how long these may last. */
  #startUntilMs = Number.NEGATIVE_INFINITY;
  #coveredLeaseMs = 0;
  #left: number | null = null;
  #lastTakeMs = Number.NEGATIVE_INFINITY;
  #claimed = 0;
  #claimedAtMs = 0;
  #missed = false;
  #ahead = false;
  #shrink = false;
  #callLeaseMs = 0;
  #callLimit = 0;
  #grantedLimit = 0;
  #callNeed = 0;

  constructor(plan: PermitPlan, ...base: ConstructorParameters<typeof RedisCell>) {
    super(...base);
    this.#plan = plan;
  }

  take(plan: PermitPlan, nowMs: number): number {
    this.#adopt(plan);
    this.#lastTakeMs = nowMs;
    this.#demand.add(1, nowMs, HOLD_MS);
    if (!this.#hasRoom(1, nowMs)) {
      this.#missed = true;
      return this.miss(1, nowMs);
    }
    this.token += 1;
    this.#running.set(this.token, nowMs + plan.leaseMs);
    this.#claimed = Math.max(0, this.#claimed - 1);
    this.#askAhead(nowMs);
    return 0;
  }

  peek(plan: PermitPlan, nowMs: number): number {
    this.#adopt(plan);
    return this.#hasRoom(1, nowMs) ? 0 : this.peekMiss(1, nowMs);
  }

  prepare(plan: PermitPlan, nowMs: number): Promise<void> | null {
    this.#adopt(plan);
    return this.fetch(1, nowMs);
  }

  /** Ends a call. */
  give(token: number, nowMs: number): void {
    if (!this.#running.delete(token)) return;
    this.#expire(nowMs);
    this.forgetRefusal();
    this.host.touched(this);
    const spare = 2 * this.#block() + 1;
    if (this.#permits - this.#running.size > spare && !this.isBusy) this.#shrinkTo(this.#block());
  }

  remaining(plan: PermitPlan, nowMs: number): number | null {
    this.#adopt(plan);
    this.#expire(nowMs);
    return this.#left === null
      ? null
      : Math.max(0, this.#left + this.#permits - this.#running.size);
  }

  waitMs(nowMs: number): number {
    return this.refusal(1, nowMs);
  }

  get running(): number {
    return this.#running.size;
  }

  override sweep(nowMs: number): boolean {
    this.#expire(nowMs);
    const idle = nowMs - this.#lastTakeMs > HOLD_MS;
    if (idle && this.#permits > this.#running.size && !this.isBusy) this.#shrinkTo(0);
    else if (this.#shrink) this.ask();
    return this.isBusy || this.#running.size > 0 || this.#permits > 0 || this.#shrink;
  }

  override release(): void {
    if (this.#permits > this.#running.size) this.#shrinkTo(0);
  }

  protected override claim(units: number, nowMs: number): boolean {
    if (nowMs - this.#claimedAtMs > RECHECK_MS) this.#claimed = 0;
    if (!this.#hasRoom(units + this.#claimed, nowMs)) return false;
    this.#claimed += units;
    this.#claimedAtMs = nowMs;
    return true;
  }

  protected override nextCall(nowMs: number): CellCall | null {
    this.#expire(nowMs);
    const { limit, leaseMs, ttlMs, renewMs } = this.#plan;
    const used = this.#running.size;
    const waiters = this.waiting.filter(({ units }) => units > 0).length;
    const grows = waiters > 0 || this.#missed || this.#ahead;
    if (!grows && !this.#shrink) return null;
    const want = grows ? Math.min(limit, used + Math.max(waiters, this.#block())) : this.#permits;
    const need = grows ? used + 1 : 0;
    this.#callNeed = need;
    this.#callLeaseMs = leaseMs;
    this.#callLimit = limit;
    // Permits of a higher limit that no call runs on are asked for anew.
    if (this.#grantedLimit > limit) this.#permits = Math.min(this.#permits, used);
    this.#missed = false;
    this.#ahead = false;
    this.#shrink = false;
    const times = [limit, ttlMs * 1000, renewMs * 1000, 0];
    const call = [this.host.clientId, this.host.nextCall(), need, want, used, this.#permits];
    const most = Math.max(want, this.#permits, used);
    return { script: PERMIT_SCRIPT, args: [...times, ...call].map(String), want: most };
  }

  protected override accept(grant: RedisGrant, sentAtMs: number, nowMs: number): void {
    this.#permits = grant.granted;
    this.#left = grant.left;
    this.#startUntilMs = sentAtMs + grant.usableMs * CLOCK_RATE_MARGIN;
    this.#coveredLeaseMs = this.#callLeaseMs;
    this.#grantedLimit = this.#callLimit;
    if (this.#callNeed > 0 && grant.granted < this.#callNeed) {
      this.noteRefusal(this.#waitMs(grant.waitMs, nowMs), 0, nowMs, RECHECK_MS);
    } else {
      this.forgetRefusal();
    }
    this.host.touched(this);
  }

  protected override free(): number {
    return 0;
  }

  /** Another limit is another question to the store. */
  #adopt(plan: PermitPlan): void {
    if (plan === this.#plan) return;
    if (plan.limit !== this.#plan.limit) {
      this.forgetRefusal();
      this.#left = null;
    }
    this.#plan = plan;
  }

  /** Until the first call of all ends at the latest: one of this process, or of another. */
  #waitMs(othersMs: number, nowMs: number): number {
    const [endMs = Number.POSITIVE_INFINITY] = this.#running.values();
    const waitMs = Math.min(endMs - nowMs, othersMs > 0 ? othersMs : Number.POSITIVE_INFINITY);
    return Number.isFinite(waitMs) ? Math.max(1, waitMs) : RECHECK_MS;
  }

  /** Whether calls may start. A longer lease than the permits cover needs permits that last longer. */
  #hasRoom(calls: number, nowMs: number): boolean {
    this.#expire(nowMs);
    return (
      nowMs < this.#startUntilMs &&
      this.#plan.leaseMs <= this.#coveredLeaseMs &&
      this.#grantedLimit <= this.#plan.limit &&
      this.#running.size + calls <= Math.min(this.#permits, this.#plan.limit)
    );
  }

  #expire(nowMs: number): void {
    for (const [token, endMs] of this.#running) {
      if (nowMs < endMs) break;
      this.#running.delete(token);
    }
  }

  #block(): number {
    return Math.max(1, Math.min(this.#plan.block, Math.ceil(this.#demand.rate())));
  }

  /** Renews permits before their time to start calls is over, and asks for more before they run out. */
  #askAhead(nowMs: number): void {
    if (this.isBusy || this.isRefused(nowMs)) return;
    const renewing = nowMs >= this.#startUntilMs - this.#plan.renewMs / 2;
    const spare = this.#permits - this.#running.size;
    const low = this.#block() > 1 && spare * 2 < this.#block() && this.#permits < this.#plan.limit;
    if (!renewing && !low) return;
    this.#ahead = true;
    this.ask();
  }

  /** From here on no call starts on the permits that are given back. */
  #shrinkTo(spare: number): void {
    this.#permits = Math.min(this.#permits, this.#running.size + spare);
    this.#shrink = true;
    this.ask();
  }
}
