import { GovernanceError, type RateLimiter } from '@cortex-governance/core';
import { createRateLimiter, createRedisLimiter } from '@cortex-governance/rate-limiter';
import type { GovernanceConfig } from './governance-config.ts';
import { CONFIG_FILE_NAME } from './governor-paths.ts';
import type { Opening } from './opening.ts';

/** The limiter that was given, or the one that the configuration describes. */
export async function openLimiter(opening: Opening): Promise<RateLimiter> {
  const { options, config, clock, logger, cleanup } = opening;
  // One that was given is shared with others; whoever made it ends it.
  if (options.limiter !== undefined) return options.limiter;
  const { maxKeys, redis } = config.limiter;
  if (redis === undefined) return createRateLimiter({ maxKeys });
  const { failMode, localShare, timeoutMs, prefix } = redis;
  const limiter = await createRedisLimiter({
    ...storeAddress(redis),
    ...{ failMode, timeoutMs, prefix, maxKeys, clock, logger },
    ...(localShare === undefined ? {} : { localShare }),
  });
  cleanup.add(() => limiter.close());
  return limiter;
}

type RedisConfig = NonNullable<GovernanceConfig['limiter']['redis']>;

function storeAddress({ url, urlEnv, nodes }: RedisConfig): { url: string } | { nodes: string[] } {
  if (nodes !== undefined) return { nodes };
  if (url !== undefined) return { url };
  const fromEnvironment = process.env[urlEnv ?? ''];
  if (fromEnvironment !== undefined && fromEnvironment !== '') return { url: fromEnvironment };
  throw new GovernanceError('CONFIG_INVALID', {
    file: CONFIG_FILE_NAME,
    place: 'limiter.redis.urlEnv',
    problem: `the environment variable ${urlEnv} is not set`,
  });
}
