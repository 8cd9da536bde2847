import type { Clock } from './clock.ts';

/** Wall time is read anew at most this often (ms); between, it follows the monotonic clock. */
const RESYNC_MS = 1000;

/** Wall time from a monotonic reading that was taken anyway: one clock read per decision. */
export class WallTime {
  readonly #clock: Clock;
  #offsetMs = 0;
  #syncedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds since the Unix epoch at a moment of the monotonic clock that is now. */
  at(nowMs: number): number {
    if (nowMs - this.#syncedAtMs >= RESYNC_MS) {
      this.#sync(nowMs);
    }
    return nowMs + this.#offsetMs;
  }

  #sync(nowMs: number): void {
    try {
      this.#offsetMs = this.#clock.wallMs() - nowMs;
      this.#syncedAtMs = nowMs;
    } catch {
      // A verdict must have an id even when the clock fails; it keeps the last offset.
    }
  }
}
