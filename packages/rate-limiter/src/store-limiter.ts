import {
  type DecisionRequest,
  LIMITER_FULL,
  type LimitRule,
  type LimitState,
  type LimitUsage,
  MAX_IDENTIFIER_LENGTH,
  type RateLimiter,
} from '@cortex-governance/core';
import { CallIdTable, callIdKey } from './call-id-table.ts';
import { callerOf, isCountable, type LimitPlan } from './limit-plan.ts';
import { INVALID_RULE_WAIT_MS } from './limit-rule-check.ts';
import type { LimitCounters, LimitStore } from './limit-store.ts';
import { PlanBook } from './plan-book.ts';
import { ReservationLedger } from './reservation-ledger.ts';
import { estimateUnits, MAX_UNITS } from './usage-estimate.ts';

/** Latest time that is believed, in milliseconds: up to here every whole millisecond is exact. */
const MAX_TIME_MS = 2 ** 52;

/** Bounds of what a limiter remembers of calls, whatever its store. */
export interface CallBounds {
  readonly maxCallIds: number;
  readonly maxReservations: number;
}

/** Plain numbers for metrics. */
export interface RateLimiterStats {
  /** Keys held. */
  readonly keys: number;
  /** Slots of eight bytes held over all keys; 0 for a store that has none. */
  readonly slots: number;
  /** Keys without effect that made room for others. */
  readonly evictions: number;
  /** Call ids and reservations held; some may be over and not yet met. */
  readonly callIds: number;
  readonly reservations: number;
  /** Calls that were answered LIMITER_FULL. */
  readonly refusedFull: number;
  /** Calls that were refused because their rule or request cannot be counted. */
  readonly refusedInvalidRule: number;
}

/** An admitted call that is not settled. */
interface Reservation {
  readonly plan: LimitPlan;
  readonly caller: DecisionRequest;
  readonly callKey: string;
  readonly units: readonly number[];
  readonly tokens: readonly number[];
}

/**
 * The limiter over any {@link LimitStore}: rules, call ids, estimates, all or nothing, settling.
 *
 * Limits are taken one after the other; when one refuses, those taken before it are given back.
 */
export class StoreLimiter implements RateLimiter {
  readonly prepare: ((rule: LimitRule, request: DecisionRequest) => Promise<void>) | null;
  readonly #store: LimitStore;
  readonly #callIds: CallIdTable;
  readonly #reservations: ReservationLedger<Reservation>;
  readonly #plans: PlanBook;
  #nowMs = 0;
  /** The latest take, when it charged and has no reservation: it can still be cancelled. */
  #lastId = '';
  #lastRequest: DecisionRequest | null = null;
  #lastPlan: LimitPlan | null = null;
  #lastCallKey = '';
  /** How the latest take was counted, by the first of its limits that was not counted by the store. */
  #notice = '';
  #refusedFull = 0;
  #refusedInvalidRule = 0;

  constructor(store: LimitStore, bounds: CallBounds) {
    this.#store = store;
    this.#plans = new PlanBook(store);
    this.#callIds = new CallIdTable(bounds.maxCallIds);
    this.#reservations = new ReservationLedger(bounds.maxReservations);
    this.prepare = store.prepare === null ? null : this.#prepare.bind(this);
  }

  get notice(): string {
    return this.#notice;
  }

  take(rule: LimitRule, request: DecisionRequest, id: string, nowMs: number): number {
    this.#advance(nowMs);
    this.#lastId = '';
    this.#notice = '';
    const plan = this.#plans.find(rule);
    if (plan === null || !isCountable(request, plan) || (plan.reserves && !isReservationId(id))) {
      this.#refusedInvalidRule += 1;
      return INVALID_RULE_WAIT_MS;
    }
    const wait =
      request.callId === undefined
        ? this.#charge(plan, request, id, '')
        : this.#chargeOnce(plan, request, id);
    if (wait === LIMITER_FULL) this.#refusedFull += 1;
    return wait;
  }

  settle(id: string, usage: LimitUsage, nowMs: number): boolean {
    this.#advance(nowMs);
    const reservation = this.#reservations.take(id, this.#nowMs);
    if (reservation === undefined) return false;
    const { plan, caller, units, tokens } = reservation;
    for (let i = 0; i < plan.counters.length; i++) {
      const counters = plan.counters[i];
      if (counters !== undefined) {
        this.#settleOne(counters, caller, units[i] ?? 0, tokens[i] ?? 0, usage);
      }
    }
    return true;
  }

  cancel(id: string, nowMs: number): boolean {
    this.#advance(nowMs);
    const reservation = this.#reservations.take(id, this.#nowMs);
    if (reservation !== undefined) {
      const { plan, caller, units, tokens, callKey } = reservation;
      this.#giveBack(plan, plan.counters.length, caller, units, tokens);
      this.#callIds.remove(callKey, id);
      return true;
    }
    if (this.#lastId === '' || id !== this.#lastId) return false;
    const plan = this.#lastPlan;
    const request = this.#lastRequest;
    if (plan === null || request === null) return false;
    this.#lastId = '';
    const { sole } = plan;
    // Nothing was taken since: the counters still know where they charged.
    if (sole !== null) sole.give(request, 1, sole.token, this.#nowMs);
    else this.#giveBack(plan, plan.counters.length, request, plan.units, plan.tokens);
    this.#callIds.remove(this.#lastCallKey, id);
    return true;
  }

  reservedBy(id: string): string | undefined {
    return this.#reservations.find(id, this.#nowMs)?.caller.tenant;
  }

  inspect(rule: LimitRule, request: DecisionRequest, nowMs: number): readonly LimitState[] {
    this.#advance(nowMs);
    const plan = this.#plans.find(rule);
    if (plan === null || !isCountable(request, plan)) return [];
    return plan.counters.map((counters, i) => ({
      ...counters.inspect(request, this.#nowMs),
      name: plan.names[i] ?? '',
    }));
  }

  size(): number {
    return this.#store.stats().keys;
  }

  stats(): RateLimiterStats {
    const { keys, evictions, slots = 0 } = this.#store.stats();
    return {
      keys,
      slots,
      evictions,
      callIds: this.#callIds.size,
      reservations: this.#reservations.size,
      refusedFull: this.#refusedFull,
      refusedInvalidRule: this.#refusedInvalidRule,
    };
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #advance(nowMs: number): void {
    if (nowMs > this.#nowMs && nowMs <= MAX_TIME_MS) this.#nowMs = Number(nowMs);
  }

  /** Free when the call id was admitted; otherwise charges, and remembers the id. */
  #chargeOnce(plan: LimitPlan, request: DecisionRequest, id: string): number {
    const callKey = callIdKey(plan.rule, request);
    if (callKey === '') return this.#charge(plan, request, id, '');
    if (this.#callIds.has(callKey, this.#nowMs)) return 0;
    // Before the charge: an id that cannot be remembered would be charged again.
    if (!this.#callIds.add(callKey, id, this.#nowMs, plan.callIdMs)) return LIMITER_FULL;
    const wait = this.#charge(plan, request, id, callKey);
    if (wait !== 0) this.#callIds.remove(callKey, id);
    return wait;
  }

  #charge(plan: LimitPlan, request: DecisionRequest, id: string, callKey: string): number {
    const wait =
      plan.sole === null
        ? this.#chargeAll(plan, request, id, callKey)
        : this.#chargeSole(plan.sole, request);
    if (wait !== 0 || plan.reserves) return wait;
    this.#lastId = id;
    this.#lastRequest = request;
    this.#lastPlan = plan;
    this.#lastCallKey = callKey;
    return 0;
  }

  #chargeSole(sole: LimitCounters, request: DecisionRequest): number {
    const wait = sole.take(request, 1, this.#nowMs);
    this.#notice = this.#store.notice;
    return wait;
  }

  #chargeAll(plan: LimitPlan, request: DecisionRequest, id: string, callKey: string): number {
    const { counters, units, tokens } = plan;
    const count = counters.length;
    for (let i = 0; i < count; i++) {
      const one = counters[i];
      if (one === undefined) return LIMITER_FULL;
      const wanted = unitsOf(one, request);
      const wait = one.take(request, wanted, this.#nowMs);
      if (this.#notice === '') this.#notice = this.#store.notice;
      if (wait !== 0) return this.#refuse(plan, i, wait, request);
      units[i] = wanted;
      tokens[i] = one.token;
    }
    return plan.reserves ? this.#reserve(plan, request, id, callKey) : 0;
  }

  #reserve(plan: LimitPlan, request: DecisionRequest, id: string, callKey: string): number {
    const units = Array.from(plan.units);
    const tokens = Array.from(plan.tokens);
    const caller = callerOf(plan.rule, request);
    const expiresMs = this.#nowMs + plan.reservationMs;
    const entry: Reservation = { plan, caller, callKey, units, tokens };
    if (this.#reservations.add(id, entry, expiresMs, this.#nowMs)) return 0;
    this.#giveBack(plan, plan.counters.length, caller, units, tokens);
    return LIMITER_FULL;
  }

  /** Gives back what limits before the one that refused had charged; answers the longest wait. */
  #refuse(plan: LimitPlan, refusing: number, wait: number, request: DecisionRequest): number {
    this.#giveBack(plan, refusing, request, plan.units, plan.tokens);
    if (wait < 0) return wait;
    let longest = wait;
    for (let i = 0; i < plan.counters.length; i++) {
      const one = plan.counters[i];
      if (i === refusing || one === undefined) continue;
      const other = one.peek(request, unitsOf(one, request), this.#nowMs);
      if (other > longest) longest = other;
    }
    return longest;
  }

  #giveBack(
    plan: LimitPlan,
    count: number,
    caller: DecisionRequest,
    units: ArrayLike<number>,
    tokens: ArrayLike<number>,
  ): void {
    for (let i = count - 1; i >= 0; i--) {
      plan.counters[i]?.give(caller, units[i] ?? 0, tokens[i] ?? 0, this.#nowMs);
    }
  }

  #settleOne(
    counters: LimitCounters,
    caller: DecisionRequest,
    reserved: number,
    token: number,
    usage: LimitUsage,
  ): void {
    const { limit } = counters;
    if (limit.kind === 'concurrency') counters.give(caller, reserved, token, this.#nowMs);
    if (limit.kind !== 'budget' || limit.unit === 'calls') return;
    const used = usedUnits(usage?.[limit.unit], reserved);
    if (used > reserved) counters.charge(caller, used - reserved, this.#nowMs);
    if (used < reserved) counters.give(caller, reserved - used, token, this.#nowMs);
  }

  /** Never rejects: a rule or request that cannot be counted has nothing to fetch. */
  async #prepare(rule: LimitRule, request: DecisionRequest): Promise<void> {
    const plan = this.#plans.find(rule);
    if (plan === null || !isCountable(request, plan)) return;
    await this.#store.prepare?.(plan.counters, request);
  }
}

function unitsOf(counters: LimitCounters, request: DecisionRequest): number {
  const { limit } = counters;
  return limit.kind === 'budget' ? estimateUnits(limit, request) : 1;
}

/** What is no amount, or below 0, counts as left out: the call used what it had reserved. */
function usedUnits(used: number | undefined, reserved: number): number {
  if (typeof used !== 'number' || !(used >= 0)) return reserved;
  return Math.min(Math.ceil(used), MAX_UNITS);
}

function isReservationId(id: string): boolean {
  return typeof id === 'string' && id.length > 0 && id.length <= MAX_IDENTIFIER_LENGTH;
}
