import { createHash } from 'node:crypto';
import type { Clock, DecisionRequest, Limit, LimitRule } from '@cortex-governance/core';
import type { LimitCounters, LimitStore, LimitStoreStats } from './limit-store.ts';
import { type CellHost, HOLD_MS, type RedisCell } from './redis-cell.ts';
import {
  type CounterHost,
  RedisCounters,
  type RedisFailMode,
  RedisPermitCounters,
  RedisUnitCounters,
} from './redis-counters.ts';
import type { RedisLink } from './redis-link.ts';
import { RedisPermitCell } from './redis-permit-cell.ts';
import type { PermitPlan, UnitPlan } from './redis-plan.ts';
import { slotGroup } from './redis-slot.ts';
import { RedisUnitCell } from './redis-unit-cell.ts';

/** How often what is held and not used is looked for, in milliseconds. */
const SWEEP_MS = HOLD_MS / 4;

/** Last calls of a cell: the one whose outcome is not known, and what was to be sent after it. */
const CLOSING_ROUNDS = 2;

/** Keys that are looked at to find one that can make room for another. */
const EVICTION_TRIES = 64;

export interface RedisStoreOptions {
  readonly link: RedisLink;
  readonly sharded: boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly prefix: string;
  readonly clientId: string;
  readonly maxKeys: number;
  readonly failMode: RedisFailMode;
  /** Counts {@link localShare} of each limit while the store does not answer; null unless failMode is local. */
  readonly local: LimitStore | null;
  readonly localShare: number;
}

/** Limits that processes share through Redis; each process holds leased parts of them. */
export class RedisStore implements LimitStore, CellHost, CounterHost {
  notice = '';
  readonly link: RedisLink;
  readonly random: () => number;
  readonly clientId: string;
  readonly failMode: RedisFailMode;
  readonly prepare = this.#prepare.bind(this);
  readonly #options: RedisStoreOptions;
  readonly #clock: Clock;
  readonly #cells = new Map<string, RedisCell>();
  /** Cells that hold something or have something to send. */
  readonly #touched = new Set<RedisCell>();
  #timer: NodeJS.Timeout | null = null;
  #nowMs = Number.NEGATIVE_INFINITY;
  #calls = 0;
  #evictions = 0;
  #closing: Promise<void> | null = null;

  constructor(options: RedisStoreOptions) {
    this.#options = options;
    this.link = options.link;
    this.#clock = options.clock;
    this.random = options.random;
    this.clientId = options.clientId;
    this.failMode = options.failMode;
  }

  open(limit: Limit, rule: LimitRule): LimitCounters {
    const share = this.#openShare(limit, rule);
    return limit.kind === 'concurrency'
      ? new RedisPermitCounters(this, limit, rule, share)
      : new RedisUnitCounters(this, limit, rule, share);
  }

  stats(): LimitStoreStats {
    return { keys: this.#cells.size, evictions: this.#evictions };
  }

  /** Gives what is held back to the store, as far as it answers, and ends. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  now(): number {
    this.#nowMs = Math.max(this.#nowMs, this.#clock.monotonicMs());
    return this.#nowMs;
  }

  nextCall(): number {
    this.#calls += 1;
    return this.#calls;
  }

  touched(cell: RedisCell): void {
    this.#touched.add(cell);
    if (this.#timer !== null || this.#closing !== null) return;
    this.#timer = setTimeout(() => this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  findCell(key: string): RedisCell | null {
    return this.#cells.get(key) ?? null;
  }

  unitCell(key: string, plan: UnitPlan): RedisUnitCell | null {
    const known = this.#cells.get(key);
    if (known instanceof RedisUnitCell) return known;
    if (!this.#hasRoom()) return null;
    const cell = new RedisUnitCell(plan, this, ...this.#place(key));
    this.#cells.set(key, cell);
    return cell;
  }

  permitCell(key: string, plan: PermitPlan): RedisPermitCell | null {
    const known = this.#cells.get(key);
    if (known instanceof RedisPermitCell) return known;
    if (!this.#hasRoom()) return null;
    const cell = new RedisPermitCell(plan, this, ...this.#place(key));
    this.#cells.set(key, cell);
    return cell;
  }

  async #prepare(counters: readonly LimitCounters[], request: DecisionRequest): Promise<void> {
    const nowMs = this.now();
    const waits: Promise<void>[] = [];
    for (const one of counters) {
      const wait = one instanceof RedisCounters ? one.fetch(request, nowMs) : null;
      if (wait !== null) waits.push(wait);
    }
    if (waits.length > 0) await Promise.all(waits);
  }

  /** The digest keeps names of any length and content out of the key, and in one hash slot. */
  #place(key: string): [key: string, group: number] {
    const tag = createHash('sha256').update(key).digest('base64url');
    return [`${this.#options.prefix}{${tag}}`, this.#options.sharded ? slotGroup(tag) : 0];
  }

  #openShare(limit: Limit, rule: LimitRule): LimitCounters | null {
    const { local, localShare } = this.#options;
    if (local === null) return null;
    const scaled = { ...limit, limit: scale(limit.limit, localShare) };
    if (scaled.kind !== 'gcra') return local.open(scaled, rule);
    return local.open({ ...scaled, burst: scale(scaled.burst, localShare) }, rule);
  }

  #hasRoom(): boolean {
    if (this.#closing !== null) return false;
    if (this.#cells.size < this.#options.maxKeys) return true;
    let tries = 0;
    for (const [key, cell] of this.#cells) {
      this.#cells.delete(key);
      if (!this.#touched.has(cell)) {
        this.#evictions += 1;
        return true;
      }
      this.#cells.set(key, cell);
      tries += 1;
      if (tries === EVICTION_TRIES) break;
    }
    return false;
  }

  #sweep(): void {
    this.#timer = null;
    const nowMs = this.now();
    // After a step back time stands still, and no lease would end by itself.
    const stands = this.#clock.monotonicMs() < nowMs;
    for (const cell of [...this.#touched]) {
      if (stands) cell.release();
      if (!cell.sweep(nowMs)) this.#touched.delete(cell);
    }
    const [first] = this.#touched;
    if (first !== undefined) this.touched(first);
  }

  async #close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const cells = [...this.#touched];
    this.link.hurry();
    for (let round = 0; round < CLOSING_ROUNDS; round += 1) {
      await Promise.all(cells.map((cell) => cell.settled()));
      for (const cell of cells) cell.release();
    }
    await Promise.all(cells.map((cell) => cell.settled()));
    this.#touched.clear();
    await this.link.close();
    await this.#options.local?.close();
    this.#cells.clear();
  }
}

function scale(limit: number, share: number): number {
  return Math.max(1, Math.floor(limit * share));
}
