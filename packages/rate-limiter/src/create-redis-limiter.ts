import { randomBytes } from 'node:crypto';
import { GovernanceError, parseOptions } from '@cortex-governance/core';
import type { z } from 'zod';
import type { LimitStore } from './limit-store.ts';
import { MemoryStore } from './memory-store.ts';
import { DEFAULT_MAX_SLOTS } from './rate-limiter-options.ts';
import { ClientConnection } from './redis-client-connection.ts';
import type { RedisConnection } from './redis-connection.ts';
import { RedisLimiter } from './redis-limiter.ts';
import { type RedisLimiterOptions, redisLimiterOptionsSchema } from './redis-limiter-options.ts';
import { RedisLink } from './redis-link.ts';
import { redisScript } from './redis-script.ts';
import { slotGroup } from './redis-slot.ts';
import { RedisStore } from './redis-store.ts';

type Options = z.output<typeof redisLimiterOptionsSchema>;

/** Asked once at the start, so that a store that is away is known before the first call. */
const PROBE_SCRIPT = redisScript(`return 'ready'`);

/** Hash tag of the key that the probe names; nothing is stored under it. */
const PROBE_TAG = 'probe';

/**
 * A limiter whose limits hold across processes and hosts: each process leases a part of a limit from Redis
 * (or Valkey) and admits calls from it without I/O. Starts also when the store is away, in its failMode.
 *
 * @throws {GovernanceError} OPTIONS_INVALID; also when `url` or `nodes` is given and the package
 *   @redis/client is not installed.
 */
export async function createRedisLimiter(options: RedisLimiterOptions): Promise<RedisLimiter> {
  const checked = parseOptions(redisLimiterOptionsSchema, options, 'createRedisLimiter(options)');
  const { clock, logger, random, timeoutMs, connectTimeoutMs, prefix } = checked;
  const connection = checked.connection ?? (await openConnection(checked));
  const link = new RedisLink(connection, {
    timeoutMs,
    clock,
    logger,
    random,
  });
  const sharded = connection.sharded === true;
  const store = new RedisStore({
    ...checked,
    link,
    sharded,
    local: localStore(checked),
    localShare: checked.localShare ?? 1,
    clientId: randomBytes(12).toString('base64url'),
  });
  const group = sharded ? slotGroup(PROBE_TAG) : 0;
  await link.probe(group, PROBE_SCRIPT, `${prefix}{${PROBE_TAG}}`, connectTimeoutMs);
  return new RedisLimiter(store, checked);
}

/** Of the limits of a rule it counts those alone whose part of the store does not answer. */
function localStore({ failMode, maxKeys }: Options): LimitStore | null {
  return failMode === 'local' ? new MemoryStore(maxKeys, DEFAULT_MAX_SLOTS, true) : null;
}

async function openConnection(options: Options): Promise<RedisConnection> {
  const { url, nodes, connectTimeoutMs, timeoutMs } = options;
  const [first, ...rest] = nodes ?? [url ?? ''];
  try {
    return new ClientConnection(await import('@redis/client'), {
      nodes: [first, ...rest],
      cluster: nodes !== undefined,
      connectTimeoutMs,
      timeoutMs,
    });
  } catch (cause) {
    throw new GovernanceError(
      'OPTIONS_INVALID',
      {
        where: `createRedisLimiter(options).${nodes === undefined ? 'url' : 'nodes'}`,
        problem: 'needs the package @redis/client to be installed',
      },
      { cause },
    );
  }
}
