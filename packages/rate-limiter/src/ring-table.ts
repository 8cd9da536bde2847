import type { KeySpace, SlotTable } from './key-space.ts';
import type { MemoryBounds } from './memory-bounds.ts';
import { FIRST_SLOTS, TimeRing } from './time-ring.ts';

/**
 * A ring of times for each slot of a {@link KeySpace}: of admissions, which count for a window, or of
 * the ends of leases, which count until then (a window of 0).
 *
 * Windows of several lengths that count the same calls share a table: it remembers for the longest
 * window, and as many times as the largest limit, that any rule has had. A rule whose windows change
 * goes on with what was counted.
 */
export class RingTable implements SlotTable {
  readonly rings: (TimeRing | undefined)[] = [];
  readonly #space: KeySpace;
  readonly #bounds: MemoryBounds;
  #windowMs = 0;
  #most = 1;

  constructor(space: KeySpace, bounds: MemoryBounds) {
    this.#space = space;
    this.#bounds = bounds;
  }

  /** Remembers from now on what a limit of `most` in `windowMs` needs. */
  retain(most: number, windowMs: number): void {
    this.#most = Math.max(this.#most, most);
    this.#windowMs = Math.max(this.#windowMs, windowMs);
  }

  /**
   * The ring of a slot, new if need be, with what counts for no limit dropped; null when there is no
   * room for it.
   */
  ringFor(slot: number, nowMs: number): TimeRing | null {
    const ring = this.rings[slot];
    if (ring === undefined) return this.#add(slot, nowMs);
    ring.dropAged(nowMs, this.#windowMs);
    return ring;
  }

  /** As {@link ringFor}, when the slot has a ring. */
  find(slot: number, nowMs: number): TimeRing | undefined {
    const ring = slot < 0 ? undefined : this.rings[slot];
    ring?.dropAged(nowMs, this.#windowMs);
    return ring;
  }

  /**
   * Adds a time to a ring, which doubles when it is full, up to the largest limit; from there on the
   * oldest time makes room, because it is more than any limit asks for. False when there is no room.
   */
  insert(ring: TimeRing, slot: number, timeMs: number, nowMs: number): boolean {
    if (ring.isFull) {
      const slots = Math.min(ring.slots * 2, this.#most);
      if (slots <= ring.slots) ring.dropOldest();
      else if (this.#bounds.addSlots(slots - ring.slots, nowMs, this.#space, slot))
        ring.grow(slots);
      else return false;
    }
    ring.insert(timeMs);
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

  #add(slot: number, nowMs: number): TimeRing | null {
    const slots = Math.min(FIRST_SLOTS, this.#most);
    if (!this.#bounds.addSlots(slots, nowMs, this.#space, slot)) return null;
    const ring = new TimeRing(slots);
    while (this.rings.length <= slot) this.rings.push(undefined);
    this.rings[slot] = ring;
    return ring;
  }
}
