import { type Clock, systemClock } from '@cortex-governance/core';
import { z } from 'zod';

/** Call ids that a thread remembers when the option is left out: some 15 MB. */
export const DEFAULT_SHARED_CALL_IDS = 100_000;

/** Calls of a thread that are admitted and not settled, when the option is left out. */
export const DEFAULT_SHARED_RESERVATIONS = 100_000;

/** A Map holds 2^24 entries; this stays well below. */
const MOST_ENTRIES = 10_000_000;

/** What one thread keeps for itself. */
export interface SharedLimiterOptions {
  /**
   * Call ids that this thread remembers, 1 to 10,000,000. An id is known only to the thread that admitted it.
   * @defaultValue {@link DEFAULT_SHARED_CALL_IDS}
   */
  readonly maxCallIds?: number | undefined;
  /**
   * Calls that this thread has admitted and not yet settled, 1 to 10,000,000.
   * @defaultValue {@link DEFAULT_SHARED_RESERVATIONS}
   */
  readonly maxReservations?: number | undefined;
  /**
   * The clock that the `nowMs` of every call comes from. It must run at the rate of CLOCK_MONOTONIC.
   * @defaultValue `systemClock` of core
   */
  readonly clock?: Clock | undefined;
  /**
   * What to add to a `nowMs` of this thread, in milliseconds, to get the time that all threads share. Measured
   * against the process's clock when left out; 0 where all threads are given one time.
   */
  readonly clockOffsetMs?: number | undefined;
}

function isClock(value: unknown): value is Clock {
  return typeof value === 'object' && value !== null && 'monotonicMs' in value;
}

export const sharedLimiterOptionsSchema = z.strictObject({
  maxCallIds: z.int().min(1).max(MOST_ENTRIES).default(DEFAULT_SHARED_CALL_IDS),
  maxReservations: z.int().min(1).max(MOST_ENTRIES).default(DEFAULT_SHARED_RESERVATIONS),
  clock: z.custom<Clock>(isClock, 'not a clock').default(systemClock),
  clockOffsetMs: z.number().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER).optional(),
});
