import { z } from 'zod';

/** Keys held at most when the option is left out: 6 MB for gcra, 30 MB for windows of eight slots. */
export const DEFAULT_MAX_KEYS = 100_000;

/** Slots held at most when the option is left out: 16 Mi of eight bytes, 128 MiB. */
export const DEFAULT_MAX_SLOTS = 16_777_216;

/** Call ids remembered at most when the option is left out: some 25 MB. */
export const DEFAULT_MAX_CALL_IDS = 100_000;

/** Calls that are not settled at most when the option is left out: some 60 MB. */
export const DEFAULT_MAX_RESERVATIONS = 100_000;

const MOST_KEYS = 10_000_000;

/** 16 GiB of numbers. */
const MOST_SLOTS = 2 ** 31;

/** Half of what a Map can hold, so that it always has room for deleted ones. */
const MOST_CALLS = 8_000_000;

/** Bounds of a limiter's memory. */
export interface RateLimiterOptions {
  /**
   * Most keys held at a time, 1 to 10,000,000. A key is one caller as limits tell them apart (`by`); the
   * limits of a rule with the same `by` share it.
   * @defaultValue {@link DEFAULT_MAX_KEYS}
   */
  readonly maxKeys?: number | undefined;
  /**
   * Most slots held at a time over all keys, 8 to 2^31: eight bytes each, for the ring of a window or of
   * leases (as many as calls that count, rounded up) and the parts of a budget (64). gcra needs none.
   * @defaultValue {@link DEFAULT_MAX_SLOTS}
   */
  readonly maxSlots?: number | undefined;
  /**
   * Most call ids remembered at a time, 1 to 8,000,000.
   * @defaultValue {@link DEFAULT_MAX_CALL_IDS}
   */
  readonly maxCallIds?: number | undefined;
  /**
   * Most admitted calls at a time that wait to be settled, 1 to 8,000,000.
   * @defaultValue {@link DEFAULT_MAX_RESERVATIONS}
   */
  readonly maxReservations?: number | undefined;
}

export const rateLimiterOptionsSchema = z.strictObject({
  maxKeys: z.int().min(1).max(MOST_KEYS).default(DEFAULT_MAX_KEYS),
  maxSlots: z.int().min(8).max(MOST_SLOTS).default(DEFAULT_MAX_SLOTS),
  maxCallIds: z.int().min(1).max(MOST_CALLS).default(DEFAULT_MAX_CALL_IDS),
  maxReservations: z.int().min(1).max(MOST_CALLS).default(DEFAULT_MAX_RESERVATIONS),
});
