import { type RedisServer, redisOrSkip, startRedis } from '@cortex-governance/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedisLimiter } from '../src/index.ts';
import { readmeExample } from './readme-example.ts';

async function example(url: string): Promise<boolean[][]> {
  const log: boolean[][] = [];
  // #region example
  const limiter = await createRedisLimiter({ url, failMode: 'closed' });
  const twoAMinute = {
    tool: 'git-map',
    action: 'search',
    shadow: false,
    limits: [{ kind: 'window', limit: 2, windowMs: 60_000, by: ['tenant'] }],
  } as const;
  const search = {
    tenant: 'acme',
    subject: { type: 'agent', id: 'ada' },
    action: { name: 'search' },
    resource: { type: 'tool', id: 'git-map' },
  };

  const answers: boolean[] = [];
  for (const id of ['v-1', 'v-2', 'v-3']) {
    // Fetches the lease, if this process has none. Bounded in time; never rejects.
    await limiter.prepare?.(twoAMinute, search);
    answers.push(limiter.take(twoAMinute, search, id, performance.now()) === 0);
  }
  log.push(answers);
  await limiter.close();
  // #endregion
  return log;
}

it('README shows the example of Redis that runs here', async () => {
  const { readme, code } = await readmeExample(import.meta.url);
  expect(readme).toContain(code);
});

describe.runIf(redisOrSkip('rate-limiter: example of Redis'))('with Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  it('the example prints what README says', async () => {
    expect(await example(redis.url)).toEqual([[true, true, false]]);
  });
});
