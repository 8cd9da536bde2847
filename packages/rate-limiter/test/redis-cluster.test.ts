import { LIMITER_UNAVAILABLE } from '@cortex-governance/core';
import {
  RecordingLogger,
  type RedisCluster,
  redisOrSkip,
  startRedisCluster,
} from '@cortex-governance/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRedisLimiter, type RedisLimiterOptions, type StoreLimiter } from '../src/index.ts';
import { call, drain, requestOf, ruleOf, tokensOf, windowOf } from './redis/support.ts';

const POLL = { timeout: 25_000, interval: 50 };

describe.runIf(redisOrSkip('rate-limiter: a cluster of Redis'))(
  'a cluster of three masters',
  () => {
    let cluster: RedisCluster;
    const limiters: StoreLimiter[] = [];
    let tenants = 0;

    beforeAll(async () => {
      cluster = await startRedisCluster();
    }, 60_000);

    afterAll(() => cluster.stop());

    afterEach(async () => {
      for (const node of cluster.nodes) node.thaw();
      await Promise.all(limiters.splice(0).map((limiter) => limiter.close()));
    });

    async function open(options: RedisLimiterOptions = {}): Promise<StoreLimiter> {
      const limiter = await createRedisLimiter({ nodes: cluster.urls, timeoutMs: 500, ...options });
      limiters.push(limiter);
      return limiter;
    }

    function newTenant(): string {
      tenants += 1;
      return `tenant-${tenants}`;
    }

    it('spreads keys over the nodes and keeps every limit', async () => {
      const [a, b] = [await open(), await open()];
      const rule = ruleOf(windowOf(7, 600_000), tokensOf(100, 600_000, 5));
      for (let i = 0; i < 40; i++) {
        const request = requestOf(newTenant());
        let admitted = 0;
        await vi.waitFor(async () => {
          admitted += await drain(a, rule, request);
          admitted += await drain(b, rule, request);
          expect(admitted).toBe(7);
        }, POLL);
      }
      for (const node of cluster.nodes) {
        expect(await node.command('DBSIZE')).toBeGreaterThan(5);
      }
    }, 60_000);

    it('one frozen node: its keys are refused, the others served, and it recovers', async () => {
      const logger = new RecordingLogger();
      const limiter = await open({ logger });
      const rule = ruleOf(windowOf(5, 600_000));
      for (let i = 0; i < 30; i++)
        expect(await call(limiter, rule, requestOf(newTenant()))).toBe(0);
      cluster.nodes[1]?.freeze();
      let served = 0;
      let refused = 0;
      await vi.waitFor(async () => {
        const answer = await call(limiter, rule, requestOf(newTenant()));
        if (answer === 0) served += 1;
        else if (answer === LIMITER_UNAVAILABLE) refused += 1;
        expect(served).toBeGreaterThanOrEqual(10);
        expect(refused).toBeGreaterThanOrEqual(3);
      }, POLL);
      expect(logger.events().filter((event) => event === 'LIMIT_STORE_UNAVAILABLE')).toHaveLength(
        1,
      );
      cluster.nodes[1]?.thaw();
      let inARow = 0;
      await vi.waitFor(async () => {
        inARow = (await call(limiter, rule, requestOf(newTenant()))) === 0 ? inARow + 1 : 0;
        expect(inARow).toBeGreaterThanOrEqual(30);
      }, POLL);
    }, 90_000);

    it('follows a slot that moved to another node', async () => {
      const limiter = await open();
      const late = await open();
      const rule = ruleOf(windowOf(4, 600_000));
      const request = requestOf(newTenant());
      for (const node of cluster.nodes) await node.command('FLUSHALL');
      expect(await call(limiter, rule, request)).toBe(0);
      const keys = await Promise.all(
        cluster.nodes.map(async (node) => ((await node.command('KEYS', '*')) as string[])[0]),
      );
      const from = keys.findIndex((key) => key !== undefined);
      const target = cluster.nodes[(from + 1) % 3];
      const key = keys[from] ?? '';
      const slot = String(await target?.command('CLUSTER', 'KEYSLOT', key));
      const id = String(await target?.command('CLUSTER', 'MYID'));
      await cluster.nodes[from]?.command('DEL', key);
      for (const node of [target, ...cluster.nodes]) {
        await node?.command('CLUSTER', 'SETSLOT', slot, 'NODE', id);
      }
      let admitted = 0;
      await vi.waitFor(async () => {
        admitted += await drain(late, rule, request);
        expect(admitted).toBe(4);
      }, POLL);
      expect(await target?.command('KEYS', '*')).toEqual([key]);
    }, 60_000);
  },
);
