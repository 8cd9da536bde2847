import {
  type BudgetLimit,
  type DecisionRequest,
  type GcraLimit,
  LIMITER_FULL,
  LIMITER_UNAVAILABLE,
  type Limit,
  type LimitRule,
  type LimitState,
  type WindowLimit,
} from '@cortex-governance/core';
import { limitKey } from './limit-key.ts';
import { limitName } from './limit-name.ts';
import type { LimitCounters } from './limit-store.ts';
import { LEASE_PENDING, type RedisCell, STORE_DOWN } from './redis-cell.ts';
import { RedisPermitCell } from './redis-permit-cell.ts';
import { type PermitPlan, permitPlan, type UnitPlan, unitPlan } from './redis-plan.ts';
import { RedisUnitCell } from './redis-unit-cell.ts';
import { estimateUnits } from './usage-estimate.ts';

/** Notice of a take that needs units which are being fetched from the store. */
export const PENDING_NOTICE = 'lease pending';

/** Notices of takes while the store does not answer, by what is done then. */
export const OUTAGE_NOTICES = {
  closed: 'limit store unavailable',
  open: 'limit store unavailable: open',
  local: 'limit store unavailable: local share',
} as const;

export type RedisFailMode = keyof typeof OUTAGE_NOTICES;

/** Token of a take that nothing counted. Tokens of the store are above 0, those of the local share below. */
const UNCOUNTED = Number.NEGATIVE_INFINITY;

/** What counters need of their store. */
export interface CounterHost {
  readonly failMode: RedisFailMode;
  notice: string;
  findCell(key: string): RedisCell | null;
  unitCell(key: string, plan: UnitPlan): RedisUnitCell | null;
  permitCell(key: string, plan: PermitPlan): RedisPermitCell | null;
}

/** What the kinds of limits have in common: what is done while the store does not answer. */
export abstract class RedisCounters<C extends RedisCell = RedisCell> implements LimitCounters {
  readonly limit: Limit;
  token = 0;
  protected readonly host: CounterHost;
  readonly #rule: LimitRule;
  readonly #share: LimitCounters | null;

  /** @param share counts a part of the limit in this process while the store does not answer. */
  constructor(host: CounterHost, limit: Limit, rule: LimitRule, share: LimitCounters | null) {
    this.host = host;
    this.limit = limit;
    this.#rule = rule;
    this.#share = share;
  }

  protected abstract cell(key: string): C | null;
  /** The cell of this key when there is one. */
  protected abstract find(key: string): C | null;
  protected abstract takeFrom(cell: C, units: number, nowMs: number): number;
  protected abstract peekAt(cell: C, units: number, nowMs: number): number;
  protected abstract fetchFor(cell: C, units: number, nowMs: number): Promise<void> | null;
  protected abstract giveTo(cell: C, units: number, token: number, nowMs: number): void;
  protected abstract chargeTo(cell: C, units: number, nowMs: number): void;
  protected abstract tokenOf(cell: C): number;
  protected abstract units(request: DecisionRequest): number;
  protected abstract state(cell: C | null, nowMs: number): LimitState;

  take(request: DecisionRequest, units: number, nowMs: number): number {
    this.host.notice = '';
    const cell = this.#cellOf(request);
    if (cell === null) return LIMITER_FULL;
    const answer = this.takeFrom(cell, units, nowMs);
    if (answer >= 0) {
      this.token = this.tokenOf(cell);
      return answer;
    }
    if (answer === LEASE_PENDING) {
      this.host.notice = PENDING_NOTICE;
      return LIMITER_UNAVAILABLE;
    }
    return this.#takeWithoutStore(request, units, nowMs);
  }

  peek(request: DecisionRequest, units: number, nowMs: number): number {
    const cell = this.#cellOf(request);
    if (cell === null) return LIMITER_FULL;
    const answer = this.peekAt(cell, units, nowMs);
    if (answer >= 0) return answer;
    if (answer === STORE_DOWN && this.host.failMode === 'open') return 0;
    if (answer === STORE_DOWN && this.#share !== null) {
      return this.#share.peek(request, units, nowMs);
    }
    return LIMITER_UNAVAILABLE;
  }

  give(request: DecisionRequest, units: number, token: number, nowMs: number): void {
    if (token === UNCOUNTED) return;
    if (token < 0 || Object.is(token, -0)) {
      this.#share?.give(request, units, -token, nowMs);
      return;
    }
    const cell = this.#cellOf(request);
    if (cell !== null) this.giveTo(cell, units, token, nowMs);
  }

  /** Goes to the store as soon as it answers; while it does not, the local share is charged, too. */
  charge(request: DecisionRequest, units: number, nowMs: number): void {
    const cell = this.#cellOf(request);
    if (cell?.isDown === true) this.#share?.charge(request, units, nowMs);
    if (cell !== null) this.chargeTo(cell, units, nowMs);
  }

  inspect(request: DecisionRequest, nowMs: number): LimitState {
    return this.state(this.find(limitKey(this.limit, this.#rule, request)), nowMs);
  }

  /** Fetches what a take of this request needs; null when there is nothing to wait for. */
  fetch(request: DecisionRequest, nowMs: number): Promise<void> | null {
    const cell = this.#cellOf(request);
    return cell === null ? null : this.fetchFor(cell, this.units(request), nowMs);
  }

  #cellOf(request: DecisionRequest): C | null {
    return this.cell(limitKey(this.limit, this.#rule, request));
  }

  #takeWithoutStore(request: DecisionRequest, units: number, nowMs: number): number {
    this.host.notice = OUTAGE_NOTICES[this.host.failMode];
    if (this.host.failMode === 'open') {
      this.token = UNCOUNTED;
      return 0;
    }
    if (this.#share === null) return LIMITER_UNAVAILABLE;
    const wait = this.#share.take(request, units, nowMs);
    const { token } = this.#share;
    this.token = token >= 0 ? -token : UNCOUNTED;
    return wait;
  }
}

/** Counters of windows, budgets and steady rates. */
export class RedisUnitCounters extends RedisCounters<RedisUnitCell> {
  readonly #limit: WindowLimit | BudgetLimit | GcraLimit;
  readonly #plan: UnitPlan;

  constructor(
    host: CounterHost,
    limit: WindowLimit | BudgetLimit | GcraLimit,
    rule: LimitRule,
    share: LimitCounters | null,
  ) {
    super(host, limit, rule, share);
    this.#limit = limit;
    this.#plan = unitPlan(limit);
  }

  protected override cell(key: string): RedisUnitCell | null {
    return this.host.unitCell(key, this.#plan);
  }

  protected override find(key: string): RedisUnitCell | null {
    const cell = this.host.findCell(key);
    return cell instanceof RedisUnitCell ? cell : null;
  }

  protected override takeFrom(cell: RedisUnitCell, units: number, nowMs: number): number {
    return cell.take(this.#plan, units, nowMs);
  }

  protected override peekAt(cell: RedisUnitCell, units: number, nowMs: number): number {
    return cell.peek(this.#plan, units, nowMs);
  }

  protected override fetchFor(
    cell: RedisUnitCell,
    units: number,
    nowMs: number,
  ): Promise<void> | null {
    return cell.prepare(this.#plan, units, nowMs);
  }

  protected override giveTo(cell: RedisUnitCell, units: number, token: number, now: number): void {
    cell.give(units, token, now);
  }

  protected override chargeTo(cell: RedisUnitCell, units: number, nowMs: number): void {
    cell.charge(this.#plan, units, nowMs);
  }

  protected override tokenOf(cell: RedisUnitCell): number {
    return cell.token;
  }

  protected override units(request: DecisionRequest): number {
    return this.#limit.kind === 'budget' ? estimateUnits(this.#limit, request) : 1;
  }

  protected override state(cell: RedisUnitCell | null, nowMs: number): LimitState {
    const { most, windowMs } = this.#plan;
    const remaining = Math.min(most, cell?.remaining(this.#plan, nowMs) ?? most);
    return {
      name: limitName(this.#limit),
      unit: this.#limit.kind === 'budget' ? this.#limit.unit : 'calls',
      limit: most,
      windowMs,
      remaining,
      resetMs: remaining === most ? 0 : cell?.waitMs(nowMs) || windowMs,
    };
  }
}

/** Counters of calls that run at a time. */
export class RedisPermitCounters extends RedisCounters<RedisPermitCell> {
  readonly #plan: PermitPlan;

  constructor(
    host: CounterHost,
    limit: Extract<Limit, { kind: 'concurrency' }>,
    rule: LimitRule,
    share: LimitCounters | null,
  ) {
    super(host, limit, rule, share);
    this.#plan = permitPlan(limit);
  }

  protected override cell(key: string): RedisPermitCell | null {
    return this.host.permitCell(key, this.#plan);
  }

  protected override find(key: string): RedisPermitCell | null {
    const cell = this.host.findCell(key);
    return cell instanceof RedisPermitCell ? cell : null;
  }

  protected override takeFrom(cell: RedisPermitCell, _units: number, nowMs: number): number {
    return cell.take(this.#plan, nowMs);
  }

  protected override peekAt(cell: RedisPermitCell, _units: number, nowMs: number): number {
    return cell.peek(this.#plan, nowMs);
  }

  protected override fetchFor(
    cell: RedisPermitCell,
    _units: number,
    nowMs: number,
  ): Promise<void> | null {
    return cell.prepare(this.#plan, nowMs);
  }

  protected override giveTo(
    cell: RedisPermitCell,
    _units: number,
    token: number,
    now: number,
  ): void {
    cell.give(token, now);
  }

  /** A call is one call: there is nothing to charge above it. */
  protected override chargeTo(): void {}

  protected override tokenOf(cell: RedisPermitCell): number {
    return cell.token;
  }

  protected override units(): number {
    return 1;
  }

  protected override state(cell: RedisPermitCell | null, nowMs: number): LimitState {
    const { limit, leaseMs } = this.#plan;
    const remaining = Math.min(limit, cell?.remaining(this.#plan, nowMs) ?? limit);
    return {
      name: limitName(this.limit),
      unit: 'concurrency',
      limit,
      windowMs: 0,
      remaining,
      resetMs: remaining === limit ? 0 : leaseMs,
    };
  }
}
