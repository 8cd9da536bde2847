import { LIMITER_UNAVAILABLE, systemClock } from '@cortex-governance/core';
import {
  RecordingLogger,
  type RedisServer,
  redisCommand,
  redisOrSkip,
  startRedis,
} from '@cortex-governance/testkit';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  createRedisLimiter,
  type RedisConnection,
  type RedisScript,
  type StoreLimiter,
} from '../src/index.ts';
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

const LIMITS = [
  windowOf(5, 600_000),
  gcraOf(5, 600_000, 5),
  tokensOf(5, 600_000),
  concurrencyOf(5, 600_000),
];

/** Numbers from 0 to below 1, the same in every run (a linear congruential generator). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A connection of the test's own: every reply is what the function gives. */
function connectionOf(
  reply: (script: RedisScript, args: readonly string[]) => unknown,
): RedisConnection {
  return {
    evalScript: async (script, _keys, args) => reply(script, args),
    close: async () => {},
  };
}

describe('answers of the store that are not answers', () => {
  const garbage = fc.oneof(
    fc.constantFrom(
      ...[
        null,
        undefined,
        true,
        0,
        1,
        5n,
        [],
        [1, 2, 3, 4, 5],
        {},
        new Map(),
        Buffer.from('1 1 1 0 1'),
      ],
      ...['', 'OK', '1', '1 1 1 0', '1 1 1 0 1 1', '-1 1 1 0 1', '1e9 1 1 0 1', 'NaN 1 1 0 1'],
      ...['1 1 1 0 1 ', ' 1 1 1 0 1', '1 1 99999999999999999999 0 1', '1 1 9999999999999999 0 1'],
      ...['1000001 1 1000000 0 0', '0x5 1 1 0 1', '1 1 1 0 1\n', '１ 1 1 0 1', '5 5 0 0 5'],
    ),
    fc.string(),
    fc.anything(),
  );

  it('admit nothing under closed', async () => {
    await fc.assert(
      fc.asyncProperty(garbage, fc.constantFrom(...LIMITS), async (reply, limit) => {
        const limiter = await createRedisLimiter({ connection: connectionOf(() => reply) });
        const rule = ruleOf(limit);
        for (let i = 0; i < 3; i++) {
          expect(await call(limiter, rule, requestOf('t'))).toBe(LIMITER_UNAVAILABLE);
        }
        await limiter.close();
      }),
      { numRuns: 150 },
    );
  });

  it('of a day for a window of a second end with the window', async () => {
    for (const limit of [windowOf(50, 1000), gcraOf(50, 1000, 50), tokensOf(50, 1000)]) {
      let nowMs = 1000;
      const clock = { monotonicMs: () => nowMs, wallMs: () => nowMs };
      const connection = connectionOf(() => '1 1 86400000000 0 49');
      const limiter = await createRedisLimiter({ connection, clock });
      await limiter.prepare?.(ruleOf(limit), requestOf('t'));
      nowMs += 2000;
      expect(limiter.take(ruleOf(limit), requestOf('t'), 'late', nowMs)).toBe(LIMITER_UNAVAILABLE);
      await limiter.prepare?.(ruleOf(limit), requestOf('t'));
      expect(limiter.take(ruleOf(limit), requestOf('t'), 'in time', nowMs)).toBe(0);
      await limiter.close();
    }
  });

  it('are logged once', async () => {
    const logger = new RecordingLogger();
    const limiter = await createRedisLimiter({ connection: connectionOf(() => 'OK'), logger });
    for (let i = 0; i < 10; i++) await call(limiter, ruleOf(windowOf(1, 1000)), requestOf(`t${i}`));
    expect(logger.events()).toEqual(['LIMIT_STORE_KEY_INVALID']);
    await limiter.close();
  });

  it('of a connection that throws, rejects with anything, or never answers are outages', async () => {
    const connections: RedisConnection[] = [
      { evalScript: () => Promise.reject('no'), close: async () => {} },
      { evalScript: () => Promise.reject(undefined), close: async () => {} },
      {
        evalScript: () => {
          throw new Error('broken');
        },
        close: async () => {},
      },
      { evalScript: () => new Promise(() => {}), close: async () => {} },
    ];
    for (const connection of connections) {
      const limiter = await createRedisLimiter({ connection, timeoutMs: 20, connectTimeoutMs: 20 });
      expect(await call(limiter, ruleOf(windowOf(1, 1000)), requestOf('t'))).toBe(
        LIMITER_UNAVAILABLE,
      );
      expect(limiter.notice).toBe('limit store unavailable');
      await limiter.close();
    }
  });

  it('of a server that became a replica have the connection replaced', async () => {
    let renewed = 0;
    const limiter = await createRedisLimiter({
      connection: {
        evalScript: () =>
          Promise.reject(new Error("READONLY You can't write against a read only replica.")),
        renew: () => {
          renewed += 1;
        },
        close: async () => {},
      },
    });
    const answer = await call(limiter, ruleOf(windowOf(1, 1000)), requestOf('t'));
    expect(answer).toBe(LIMITER_UNAVAILABLE);
    expect(renewed).toBe(1);
    await limiter.close();
  });

  it('of one limit of a rule are counted locally, beside another that is served', async () => {
    const served = connectionOf(() => '1000 1 1000000 0 0');
    const limiter = await createRedisLimiter({
      failMode: 'local',
      localShare: 0.5,
      connection: {
        ...served,
        sharded: true,
        evalScript: (script, keys, args) =>
          args[0] === '10'
            ? Promise.reject(new Error('CLUSTERDOWN The cluster is down'))
            : served.evalScript(script, keys, args),
      },
    });
    const by = ['tenant', 'tool', 'action'] as const;
    const rule = ruleOf(
      { kind: 'window', limit: 1000, windowMs: 60_000, by },
      { kind: 'window', limit: 10, windowMs: 3_600_000, by },
    );
    expect(await drain(limiter, rule, requestOf('t'), 100)).toBe(5);
    expect(limiter.notice).toBe('limit store unavailable: local share');
    await limiter.close();
  });

  it('keep at most one call of a key under way', async () => {
    let open = 0;
    let most = 0;
    const limiter = await createRedisLimiter({
      connection: {
        evalScript: async () => {
          open += 1;
          most = Math.max(most, open);
          await new Promise((resolve) => setTimeout(resolve, 5));
          open -= 1;
          throw new Error('away');
        },
        close: async () => {},
      },
    });
    const rule = ruleOf(windowOf(5, 1000));
    await Promise.all(Array.from({ length: 1000 }, () => call(limiter, rule, requestOf('t'))));
    expect(most).toBe(1);
    await limiter.close();
  });
});

describe.runIf(redisOrSkip('rate-limiter: faults of the store'))('a store with faults', () => {
  let redis: RedisServer;
  const limiters: StoreLimiter[] = [];

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  afterEach(async () => {
    await Promise.all(limiters.splice(0).map((limiter) => limiter.close()));
    await redis.command('FLUSHALL');
  });

  /** A connection to the real store whose replies can get lost after the script has run. */
  function losing(lost: () => boolean): RedisConnection {
    return {
      evalScript: async (script, keys, args) => {
        const count = String(keys.length);
        const reply = await redisCommand(redis.port, [
          'EVAL',
          script.source,
          count,
          ...keys,
          ...args,
        ]);
        if (lost()) throw new Error('the connection was lost');
        return reply;
      },
      close: async () => {},
    };
  }

  async function open(connection: RedisConnection): Promise<StoreLimiter> {
    const limiter = await createRedisLimiter({ connection, timeoutMs: 2000 });
    limiters.push(limiter);
    return limiter;
  }

  /** Scripts that the store has run. */
  const evals = async (): Promise<number> => {
    const info = String(await redis.command('INFO', 'commandstats'));
    return Number(/cmdstat_eval:calls=(\d+)/.exec(info)?.[1] ?? 0);
  };

  const now = (): number => systemClock.monotonicMs();

  it.each([
    { name: 'window', limit: windowOf(50, 600_000), most: 50 },
    { name: 'budget', limit: tokensOf(50, 600_000), most: 50 },
    // No unit comes back within a test of some seconds.
    { name: 'gcra', limit: gcraOf(50, 600_000_000, 50), most: 50 },
  ])(
    'does a $name call whose answer is lost once: nothing is lost with it',
    async ({ limit, most }) => {
      let calls = 0;
      const lost = (): boolean => {
        calls += 1;
        return calls > 1 && calls % 3 !== 0;
      };
      const limiter = await open(losing(lost));
      const rule = ruleOf(limit);
      let admitted = 0;
      await vi.waitFor(
        async () => {
          admitted += await drain(limiter, rule, requestOf('t'));
          expect(admitted).toBe(most);
        },
        { timeout: 15_000, interval: 20 },
      );
      expect(await drain(limiter, rule, requestOf('t'))).toBe(0);
      expect(calls).toBeGreaterThan(6);
    },
    20_000,
  );

  it.each([
    { name: 'window', limit: windowOf(40, 400), most: 40 },
    { name: 'budget', limit: tokensOf(120, 400, 3), most: 120 },
    { name: 'gcra', limit: gcraOf(60, 400, 15), most: 75 },
  ])(
    'no $name is passed by processes that come, go, cancel, and lose answers',
    async ({ limit, most }) => {
      const rule = ruleOf(limit);
      const request = requestOf('t');
      const history: Admission[] = [];
      const random = seededRandom(20_261_121);
      const endMs = now() + 4000;
      const actor = async (): Promise<void> => {
        while (now() < endMs) {
          const connection = losing(() => random() < 0.15);
          const limiter = await createRedisLimiter({ connection, timeoutMs: 2000 });
          const leaveMs = Math.min(endMs, now() + 200 + 800 * random());
          while (now() < leaveMs) {
            const id = nextId();
            const wait = await call(limiter, rule, request, id);
            const atNs = process.hrtime.bigint();
            if (wait !== 0) await new Promise((resolve) => setTimeout(resolve, 10 * random()));
            else if (random() < 0.2) expect(limiter.cancel(id, now())).toBe(true);
            else if (limit.kind !== 'budget') history.push({ atNs, units: 1 });
            else {
              const units = Math.floor(4 * random());
              expect(limiter.settle(id, { tokens: units }, now())).toBe(true);
              history.push({ atNs, units });
            }
            // Some do nothing for a while with what they hold.
            if (random() < 0.05)
              await new Promise((resolve) => setTimeout(resolve, 150 * random()));
          }
          await limiter.close();
        }
      };
      await Promise.all(Array.from({ length: 6 }, actor));
      expect(mostInAnyWindow(history, 400)).toBeLessThanOrEqual(most);
      expect(mostInAnyWindow(history, 400)).toBeGreaterThan(most / 3);
    },
    20_000,
  );

  it('charges what a call used once, however often the answers are lost', async () => {
    let lose = false;
    const limiter = await open(losing(() => lose));
    // Of so small a limit nothing is leased ahead: the call that is repeated is the one with the debt.
    const rule = ruleOf(tokensOf(20, 600_000, 10));
    const id = nextId();
    expect(await call(limiter, rule, requestOf('t'), id)).toBe(0);
    lose = true;
    expect(limiter.settle(id, { tokens: 700 }, now())).toBe(true);
    const [key = ''] = (await redis.command('KEYS', '*')) as string[];
    const before = await evals();
    // The charge is repeated by itself, without another call.
    await vi.waitFor(async () => expect(await evals()).toBeGreaterThanOrEqual(before + 3), {
      timeout: 15_000,
      interval: 20,
    });
    lose = false;
    await limiter.close();
    expect(await redis.command('HGET', key, 'sum')).toBe('700');
  }, 20_000);

  it('pays a debt with units that arrive after it, before any call has them', async () => {
    let calls = 0;
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const direct = losing(() => false);
    const limiter = await open({
      ...direct,
      evalScript: async (...parts) => {
        calls += 1;
        const reply = await direct.evalScript(...parts);
        // The probe, the lease, and then the one that is fetched ahead.
        if (calls === 3) await gate;
        return reply;
      },
    });
    const rule = ruleOf(tokensOf(1000, 600_000, 100));
    const id = nextId();
    expect(await call(limiter, rule, requestOf('t'), id)).toBe(0);
    await vi.waitFor(() => expect(calls).toBe(3));
    expect(limiter.settle(id, { tokens: 1000 }, now())).toBe(true);
    release();
    for (let i = 0; i < 20; i++) {
      expect(await call(limiter, rule, requestOf('t', 1))).not.toBe(0);
    }
  }, 20_000);

  it('takes back what was not used once, however often the answers are lost', async () => {
    let lose = false;
    const limiter = await open(losing(() => lose));
    const rule = ruleOf(windowOf(320, 600_000));
    for (let i = 0; i < 40; i++) expect(await call(limiter, rule, requestOf('t'))).toBe(0);
    const [key = ''] = (await redis.command('KEYS', '*')) as string[];
    const leased = Number(await redis.command('HGET', key, 'sum'));
    expect(leased).toBeGreaterThan(41);
    // No call is open when the answers begin to get lost: the next one returns what is left.
    await new Promise((resolve) => setTimeout(resolve, 100));
    lose = true;
    const before = await evals();
    await vi.waitFor(async () => expect(await evals()).toBeGreaterThanOrEqual(before + 3), {
      timeout: 15_000,
      interval: 20,
    });
    lose = false;
    await limiter.close();
    expect(await redis.command('HGET', key, 'sum')).toBe('40');
  }, 20_000);

  it('refuses a key that holds another type, and serves the others', async () => {
    const limiter = await createRedisLimiter({ url: redis.url });
    limiters.push(limiter);
    const rule = ruleOf(windowOf(5, 600_000));
    expect(await call(limiter, rule, requestOf('poisoned'))).toBe(0);
    const [key = ''] = (await redis.command('KEYS', '*')) as string[];
    await limiter.close();
    await redis.command('DEL', key);
    await redis.command('SET', key, 'x');
    const next = await createRedisLimiter({ url: redis.url });
    limiters.push(next);
    for (let i = 0; i < 5; i++) {
      expect(await call(next, rule, requestOf('poisoned'))).toBe(LIMITER_UNAVAILABLE);
      expect(await call(next, rule, requestOf('well'))).toBe(0);
    }
    await redis.command('DEL', key);
    await vi.waitFor(async () => expect(await call(next, rule, requestOf('poisoned'))).toBe(0), {
      timeout: 15_000,
      interval: 20,
    });
  }, 20_000);

  it('holds no more keys than it may, and lets go of those that hold nothing', async () => {
    const limiter = await createRedisLimiter({ url: redis.url, maxKeys: 50 });
    limiters.push(limiter);
    const rule = ruleOf(windowOf(2, 600_000));
    for (let i = 0; i < 200; i++) await call(limiter, rule, requestOf(`tenant-${i}`));
    expect(limiter.size()).toBeLessThanOrEqual(50);
    await vi.waitFor(async () => {
      expect(await call(limiter, rule, requestOf(`late-${Math.random()}`))).toBe(0);
    }, 10_000);
    expect(limiter.size()).toBeLessThanOrEqual(50);
  }, 20_000);
});
