import { parseOptions } from '@cortex-governance/core';
import { type SharedLimiterOptions, sharedLimiterOptionsSchema } from './shared-limiter-options.ts';
import { readLayout, type SharedLimiterMemory } from './shared-memory.ts';
import { SharedStore } from './shared-store.ts';
import { measureOffset, SharedTime } from './shared-time.ts';
import { type CallBounds, type RateLimiterStats, StoreLimiter } from './store-limiter.ts';

/** The numbers of one thread; {@link RateLimiterStats.keys} are those of all. */
export interface SharedLimiterStats extends RateLimiterStats {
  /** Compare-and-swaps that another thread was ahead of. */
  readonly retries: number;
}

/** A limiter over memory that worker threads share. Each thread opens its own. */
export class SharedLimiter extends StoreLimiter {
  readonly #store: SharedStore;

  constructor(store: SharedStore, bounds: CallBounds) {
    super(store, bounds);
    this.#store = store;
  }

  override stats(): SharedLimiterStats {
    return { ...super.stats(), retries: this.#store.retries };
  }
}

/**
 * The limiter of this thread over a memory that other threads count in too. Together they stay within every limit.
 *
 * A call is settled or cancelled, and its call id is known, in the thread that took it.
 * @throws {GovernanceError} OPTIONS_INVALID
 */
export function openSharedLimiter(
  memory: SharedLimiterMemory,
  options: SharedLimiterOptions = {},
): SharedLimiter {
  const where = 'openSharedLimiter(memory, options)';
  const parsed = parseOptions(sharedLimiterOptionsSchema, options, where);
  const layout = readLayout(memory, 'openSharedLimiter(memory)');
  const offsetMs = parsed.clockOffsetMs ?? measureOffset(parsed.clock, layout.epochNs);
  return new SharedLimiter(new SharedStore(layout, new SharedTime(offsetMs)), parsed);
}
