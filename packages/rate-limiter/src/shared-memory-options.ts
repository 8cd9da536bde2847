import { z } from 'zod';

/** Keys that the directory of a memory is made for when the option is left out: 2 MiB of directory. */
export const DEFAULT_SHARED_KEYS = 65_536;

/** Bytes of counters when the option is left out: 64 MiB, of which a key of a small window takes 160. */
export const DEFAULT_SHARED_BYTES = 67_108_864;

/** The directory of so many keys takes 512 MiB. */
const MOST_KEYS = 16_777_216;

/** Counters are found by a word index of 32 bits; 8 GiB stays well below, and below what V8 shares. */
const MOST_BYTES = 8_589_934_592;

/** Room for a few counters; what does not fit is answered LIMITER_FULL. */
const LEAST_BYTES = 4096;

/** Bounds of the memory that threads count in. It has its full size from the start. */
export interface SharedMemoryOptions {
  /**
   * Keys that the directory is made for, 1 to 16,777,216. It has twice as many places (at least 128). A key is one
   * caller under one limit; a limit above 16 calls takes one more for each doubling that is in use.
   * @defaultValue {@link DEFAULT_SHARED_KEYS}
   */
  readonly maxKeys?: number | undefined;
  /**
   * Bytes for counters, 4,096 to 8 GiB.
   * @defaultValue {@link DEFAULT_SHARED_BYTES}
   */
  readonly maxBytes?: number | undefined;
}

export const sharedMemoryOptionsSchema = z.strictObject({
  maxKeys: z.int().min(1).max(MOST_KEYS).default(DEFAULT_SHARED_KEYS),
  maxBytes: z.int().min(LEAST_BYTES).max(MOST_BYTES).default(DEFAULT_SHARED_BYTES),
});
