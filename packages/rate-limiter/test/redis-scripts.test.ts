import {
  type RedisServer,
  redisCommand,
  redisOrSkip,
  startRedis,
} from '@cortex-governance/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GCRA_SCRIPT } from '../src/redis-gcra-script.ts';
import { unitPlan } from '../src/redis-plan.ts';
import { WINDOW_SCRIPT } from '../src/redis-window-script.ts';
import { type Admission, gcraOf, mostInAnyWindow, windowOf } from './redis/support.ts';

/*
 * The scripts by themselves, with clients that are greedier than a limiter: they lease as much as there
 * is, use a part of it at any time of the lease, and give the rest back whenever they like.
 */

const WINDOW_MS = 300;

interface Grant {
  readonly units: number;
  readonly mark: string;
  readonly usableMs: number;
}

describe.runIf(redisOrSkip('rate-limiter: scripts of Redis'))('scripts', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      setTimeout(resolve, ms);
    });

  it.each([
    { name: 'window', limit: windowOf(60, WINDOW_MS), script: WINDOW_SCRIPT, most: 60 },
    { name: 'gcra', limit: gcraOf(60, WINDOW_MS, 30), script: GCRA_SCRIPT, most: 90 },
    { name: 'gcra, all burst', limit: gcraOf(10, WINDOW_MS, 60), script: GCRA_SCRIPT, most: 70 },
  ])(
    '$name: never passed by clients that lease all and return late',
    async ({ name, limit, script, most }) => {
      if (limit.kind === 'concurrency') throw new Error('no units');
      const { parameters } = unitPlan(limit);
      const key = `{${name}}`;
      const history: Admission[] = [];
      const endMs = performance.now() + 3000;
      const ask = async (client: string, seq: number, back: readonly string[]): Promise<Grant> => {
        const own = [client, String(seq), '1', String(most), '0', ...back];
        const args = [...parameters.map(String), ...own];
        const reply = await redisCommand(redis.port, ['EVAL', script.source, '1', key, ...args]);
        const [units = '0', mark = '0', usableUs = '0'] = String(reply).split(' ');
        return { units: Number(units), mark, usableMs: Number(usableUs) / 1000 };
      };
      const client = async (id: string): Promise<void> => {
        let back: string[] = [];
        for (let seq = 1; performance.now() < endMs; seq++) {
          const sentMs = performance.now();
          const { units, mark, usableMs } = await ask(id, seq, back);
          back = [];
          if (units > 0) {
            await sleep(Math.random() * usableMs);
            // Nothing is used once the lease is over; it then goes back whole.
            const uses = performance.now() < sentMs + usableMs && Math.random() < 0.7;
            const used = uses ? Math.ceil(Math.random() * units) : 0;
            if (used > 0) history.push({ atNs: process.hrtime.bigint(), units: used });
            if (Math.random() < 0.3) await sleep(Math.random() * WINDOW_MS);
            if (used < units) back = [mark, String(units - used)];
          } else {
            await sleep(Math.random() * 5);
          }
        }
      };
      await Promise.all(['a', 'b', 'c', 'd', 'e'].map(client));
      expect(mostInAnyWindow(history, WINDOW_MS)).toBeLessThanOrEqual(most);
      expect(mostInAnyWindow(history, WINDOW_MS)).toBeGreaterThan(most / 4);
    },
    20_000,
  );

  it('gcra: what has drained is not given back a second time', async () => {
    const plan = unitPlan({ kind: 'gcra', limit: 10, windowMs: 1000, burst: 10, by: [] });
    const ask = async (client: string, seq: number, want: number, ...back: string[]) => {
      const own = [client, String(seq), '1', String(want), '0', ...back];
      const args = [...plan.parameters.map(String), ...own];
      const script = GCRA_SCRIPT.source;
      const reply = await redisCommand(redis.port, ['EVAL', script, '1', '{drained}', ...args]);
      return String(reply).split(' ');
    };
    const [held, mark = ''] = await ask('a', 1, 10);
    expect(held).toBe('10');
    // All of it drains while it is held; another client then has the whole burst.
    await sleep(1100);
    expect((await ask('b', 1, 10))[0]).toBe('10');
    await ask('a', 2, 0, mark, '10');
    // One unit drains in a tenth of a second.
    expect(Number((await ask('b', 2, 10))[0])).toBeLessThanOrEqual(3);
  }, 10_000);
});
