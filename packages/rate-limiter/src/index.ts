/*
 * The complete public surface of @cortex-governance/rate-limiter: named exports only; adding a line here is adding API.
 */

export { createRateLimiter } from './create-rate-limiter.ts';
export { createRedisLimiter } from './create-redis-limiter.ts';
export { limitName } from './limit-name.ts';
export {
  findLimitRuleProblem,
  INVALID_RULE_WAIT_MS,
  MAX_BUDGET,
  MAX_LEASE_MS,
  MAX_LIMIT,
  MAX_LIMITS,
  MAX_RATE,
  MAX_WINDOW_MS,
} from './limit-rule-check.ts';
export {
  type RateLimitFields,
  rateLimitFields,
  retryAfterSeconds,
} from './rate-limit-fields.ts';
export {
  DEFAULT_MAX_CALL_IDS,
  DEFAULT_MAX_KEYS,
  DEFAULT_MAX_RESERVATIONS,
  DEFAULT_MAX_SLOTS,
  type RateLimiterOptions,
} from './rate-limiter-options.ts';
export type { RedisConnection } from './redis-connection.ts';
export type { RedisFailMode } from './redis-counters.ts';
export type { RedisLimiter, RedisLimiterStats } from './redis-limiter.ts';
export {
  DEFAULT_CONNECT_TIMEOUT_MS,
  DEFAULT_FAIL_MODE,
  DEFAULT_KEY_PREFIX,
  DEFAULT_REDIS_MAX_KEYS,
  DEFAULT_TIMEOUT_MS,
  type RedisLimiterOptions,
} from './redis-limiter-options.ts';
export type { RedisScript } from './redis-script.ts';
export {
  openSharedLimiter,
  type SharedLimiter,
  type SharedLimiterStats,
} from './shared-limiter.ts';
export {
  DEFAULT_SHARED_CALL_IDS,
  DEFAULT_SHARED_RESERVATIONS,
  type SharedLimiterOptions,
} from './shared-limiter-options.ts';
export { createSharedLimiterMemory, type SharedLimiterMemory } from './shared-memory.ts';
export {
  DEFAULT_SHARED_BYTES,
  DEFAULT_SHARED_KEYS,
  type SharedMemoryOptions,
} from './shared-memory-options.ts';
export type { RateLimiterStats, StoreLimiter } from './store-limiter.ts';
export { estimateUnits, findTokenCap, type TokenCap } from './usage-estimate.ts';
