/** Slots that a new window starts with. */
const FIRST_SLOTS = 16;

/**
 * Counts calls in a sliding window, exactly: a ring of their times. It grows with the calls, up to the
 * highest limit it had.
 */
export class CallWindow {
  readonly limit: number;
  readonly windowMs: number;
  #times: Float64Array;
  #oldest = 0;
  #count = 0;
  #last = Number.NEGATIVE_INFINITY;

  constructor(limit: number, windowMs: number) {
    this.limit = limit;
    this.windowMs = windowMs;
    this.#times = new Float64Array(Math.min(limit, FIRST_SLOTS));
  }

  /** Whether one more call is within the limit. A time below the last one counts as the last one. */
  hasRoom(nowMs: number): boolean {
    const now = Math.max(nowMs, this.#last);
    while (this.#count > 0 && now - (this.#times[this.#oldest] as number) >= this.windowMs) {
      this.#oldest = (this.#oldest + 1) % this.#times.length;
      this.#count -= 1;
    }
    return this.#count < this.limit;
  }

  /** Counts a call for which there is room. */
  add(nowMs: number): void {
    this.#last = Math.max(nowMs, this.#last);
    if (this.#count === this.#times.length) this.#grow();
    this.#times[(this.#oldest + this.#count) % this.#times.length] = this.#last;
    this.#count += 1;
  }

  /** The same calls under another limit. */
  withLimit(limit: number): CallWindow {
    const other = new CallWindow(limit, this.windowMs);
    other.#times = this.#times.slice();
    other.#oldest = this.#oldest;
    other.#count = this.#count;
    other.#last = this.#last;
    return other;
  }

  #grow(): void {
    const wider = new Float64Array(Math.min(this.limit, this.#times.length * 2));
    for (let i = 0; i < this.#count; i += 1) {
      wider[i] = this.#times[(this.#oldest + i) % this.#times.length] as number;
    }
    this.#times = wider;
    this.#oldest = 0;
  }
}
