import type { Clock } from '@cortex-governance/core';

/** Units of shared time in a millisecond: a power of two, so that whole milliseconds convert exactly. */
export const UNITS_PER_MS = 65_536;

/** Latest time that is believed, in milliseconds of shared time: two years; in units it stays below 2^53. */
const MAX_SHARED_MS = 2 ** 36;

const SAMPLES = 32;

/**
 * Converts the monotonic milliseconds of this thread to the time that all threads of a memory share: whole units
 * since the memory was made. The clocks of two threads have different origins, but the same rate.
 */
export class SharedTime {
  /** The time of the latest call, rounded down: what is compared with the end of an admission. */
  now = 0;
  /** The same, rounded up: what the end of an admission is counted from, so that none ends early. */
  nowUp = 0;
  readonly #offsetMs: number;

  constructor(offsetMs: number) {
    this.#offsetMs = offsetMs;
  }

  /** Reads a time of this thread; one that runs backwards or is no number counts as the last one. */
  read(nowMs: number): void {
    const sharedMs = nowMs + this.#offsetMs;
    if (!(sharedMs > 0 && sharedMs <= MAX_SHARED_MS)) return;
    const units = sharedMs * UNITS_PER_MS;
    const now = Math.floor(units);
    if (now < this.now) return;
    this.now = now;
    this.nowUp = Math.max(this.nowUp, Math.ceil(units));
  }

  /** Lets no time before this one count any more. */
  raise(units: number): void {
    if (units <= this.now) return;
    this.now = units;
    this.nowUp = Math.max(this.nowUp, units);
  }
}

/** Whole milliseconds, at least 1, until the time given. */
export function waitUntil(units: number, now: number): number {
  return Math.max(1, Math.ceil((units - now) / UNITS_PER_MS));
}

/**
 * What to add to a thread's monotonic milliseconds to get milliseconds since the memory was made. The sample whose
 * two clock reads lie closest together is off by less than that distance: some microseconds at most.
 */
export function measureOffset(clock: Clock, epochNs: bigint): number {
  let offsetMs = 0;
  let closest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < SAMPLES; i++) {
    const beforeMs = clock.monotonicMs();
    const sharedMs = Number(process.hrtime.bigint() - epochNs) / 1e6;
    const tookMs = clock.monotonicMs() - beforeMs;
    if (!(tookMs < closest)) continue;
    closest = tookMs;
    offsetMs = sharedMs - (beforeMs + tookMs / 2);
  }
  return offsetMs;
}
