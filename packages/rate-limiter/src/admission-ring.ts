import { RingBuffer } from './ring-buffer.ts';

/** Slots of a new ring: 64 bytes, the most that V8 keeps inside its own heap for a typed array. */
export const FIRST_SLOTS = 8;

/** Call ids of admissions: one place per slot of the ring, and when each id was admitted last. */
interface CallIds {
  readonly places: RingBuffer<string | undefined>;
  readonly admittedAtMs: Map<string, number>;
}

/**
 * The newest admissions of one key: their times, ascending, and their call ids.
 *
 * A ring buffer that overwrites its oldest slot when full. Call ids cost nothing until one is used,
 * and are forgotten together with their admission, so that they are bounded by the ring.
 */
export class AdmissionRing {
  #times: RingBuffer<number>;
  #calls: CallIds | null = null;

  constructor(slots: number) {
    this.#times = new RingBuffer<number>(Float64Array, slots);
  }

  get size(): number {
    return this.#times.size;
  }

  get slots(): number {
    return this.#times.capacity;
  }

  get isFull(): boolean {
    return this.#times.size === this.#times.capacity;
  }

  /** Time of the nth newest admission (1 is the newest), or -Infinity when fewer are held. */
  newest(nth: number): number {
    const index = this.#times.size - nth;
    return index < 0
      ? Number.NEGATIVE_INFINITY
      : (this.#times.get(index) ?? Number.NEGATIVE_INFINITY);
  }

  /** When the call id was admitted last, or -Infinity when its admission is not held. */
  admittedAt(callId: string): number {
    return this.#calls?.admittedAtMs.get(callId) ?? Number.NEGATIVE_INFINITY;
  }

  /** Adds the newest admission; the oldest makes room when the ring is full. */
  push(timeMs: number, callId: string | undefined): void {
    if (callId !== undefined && this.#calls === null) this.#calls = this.#keepCallIds();
    if (this.#calls !== null) {
      if (this.isFull) this.#forgetOldestCallId(this.#calls);
      this.#calls.places.push(callId);
      if (callId !== undefined) this.#calls.admittedAtMs.set(callId, timeMs);
    }
    this.#times.push(timeMs);
  }

  /** Drops the oldest admission if it is no younger than the time given; says whether it did. */
  dropOldest(atOrBeforeMs: number): boolean {
    const oldest = this.#times.peekFirst();
    if (oldest === undefined || oldest > atOrBeforeMs) return false;
    if (this.#calls !== null) {
      this.#forgetOldestCallId(this.#calls);
      this.#calls.places.shift();
    }
    this.#times.shift();
    return true;
  }

  /** Moves everything held to a ring of more slots. */
  grow(slots: number): void {
    const times = new RingBuffer<number>(Float64Array, slots);
    for (let i = 0; i < this.#times.size; i++) times.push(this.#times.get(i) ?? 0);
    if (this.#calls !== null) {
      const places = new RingBuffer<string | undefined>(Array, slots);
      for (let i = 0; i < this.#times.size; i++) places.push(this.#calls.places.get(i));
      this.#calls = { places, admittedAtMs: this.#calls.admittedAtMs };
    }
    this.#times = times;
  }

  /** Starts to keep call ids: admissions so far have none. */
  #keepCallIds(): CallIds {
    const places = new RingBuffer<string | undefined>(Array, this.slots);
    for (let i = 0; i < this.size; i++) places.push(undefined);
    return { places, admittedAtMs: new Map() };
  }

  #forgetOldestCallId(calls: CallIds): void {
    const callId = calls.places.peekFirst();
    // An id that was admitted again since then belongs to the younger admission.
    if (callId !== undefined && calls.admittedAtMs.get(callId) === this.#times.peekFirst()) {
      calls.admittedAtMs.delete(callId);
    }
  }
}
