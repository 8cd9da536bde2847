import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type RedisCluster,
  RedisReplyError,
  type RedisServer,
  redisOrSkip,
  startRedis,
  startRedisCluster,
} from '../src/index.ts';

describe.runIf(redisOrSkip('testkit: startRedis'))('startRedis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  it('answers commands, with arrays, nulls and errors', async () => {
    expect(await redis.command('SET', 'key', 'välue\r\n')).toBe('OK');
    expect(await redis.command('GET', 'key')).toBe('välue\r\n');
    expect(await redis.command('MGET', 'key', 'none')).toEqual(['välue\r\n', null]);
    expect(await redis.command('STRLEN', 'none')).toBe(0);
    await expect(redis.command('INCR', 'key')).rejects.toBeInstanceOf(RedisReplyError);
  });

  it('is empty after it was killed and started again', async () => {
    await redis.command('SET', 'key', 'x');
    await redis.kill();
    await expect(redis.command('PING')).rejects.toThrow();
    await redis.restart();
    expect(await redis.command('GET', 'key')).toBeNull();
  });

  it('answers nothing while frozen, and goes on when thawed', async () => {
    redis.freeze();
    let answer: unknown = null;
    const asked = redis.command('PING').then((reply) => {
      answer = reply;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answer).toBeNull();
    redis.thaw();
    await asked;
    expect(answer).toBe('PONG');
  });
});

describe.runIf(redisOrSkip('testkit: startRedisCluster'))('startRedisCluster', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 60_000);

  afterAll(() => cluster.stop());

  it('serves every slot by one of three masters', async () => {
    const slots = (await cluster.nodes[0]?.command('CLUSTER', 'SLOTS')) as unknown[][];
    const ranges = slots.map(([from, to]) => [Number(from), Number(to)]);
    ranges.sort(([a = 0], [b = 0]) => a - b);
    expect(ranges).toEqual([
      [0, 5460],
      [5461, 10_921],
      [10_922, 16_383],
    ]);
    const redirects = await Promise.allSettled(
      cluster.nodes.map((node) => node.command('SET', 'one-key', 'x')),
    );
    expect(redirects.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await vi.waitFor(async () => {
      for (const node of cluster.nodes) {
        expect(String(await node.command('CLUSTER', 'INFO'))).toContain('cluster_size:3');
      }
    });
  });
});
