import { systemClock } from '@cortex-governance/core';
import {
  describeRateLimiter,
  type RedisServer,
  redisOrSkip,
  startRedis,
} from '@cortex-governance/testkit';
import { afterAll, beforeAll, describe } from 'vitest';
import { createRedisLimiter } from '../src/index.ts';

describe.runIf(redisOrSkip('rate-limiter: conformance of createRedisLimiter'))('with Redis', () => {
  let redis: RedisServer;
  let prefixes = 0;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  describeRateLimiter(
    'createRedisLimiter',
    () => {
      prefixes += 1;
      // The times that the suite gives are near 0.
      const startMs = systemClock.monotonicMs();
      const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() - startMs };
      const prefix = `limiter-${prefixes}:`;
      return createRedisLimiter({ url: redis.url, timeoutMs: 5000, prefix, clock });
    },
    { exact: false, ownTime: false, runs: 60 },
  );
});
