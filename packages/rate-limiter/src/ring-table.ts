import type { KeySpace, SlotTable } from './key-space.ts';
import type { MemoryBounds } from './memory-bounds.ts';
import { FIRST_SLOTS, TimeRing } from './time-ring.ts';

/**
 * A ring of times for each slot of a {@link KeySpace}: of admissions, which count for a window, or of
 * the ends of leases, which count until then (a window of 0).
 */
export class RingTable implements SlotTable {
  readonly rings: (TimeRing | undefined)[] = [];
  readonly #windowMs: number;
  readonly #space: KeySpace;
  readonly #bounds: MemoryBounds;

  constructor(windowMs: number, space: KeySpace, bounds: MemoryBounds) {
    this.#windowMs = windowMs;
    this.#space = space;
    this.#bounds = bounds;
  }

  /** The ring of a slot, new if need be, or null when there is no room for it. */
  ringFor(slot: number, most: number, nowMs: number): TimeRing | null {
    return this.rings[slot] ?? this.#add(slot, most, nowMs);
  }

  /** Doubles a full ring, up to `most` slots; false when there is no room. */
  grow(ring: TimeRing, slot: number, most: number, nowMs: number): boolean {
    const slots = Math.max(ring.slots + 1, Math.min(ring.slots * 2, most));
    return this.#growTo(ring, slot, slots, nowMs);
  }

  /**
   * Fills an empty ring with what windows of other lengths hold of the last `windowMs`: a rule whose
   * window changed goes on with what was counted. Only where all of them count the same calls. An
   * admission of this very moment is left out once: it is that of the call at hand, by another limit.
   * False when there is no room.
   */
  takeOver(ring: TimeRing, slot: number, nowMs: number): boolean {
    if (!this.#space.ofOneAction || this.#windowMs === 0) return true;
    let richest: TimeRing | undefined;
    let most = 0;
    for (const table of this.#space.tables) {
      if (!(table instanceof RingTable) || table === this || table.#windowMs === 0) continue;
      const other = table.rings[slot];
      const count = other === undefined ? 0 : this.#countInside(other, nowMs);
      if (count > most) {
        most = count;
        richest = other;
      }
    }
    if (richest === undefined) return true;
    if (most > ring.slots && !this.#growTo(ring, slot, most, nowMs)) return false;
    const first = richest.size - most - (richest.at(richest.size - 1) === nowMs ? 1 : 0);
    for (let i = 0; i < most; i++) ring.insert(richest.at(first + i));
    return true;
  }

  isIdle(slot: number, nowMs: number): boolean {
    const ring = this.rings[slot];
    if (ring === undefined || ring.size === 0) return true;
    return nowMs - ring.at(ring.size - 1) >= this.#windowMs;
  }

  clear(slot: number): void {
    const ring = this.rings[slot];
    if (ring === undefined) return;
    this.#bounds.removeSlots(ring.slots);
    this.rings[slot] = undefined;
  }

  drop(): void {
    this.rings.length = 0;
  }

  #add(slot: number, most: number, nowMs: number): TimeRing | null {
    const slots = Math.min(FIRST_SLOTS, most);
    if (!this.#bounds.addSlots(slots, nowMs, this.#space, slot)) return null;
    const ring = new TimeRing(slots);
    while (this.rings.length <= slot) this.rings.push(undefined);
    this.rings[slot] = ring;
    return ring;
  }

  #growTo(ring: TimeRing, slot: number, slots: number, nowMs: number): boolean {
    if (!this.#bounds.addSlots(slots - ring.slots, nowMs, this.#space, slot)) return false;
    ring.grow(slots);
    return true;
  }

  #countInside(ring: TimeRing, nowMs: number): number {
    let end = ring.size;
    if (ring.at(end - 1) === nowMs) end -= 1;
    let first = end;
    while (first > 0 && nowMs - ring.at(first - 1) < this.#windowMs) first -= 1;
    return end - first;
  }
}
