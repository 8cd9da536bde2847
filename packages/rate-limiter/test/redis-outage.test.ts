import { LIMITER_UNAVAILABLE, systemClock } from '@cortex-governance/core';
import {
  FaultProxy,
  RecordingLogger,
  type RedisServer,
  redisOrSkip,
  startRedis,
} from '@cortex-governance/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRedisLimiter, type RedisLimiter, type RedisLimiterOptions } from '../src/index.ts';
import {
  call,
  concurrencyOf,
  drain,
  gcraOf,
  nextId,
  requestOf,
  ruleOf,
  tokensOf,
  windowOf,
} from './redis/support.ts';

/** Enough for every backoff, and never waited for in full. */
const POLL = { timeout: 15_000, interval: 25 };

describe.runIf(redisOrSkip('rate-limiter: outages of Redis'))('while Redis is away', () => {
  let redis: RedisServer;
  let proxy: FaultProxy;
  const limiters: RedisLimiter[] = [];
  let tenants = 0;

  beforeAll(async () => {
    redis = await startRedis();
    proxy = await FaultProxy.start(redis.port);
  });

  afterAll(async () => {
    await proxy.stop();
    await redis.stop();
  });

  afterEach(async () => {
    redis.thaw();
    await redis.restart();
    await proxy.heal();
    await Promise.all(limiters.splice(0).map((limiter) => limiter.close()));
  });

  async function open(options: RedisLimiterOptions = {}): Promise<RedisLimiter> {
    const url = `redis://127.0.0.1:${proxy.port}`;
    const limiter = await createRedisLimiter({ url, ...options });
    limiters.push(limiter);
    return limiter;
  }

  function newTenant(): string {
    tenants += 1;
    return `tenant-${tenants}`;
  }

  const faults = [
    { fault: 'killed', strike: () => redis.kill(), mend: () => redis.restart() },
    {
      fault: 'frozen',
      strike: async () => redis.freeze(),
      mend: async () => redis.thaw(),
    },
    {
      fault: 'half-open',
      strike: () => proxy.inject({ kind: 'timeout' }),
      mend: () => proxy.heal(),
    },
    {
      fault: 'resetting connections',
      strike: () => proxy.inject({ kind: 'reset_peer' }),
      mend: () => proxy.heal(),
    },
    {
      fault: 'refusing connections',
      strike: () => proxy.inject({ kind: 'down' }),
      mend: () => proxy.heal(),
    },
  ];

  describe.each(faults)('$fault', ({ strike, mend }) => {
    it('closed: refuses every new key, says so once, and recovers by itself', async () => {
      const logger = new RecordingLogger();
      const limiter = await open({ logger });
      const rule = ruleOf(windowOf(5, 600_000));
      expect(await call(limiter, rule, requestOf(newTenant()))).toBe(0);
      await strike();
      for (let i = 0; i < 20; i++) {
        expect(await call(limiter, rule, requestOf(newTenant()))).toBe(LIMITER_UNAVAILABLE);
        expect(limiter.notice).toBe('limit store unavailable');
      }
      expect(logger.events()).toEqual(['LIMIT_STORE_UNAVAILABLE']);
      expect(limiter.stats()).toMatchObject({ storeAvailable: false, takenWithoutStore: 20 });
      await mend();
      await vi.waitFor(async () => {
        expect(await call(limiter, rule, requestOf(newTenant()))).toBe(0);
      }, POLL);
      expect(limiter.notice).toBe('');
      expect(logger.events()).toEqual(['LIMIT_STORE_UNAVAILABLE', 'LIMIT_STORE_RECOVERED']);
      expect(limiter.stats().storeAvailable).toBe(true);
    }, 30_000);

    it('open: admits everything, says so in the notice, and counts again after', async () => {
      const limiter = await open({ failMode: 'open' });
      const rule = ruleOf(windowOf(2, 600_000));
      const request = requestOf(newTenant());
      await strike();
      for (let i = 0; i < 20; i++) {
        expect(await call(limiter, rule, request)).toBe(0);
        expect(limiter.notice).toBe('limit store unavailable: open');
      }
      expect(limiter.stats()).toMatchObject({ storeAvailable: false, takenWithoutStore: 20 });
      await mend();
      await vi.waitFor(async () => {
        await call(limiter, rule, request);
        expect(limiter.notice).toBe('');
      }, POLL);
      await drain(limiter, rule, request, 5);
      expect(await call(limiter, rule, request)).toBeGreaterThan(0);
    }, 30_000);

    it('local: admits its share of every limit, says so, and counts in the store after', async () => {
      const limiter = await open({ failMode: 'local', localShare: 0.25 });
      const limits = [windowOf(20, 600_000), gcraOf(40, 600_000, 20), tokensOf(20, 600_000)];
      await strike();
      for (const limit of limits) {
        const request = requestOf(newTenant());
        expect(await drain(limiter, ruleOf(limit), request)).toBe(5);
        expect(limiter.notice).toBe('limit store unavailable: local share');
      }
      const tenant = newTenant();
      const running = ruleOf(concurrencyOf(20, 60_000));
      const ids = Array.from({ length: 5 }, nextId);
      for (const id of ids) expect(await call(limiter, running, requestOf(tenant), id)).toBe(0);
      expect(await call(limiter, running, requestOf(tenant))).toBeGreaterThan(0);
      for (const id of ids) {
        expect(limiter.settle(id, {}, systemClock.monotonicMs())).toBe(true);
      }
      expect(await call(limiter, running, requestOf(tenant))).toBe(0);
      await mend();
      const rule = ruleOf(windowOf(20, 600_000));
      await vi.waitFor(async () => {
        await call(limiter, rule, requestOf(newTenant()));
        expect(limiter.notice).toBe('');
      }, POLL);
      expect(await drain(limiter, rule, requestOf(newTenant()))).toBe(20);
    }, 30_000);
  });

  it.each([
    ['a replica', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
    ['full', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
    [
      'without its replicas',
      ['CONFIG', 'SET', 'min-replicas-to-write', '3'],
      ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
    ],
  ])(
    'counts a server that is %s as one that is away',
    async (_what, begin, end) => {
      const logger = new RecordingLogger();
      const limiter = await open({ logger, timeoutMs: 10_000 });
      const rule = ruleOf(windowOf(5, 600_000));
      await redis.command(...begin);
      try {
        expect(await call(limiter, rule, requestOf(newTenant()))).toBe(LIMITER_UNAVAILABLE);
        expect(limiter.stats().storeAvailable).toBe(false);
        expect(logger.events()).toEqual(['LIMIT_STORE_UNAVAILABLE']);
      } finally {
        await redis.command(...end);
      }
      await vi.waitFor(async () => {
        expect(await call(limiter, rule, requestOf(newTenant()))).toBe(0);
      }, POLL);
    },
    30_000,
  );

  it('local: admits at least one of a limit whose share is below one', async () => {
    const limiter = await open({ failMode: 'local', localShare: 0.01 });
    await redis.kill();
    expect(await drain(limiter, ruleOf(windowOf(5, 600_000)), requestOf(newTenant()))).toBe(1);
  });

  it('uses up what it holds, and refuses what the store has refused', async () => {
    const limiter = await open({ failMode: 'open' });
    const rule = ruleOf(windowOf(3, 600_000));
    const request = requestOf(newTenant());
    expect(await drain(limiter, rule, request)).toBe(3);
    await redis.kill();
    for (let i = 0; i < 5; i++) expect(await call(limiter, rule, request)).toBeGreaterThan(0);
  });

  it.each(['closed', 'open', 'local'] as const)(
    '%s: starts while the store is away',
    async (failMode) => {
      await redis.kill();
      const logger = new RecordingLogger();
      const share = failMode === 'local' ? { localShare: 0.5 } : {};
      const limiter = await open({ failMode, logger, ...share });
      expect(logger.events()).toEqual(['LIMIT_STORE_UNAVAILABLE']);
      const rule = ruleOf(windowOf(2, 600_000));
      const answer = await call(limiter, rule, requestOf(newTenant()));
      expect(answer).toBe(failMode === 'closed' ? LIMITER_UNAVAILABLE : 0);
      await redis.restart();
      const request = requestOf(newTenant());
      await vi.waitFor(async () => {
        await call(limiter, rule, request);
        expect(limiter.notice).toBe('');
      }, POLL);
      expect(await redis.command('DBSIZE')).toBeGreaterThan(0);
    },
    30_000,
  );

  it('charges debts of an outage in full, and once', async () => {
    await redis.command('FLUSHALL');
    const limiter = await open();
    const other = await open();
    const rule = ruleOf(tokensOf(100, 600_000, 10));
    const request = requestOf(newTenant());
    const id = nextId();
    expect(await call(limiter, rule, request, id)).toBe(0);
    redis.freeze();
    expect(limiter.settle(id, { tokens: 80 }, systemClock.monotonicMs())).toBe(true);
    // The store gets the charge again and again, under one number, and does all of it when thawed.
    await vi.waitFor(async () => {
      await call(limiter, rule, request);
      expect(limiter.notice).toBe('limit store unavailable');
    }, POLL);
    await new Promise((resolve) => setTimeout(resolve, 600));
    redis.thaw();
    const [key = ''] = (await redis.command('KEYS', '*')) as string[];
    await vi.waitFor(async () => {
      expect(Number(await redis.command('HGET', key, 'sum'))).toBeGreaterThanOrEqual(80);
    }, POLL);
    await vi.waitFor(async () => {
      expect(await call(other, rule, requestOf(request.tenant, 20))).toBe(0);
    }, POLL);
    expect(await call(other, rule, requestOf(request.tenant, 1))).toBeGreaterThan(0);
  }, 30_000);

  it('forgets counts with the memory of the store, and never more than that', async () => {
    const limiter = await open();
    const rule = ruleOf(windowOf(5, 600_000));
    const request = requestOf(newTenant());
    expect(await drain(limiter, rule, request)).toBe(5);
    await redis.kill();
    await redis.restart();
    let again = 0;
    await vi.waitFor(async () => {
      again += await drain(limiter, rule, request);
      expect(again).toBe(5);
    }, POLL);
    expect(await drain(limiter, rule, request)).toBe(0);
  }, 30_000);

  it('holds no sockets and no timers after it is closed, whatever the store does', async () => {
    for (const strike of [async () => redis.freeze(), () => proxy.inject({ kind: 'timeout' })]) {
      const limiter = await open();
      const rule = ruleOf(tokensOf(100, 600_000, 10));
      await call(limiter, rule, requestOf(newTenant()));
      await strike();
      for (let i = 0; i < 50; i++) await call(limiter, rule, requestOf(newTenant()));
      await limiter.close();
      redis.thaw();
      await proxy.heal();
    }
    await vi.waitFor(() => expect(proxy.openSockets).toBe(0), POLL);
  }, 30_000);
});
