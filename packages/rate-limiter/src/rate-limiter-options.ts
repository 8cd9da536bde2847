import { z } from 'zod';

/** Keys held at most when the option is left out: some 60 MB when each has eight slots. */
export const DEFAULT_MAX_KEYS = 100_000;

/** Slots held at most when the option is left out: 16 Mi of eight bytes, 128 MiB. */
export const DEFAULT_MAX_SLOTS = 16_777_216;

/** A Map holds 2^24 entries; this stays well below. */
const MOST_KEYS = 10_000_000;

/** 16 GiB of timestamps. */
const MOST_SLOTS = 2 ** 31;

/** Bounds of a limiter's memory. */
export interface RateLimiterOptions {
  /**
   * Most keys (tenant, tool, action) held at a time, 1 to 10,000,000.
   * @defaultValue {@link DEFAULT_MAX_KEYS}
   */
  readonly maxKeys?: number | undefined;
  /**
   * Most slots held at a time over all keys, 8 to 2^31. A slot is the room for one admission, eight
   * bytes (more with call ids); the rings of all keys share them.
   * @defaultValue {@link DEFAULT_MAX_SLOTS}
   */
  readonly maxSlots?: number | undefined;
}

export const rateLimiterOptionsSchema = z.strictObject({
  maxKeys: z.int().min(1).max(MOST_KEYS).default(DEFAULT_MAX_KEYS),
  maxSlots: z.int().min(8).max(MOST_SLOTS).default(DEFAULT_MAX_SLOTS),
});
