import type { DecisionRequest, LimitDimension } from '@cortex-governance/core';
import { keyPart } from './limit-key.ts';
import {
  type MemoryBounds,
  SWEEP_END,
  SWEEP_EVICTED,
  SWEEP_KEPT,
  type SweptKeys,
} from './memory-bounds.ts';

/** Keys of one Map: half of what a Map can hold, so that it can always make room for deleted ones. */
const MAX_MAP_KEYS = 8_000_000;

/** Counters of one limit, by slot. */
export interface SlotTable {
  /** Whether the slot's counter equals a new one. */
  isIdle(slot: number, nowMs: number): boolean;
  /** Makes the slot's counter a new one, and gives up what it held. */
  clear(slot: number): void;
  /** Gives up everything: no key is left. */
  drop(): void;
}

/**
 * The callers that limits with the same `by` tell apart, each with the number of its slot in the tables
 * of these limits: one lookup for all limits of a rule, and no object per caller.
 */
export class KeySpace implements SweptKeys {
  /** Whether only the calls of one tool's one action are counted here. */
  readonly ofOneAction: boolean;
  readonly tables: SlotTable[] = [];
  /**
   * Slots by tenant, where callers differ in nothing else; null elsewhere. For counters that look here
   * first: whoever is not found may still be known to {@link find}.
   */
  readonly slotsByTenant: ReadonlyMap<string, number> | null;
  readonly #bounds: MemoryBounds;
  readonly #byTenant: boolean;
  readonly #bySubject: boolean;
  readonly #first = new Map<string, number>();
  readonly #maps: Map<string, number>[] = [this.#first];
  #free: number[] = [];
  #next = 0;
  /** The caller found last: the limits of a rule ask for the same one after another. */
  #lastTenant: string | null = null;
  #lastType = '';
  #lastId = '';
  #lastSlot = -1;
  #sweptMap = 0;
  #cursor: MapIterator<[string, number]> | null = null;

  constructor(by: readonly LimitDimension[], bounds: MemoryBounds) {
    this.#bounds = bounds;
    this.#byTenant = by.includes('tenant');
    this.#bySubject = by.includes('subject');
    this.slotsByTenant = this.#byTenant && !this.#bySubject ? this.#first : null;
    this.ofOneAction = by.includes('tool') && by.includes('action');
  }

  get size(): number {
    let size = 0;
    for (const map of this.#maps) size += map.size;
    return size;
  }

  /** The slot of a caller, or -1. */
  find(request: DecisionRequest): number {
    if (request.tenant === this.#lastTenant && (!this.#bySubject || this.#isLastSubject(request))) {
      return this.#lastSlot;
    }
    const key = this.#keyOf(request);
    const slot = this.#first.get(key);
    if (slot !== undefined) return this.#remember(request, slot);
    for (let i = 1; i < this.#maps.length; i++) {
      const farther = this.#maps[i]?.get(key);
      if (farther !== undefined) return this.#remember(request, farther);
    }
    return -1;
  }

  /** The slot of a caller, new if need be, or -1 when no key can be added. */
  findOrAdd(request: DecisionRequest, nowMs: number): number {
    const slot = this.find(request);
    if (slot >= 0) return slot;
    return this.#bounds.addKey(nowMs) ? this.#add(request) : -1;
  }

  /** The slot of a caller, new if need be, whatever the bounds. */
  findOrForce(request: DecisionRequest): number {
    const slot = this.find(request);
    if (slot >= 0) return slot;
    this.#bounds.forceKey();
    return this.#add(request);
  }

  sweepOne(nowMs: number, keepSlot: number): number {
    const map = this.#maps[this.#sweptMap];
    if (map === undefined) {
      this.#sweptMap = 0;
      return SWEEP_END;
    }
    this.#cursor ??= map.entries();
    const next = this.#cursor.next();
    if (next.done === true) {
      this.#cursor = null;
      this.#sweptMap += 1;
      return this.#sweptMap < this.#maps.length ? SWEEP_KEPT : this.sweepOne(nowMs, keepSlot);
    }
    const [key, slot] = next.value;
    if (slot === keepSlot || !this.#isIdle(slot, nowMs)) return SWEEP_KEPT;
    map.delete(key);
    this.#release(slot);
    return SWEEP_EVICTED;
  }

  #add(request: DecisionRequest): number {
    if (this.size === 0) this.#bounds.listSpace(this);
    let map = this.#maps.find(({ size }) => size < MAX_MAP_KEYS);
    if (map === undefined) {
      map = new Map();
      this.#maps.push(map);
    }
    const slot = this.#free.pop() ?? this.#next++;
    map.set(this.#keyOf(request), slot);
    return this.#remember(request, slot);
  }

  #release(slot: number): void {
    for (const table of this.tables) table.clear(slot);
    if (slot === this.#lastSlot) this.#lastTenant = null;
    if (this.size > 0) {
      this.#free.push(slot);
      return;
    }
    for (const table of this.tables) table.drop();
    this.#free = [];
    this.#next = 0;
  }

  #isIdle(slot: number, nowMs: number): boolean {
    for (const table of this.tables) if (!table.isIdle(slot, nowMs)) return false;
    return true;
  }

  #isLastSubject({ subject }: DecisionRequest): boolean {
    return subject.id === this.#lastId && subject.type === this.#lastType;
  }

  #remember(request: DecisionRequest, slot: number): number {
    this.#lastTenant = request.tenant;
    if (this.#bySubject) {
      this.#lastType = request.subject.type;
      this.#lastId = request.subject.id;
    }
    this.#lastSlot = slot;
    return slot;
  }

  /** The tenant itself where callers differ in nothing else: no new string. */
  #keyOf(request: DecisionRequest): string {
    const tenant = this.#byTenant ? request.tenant : '';
    if (!this.#bySubject) return tenant;
    return keyPart(tenant) + keyPart(request.subject.type) + request.subject.id;
  }
}
