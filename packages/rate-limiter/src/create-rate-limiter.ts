import { parseOptions } from '@cortex-governance/core';
import { MemoryStore } from './memory-store.ts';
import { type RateLimiterOptions, rateLimiterOptionsSchema } from './rate-limiter-options.ts';
import { StoreLimiter } from './store-limiter.ts';

/**
 * A limiter for this process, for every kind of limit.
 *
 * Counters live in memory: they start empty with the process, and two processes count apart.
 * @throws {GovernanceError} OPTIONS_INVALID
 */
export function createRateLimiter(options: RateLimiterOptions = {}): StoreLimiter {
  const { maxKeys, maxSlots, maxCallIds, maxReservations } = parseOptions(
    rateLimiterOptionsSchema,
    options,
    'createRateLimiter(options)',
  );
  return new StoreLimiter(new MemoryStore(maxKeys, maxSlots), { maxCallIds, maxReservations });
}
