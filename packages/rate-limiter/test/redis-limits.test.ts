import { LIMITER_UNAVAILABLE, systemClock } from '@cortex-governance/core';
import { type RedisServer, redisOrSkip, startRedis } from '@cortex-governance/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRedisLimiter, type StoreLimiter } from '../src/index.ts';
import {
  type Admission,
  call,
  concurrencyOf,
  drain,
  gcraOf,
  mostInAnyWindow,
  nextId,
  requestOf,
  ruleOf,
  tokensOf,
  windowOf,
} from './redis/support.ts';

describe.runIf(redisOrSkip('rate-limiter: limits through Redis'))('limits through Redis', () => {
  let redis: RedisServer;
  const limiters: StoreLimiter[] = [];
  let tenants = 0;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  afterEach(async () => {
    await Promise.all(limiters.splice(0).map((limiter) => limiter.close()));
  });

  async function open(count: number): Promise<StoreLimiter[]> {
    const opened = Array.from({ length: count }, () =>
      createRedisLimiter({ url: redis.url, timeoutMs: 5000 }),
    );
    const ready = await Promise.all(opened);
    limiters.push(...ready);
    return ready;
  }

  function newTenant(): string {
    tenants += 1;
    return `tenant-${tenants}`;
  }

  const now = (): number => systemClock.monotonicMs();

  it('admits exactly the limit over several limiters', async () => {
    const rule = ruleOf(windowOf(100, 60_000));
    const request = requestOf(newTenant());
    const [a, b, c] = (await open(3)) as [StoreLimiter, StoreLimiter, StoreLimiter];
    let admitted = 0;
    await vi.waitFor(
      async () => {
        for (const limiter of [a, b, c]) admitted += await drain(limiter, rule, request);
        expect(admitted).toBe(100);
      },
      { timeout: 10_000, interval: 50 },
    );
    for (const limiter of [a, b, c]) {
      expect(await call(limiter, rule, request)).toBeGreaterThan(1);
      expect(limiter.notice).toBe('');
    }
  });

  it('counts tenants apart, and keeps every key in one hash tag, expiring by itself', async () => {
    const [limiter] = (await open(1)) as [StoreLimiter];
    const rule = ruleOf(
      windowOf(1, 1000),
      gcraOf(5, 1000, 5),
      tokensOf(9, 1000),
      concurrencyOf(1, 50),
    );
    const hostile = ['{a}b', '}{', '{}', 'a\nb', 'a\r\nDEL x\r\n', 'nul\0', ' ', '☃'.repeat(200)];
    await redis.command('FLUSHALL');
    for (const tenant of hostile) {
      expect(await call(limiter, rule, requestOf(tenant))).toBe(0);
      expect(await call(limiter, rule, requestOf(tenant))).toBeGreaterThan(0);
    }
    const keys = (await redis.command('KEYS', '*')) as string[];
    expect(keys).toHaveLength(4 * hostile.length);
    for (const key of keys) {
      expect(key).toMatch(/^cortex:limit:\{[\w-]{43}\}$/);
      expect(await redis.command('PTTL', key)).toBeGreaterThan(0);
    }
    await limiter.close();
    await vi.waitFor(async () => expect(await redis.command('DBSIZE')).toBe(0), {
      timeout: 10_000,
      interval: 100,
    });
  });

  it('gives what an idle process holds to the others', async () => {
    const rule = ruleOf(windowOf(320, 600_000));
    const request = requestOf(newTenant());
    const [holder, other] = (await open(2)) as [StoreLimiter, StoreLimiter];
    // Demand makes the holder lease more than it uses.
    let used = 0;
    for (let i = 0; i < 40; i++) if ((await call(holder, rule, request)) === 0) used += 1;
    expect(used).toBe(40);
    await vi.waitFor(
      async () => {
        used += await drain(other, rule, request);
        expect(used).toBe(320);
      },
      { timeout: 10_000, interval: 50 },
    );
  });

  it('asks the store nothing for a key that is used up', async () => {
    const rule = ruleOf(windowOf(5, 600_000));
    const request = requestOf(newTenant());
    const [limiter] = (await open(1)) as [StoreLimiter];
    expect(await drain(limiter, rule, request)).toBe(5);
    const before = await scriptCalls();
    for (let i = 0; i < 500; i++) expect(await call(limiter, rule, request)).toBeGreaterThan(0);
    // One look a second at the most, for what others gave back.
    expect((await scriptCalls()) - before).toBeLessThanOrEqual(3);
  });

  it('goes on after the store has forgotten its scripts', async () => {
    const rule = ruleOf(windowOf(10, 600_000));
    const request = requestOf(newTenant());
    const [limiter] = (await open(1)) as [StoreLimiter];
    expect(await call(limiter, rule, request)).toBe(0);
    await redis.command('SCRIPT', 'FLUSH');
    expect(await drain(limiter, rule, request)).toBe(9);
  });

  it('takes all limits of a rule or none', async () => {
    const rule = ruleOf(windowOf(10, 600_000), windowOf(3, 300_000));
    const loose = ruleOf(windowOf(10, 600_000));
    const request = requestOf(newTenant());
    const [limiter] = (await open(1)) as [StoreLimiter];
    expect(await drain(limiter, rule, request)).toBe(3);
    for (let i = 0; i < 5; i++) expect(await call(limiter, rule, request)).toBeGreaterThan(0);
    expect(await drain(limiter, loose, request)).toBe(7);
  });

  it('cancels exactly what was taken', async () => {
    const rule = ruleOf(windowOf(3, 600_000));
    const request = requestOf(newTenant());
    const [a, b] = (await open(2)) as [StoreLimiter, StoreLimiter];
    const id = nextId();
    expect(await call(a, rule, request, id)).toBe(0);
    expect(a.cancel(id, now())).toBe(true);
    expect(a.cancel(id, now())).toBe(false);
    let admitted = 0;
    await vi.waitFor(
      async () => {
        admitted += await drain(b, rule, request);
        expect(admitted).toBe(3);
      },
      { timeout: 10_000, interval: 50 },
    );
  });

  it('never lets five calls at once pass a budget of 100 together, and blocks while in debt', async () => {
    await redis.command('FLUSHALL');
    const rule = ruleOf(tokensOf(100, 600_000, 30));
    const request = requestOf(newTenant());
    const five = await open(5);
    const ids = five.map(() => nextId());
    const answers = await Promise.all(
      five.map((limiter, i) => call(limiter, rule, request, ids[i])),
    );
    expect(answers.filter((answer) => answer === 0)).toHaveLength(3);
    for (const [i, limiter] of five.entries()) {
      expect(limiter.settle(ids[i] ?? '', { tokens: 133 }, now())).toBe(answers[i] === 0);
      expect(limiter.settle(ids[i] ?? '', { tokens: 133 }, now())).toBe(false);
    }
    const [key = ''] = (await redis.command('KEYS', '*')) as string[];
    await vi.waitFor(async () => expect(await redis.command('HGET', key, 'sum')).toBe('399'), 5000);
    for (const limiter of five) {
      expect(await call(limiter, rule, requestOf(request.tenant, 1))).toBeGreaterThan(0);
    }
  });

  it('gives the rest of an estimate back to all', async () => {
    const rule = ruleOf(tokensOf(100, 600_000, 60));
    const request = requestOf(newTenant());
    const [a, b] = (await open(2)) as [StoreLimiter, StoreLimiter];
    const id = nextId();
    expect(await call(a, rule, request, id)).toBe(0);
    expect(await call(b, rule, request)).toBeGreaterThan(0);
    expect(a.settle(id, { tokens: 10 }, now())).toBe(true);
    await vi.waitFor(async () => expect(await call(b, rule, request)).toBe(0), 5000);
    expect(await call(b, rule, requestOf(request.tenant, 31))).toBeGreaterThan(0);
  });

  it('never has more calls running than the limit, and frees places as calls end', async () => {
    const rule = ruleOf(concurrencyOf(8, 60_000));
    const request = requestOf(newTenant());
    const four = await open(4);
    let running = 0;
    let most = 0;
    let done = 0;
    const work = async (limiter: StoreLimiter, seed: number): Promise<void> => {
      while (done < 300) {
        const id = nextId();
        const wait = await call(limiter, rule, request, id);
        if (wait === 0) {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setTimeout(resolve, (seed * 7) % 5));
          running -= 1;
          done += 1;
          expect(limiter.settle(id, {}, now())).toBe(true);
        } else {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, i) => work(four[i % 4] as StoreLimiter, i)));
    expect(most).toBeLessThanOrEqual(8);
    expect(most).toBeGreaterThanOrEqual(6);
  }, 30_000);

  it('ends calls that are never settled after their lease', async () => {
    const rule = ruleOf(concurrencyOf(2, 300));
    const request = requestOf(newTenant());
    const [a, b] = (await open(2)) as [StoreLimiter, StoreLimiter];
    expect(await call(a, rule, request)).toBe(0);
    expect(await call(a, rule, request)).toBe(0);
    expect(await call(b, rule, request)).toBeGreaterThan(0);
    await vi.waitFor(async () => expect(await call(b, rule, request)).toBe(0), {
      timeout: 10_000,
      interval: 50,
    });
  });

  it('neither opens nor locks when the clock of the process jumps by an hour', async () => {
    const HOUR_MS = 3_600_000;
    let offsetMs = 0;
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + offsetMs };
    const jumping = await createRedisLimiter({ url: redis.url, timeoutMs: 5000, clock });
    limiters.push(jumping);
    const [other] = (await open(1)) as [StoreLimiter];
    const rule = ruleOf(windowOf(160, 600_000));
    const request = requestOf(newTenant());
    const takeJumping = async (): Promise<number> => {
      await jumping.prepare?.(rule, request);
      return jumping.take(rule, request, nextId(), clock.monotonicMs());
    };
    let admitted = 0;
    for (const jumpMs of [0, HOUR_MS, -HOUR_MS, -HOUR_MS, 2 * HOUR_MS]) {
      offsetMs += jumpMs;
      for (let i = 0; i < 20; i++) if ((await takeJumping()) === 0) admitted += 1;
    }
    expect(admitted).toBe(100);
    await vi.waitFor(
      async () => {
        admitted += await drain(other, rule, request);
        expect(admitted).toBe(160);
      },
      { timeout: 10_000, interval: 50 },
    );
    expect(await takeJumping()).toBeGreaterThan(0);
  }, 20_000);

  it('says how a call was counted, and nothing of the call before', async () => {
    const limiter = await createRedisLimiter({ url: redis.url, timeoutMs: 5000, failMode: 'open' });
    limiters.push(limiter);
    const rule = ruleOf(windowOf(5, 600_000), tokensOf(5, 600_000));
    const request = { ...requestOf(newTenant()), callId: 'once' };
    expect(limiter.take(rule, request, nextId(), now())).toBe(LIMITER_UNAVAILABLE);
    expect(limiter.notice).toBe('lease pending');
    expect(limiter.stats()).toMatchObject({
      storeAvailable: true,
      leasePending: 1,
      takenWithoutStore: 0,
    });
    expect(await call(limiter, rule, request)).toBe(0);
    expect(limiter.notice).toBe('');
    expect(limiter.take(rule, requestOf(newTenant()), nextId(), now())).toBe(LIMITER_UNAVAILABLE);
    expect(limiter.take(rule, request, nextId(), now())).toBe(0);
    expect(limiter.notice).toBe('');
  });

  describe.each([
    { name: 'window', limit: windowOf(60, 1000), most: 60, rate: 60 },
    { name: 'budget', limit: tokensOf(200, 1000, 3), most: 200, rate: 200 },
    { name: 'gcra', limit: gcraOf(200, 1000, 20), most: 220, rate: 200 },
  ])('a $name at saturation', ({ limit, most, rate }) => {
    it('is never passed in any window, and is used', async () => {
      const rule = ruleOf(limit);
      const request = requestOf(newTenant());
      const four = await open(4);
      const history: Admission[] = [];
      const units = limit.kind === 'budget' ? limit.perCall : 1;
      const endMs = now() + 3000;
      const work = async (limiter: StoreLimiter): Promise<void> => {
        while (now() < endMs) {
          if ((await call(limiter, rule, request)) === 0) {
            history.push({ atNs: process.hrtime.bigint(), units });
          }
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
        }
      };
      await Promise.all([...four, ...four].map(work));
      expect(mostInAnyWindow(history, 1000)).toBeLessThanOrEqual(most);
      // How much of it is used is measured by processes, in another file.
      expect(mostInAnyWindow(history, 1000)).toBeGreaterThan(rate / 2);
    }, 20_000);
  });

  /** Scripts that the store has run. */
  async function scriptCalls(): Promise<number> {
    const info = String(await redis.command('INFO', 'commandstats'));
    const counts = [...info.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)];
    return counts.reduce((sum, [, calls]) => sum + Number(calls), 0);
  }
});
