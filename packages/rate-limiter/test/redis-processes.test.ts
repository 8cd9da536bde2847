import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Limit } from '@cortex-governance/core';
import { type RedisServer, redisOrSkip, startRedis } from '@cortex-governance/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRedisLimiter } from '../src/index.ts';
import {
  type Admission,
  drain,
  gcraOf,
  mostInAnyWindow,
  requestOf,
  ruleOf,
  tokensOf,
  usedPart,
  windowOf,
} from './redis/support.ts';

const WORKER = fileURLToPath(new URL('./redis/worker.ts', import.meta.url));

/** A child process that runs {@link WORKER}. */
interface Worker {
  readonly child: ChildProcess;
  /** Lets it begin. */
  start(): void;
  /** What it admitted, told at its end. */
  readonly history: Promise<Admission[]>;
  readonly ended: Promise<unknown>;
}

describe.runIf(redisOrSkip('rate-limiter: processes that share Redis'))('processes', () => {
  let redis: RedisServer;
  const children: ChildProcess[] = [];
  let tenants = 0;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  function newTenant(): string {
    tenants += 1;
    return `tenant-${tenants}`;
  }

  async function open(limit: Limit, tenant: string, runMs: number, mode = ''): Promise<Worker> {
    const source = ['--import', 'tsx', '--conditions=@cortex-governance/source', WORKER];
    const args = [redis.url, JSON.stringify(limit), tenant, String(runMs), mode];
    const child = spawn(process.execPath, [...source, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    const ended = once(child, 'exit');
    const lines = linesOf(child);
    expect((await lines.next()).value).toBe('ready');
    const history = lines.next().then(({ value }) => parseHistory(value ?? '[]'));
    return { child, ended, history, start: () => child.stdin?.write('go\n') };
  }

  it.each([
    { name: 'window', limit: windowOf(120, 2000), most: 120, rate: 120 },
    { name: 'budget', limit: tokensOf(400, 2000, 3), most: 400, rate: 400 },
    { name: 'gcra', limit: gcraOf(300, 2000, 20), most: 320, rate: 300 },
  ])(
    'three processes: a $name is never passed in any window, and 95 % of it is used',
    async ({ limit, most, rate }) => {
      let used = 0;
      // Whether it is used depends on what else the host does; that it is never passed does not.
      for (let tries = 0; tries < 3 && used < 0.95; tries++) {
        const tenant = newTenant();
        const workers = await Promise.all([1, 2, 3].map(() => open(limit, tenant, 6400)));
        for (const worker of workers) worker.start();
        const history = (await Promise.all(workers.map((worker) => worker.history))).flat();
        expect(mostInAnyWindow(history, 2000)).toBeLessThanOrEqual(most);
        used = usedPart(history, rate, 2000, 3);
      }
      expect(used).toBeGreaterThanOrEqual(0.95);
    },
    40_000,
  );

  it('units of a process that was killed expire, and the others go on', async () => {
    const tenant = newTenant();
    const limit = windowOf(320, 1000);
    const crashing = await open(limit, tenant, 60_000, 'crash');
    crashing.start();
    const history = await crashing.history;
    await crashing.ended;
    expect(history).toHaveLength(40);
    const limiter = await createRedisLimiter({ url: redis.url });
    const rule = ruleOf(limit);
    let most = 0;
    await vi.waitFor(
      async () => {
        const burst = await drain(limiter, rule, requestOf(tenant));
        most = Math.max(most, burst);
        expect(burst).toBe(320);
      },
      { timeout: 20_000, interval: 1500 },
    );
    expect(most).toBe(320);
    await limiter.close();
  }, 40_000);

  it('ends by itself, also with a limiter that nobody closed', async () => {
    const worker = await open(windowOf(50, 1000), newTenant(), 50, 'leave open');
    worker.start();
    expect((await worker.history).length).toBeGreaterThan(0);
    expect(await worker.ended).toEqual([0, null]);
  }, 20_000);
});

async function* linesOf(child: ChildProcess): AsyncGenerator<string, undefined> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    yield* lines;
  }
  return undefined;
}

function parseHistory(line: string): Admission[] {
  return (JSON.parse(line) as string[]).map((entry) => {
    const [atNs = '0', units = '1'] = entry.split(' ');
    return { atNs: BigInt(atNs), units: Number(units) };
  });
}
