/*
 * The complete public surface of @cortex-governance/rate-limiter: named exports only; adding a line here is adding API.
 */

export { createRateLimiter } from './create-rate-limiter.ts';
export {
  findLimitRuleProblem,
  INVALID_RULE_WAIT_MS,
  MAX_LIMIT,
  MAX_WINDOW_MS,
  MAX_WINDOWS,
} from './limit-rule-check.ts';
export {
  DEFAULT_MAX_KEYS,
  DEFAULT_MAX_SLOTS,
  type RateLimiterOptions,
} from './rate-limiter-options.ts';
export type { RateLimiterStats, SlidingWindowLimiter } from './sliding-window-limiter.ts';
