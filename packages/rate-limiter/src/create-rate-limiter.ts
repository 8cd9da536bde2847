import { parseOptions } from '@cortex-governance/core';
import { type RateLimiterOptions, rateLimiterOptionsSchema } from './rate-limiter-options.ts';
import { createSlidingWindowLimiter, type SlidingWindowLimiter } from './sliding-window-limiter.ts';

/**
 * A limiter for this process: an exact sliding window per tenant, tool and action.
 *
 * Counters live in memory: they start empty with the process, and two processes count apart.
 * @throws {GovernanceError} OPTIONS_INVALID
 */
export function createRateLimiter(options: RateLimiterOptions = {}): SlidingWindowLimiter {
  const { maxKeys, maxSlots } = parseOptions(
    rateLimiterOptionsSchema,
    options,
    'createRateLimiter(options)',
  );
  return createSlidingWindowLimiter(maxKeys, maxSlots);
}
