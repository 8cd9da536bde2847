import { createRequire } from 'node:module';
import type { DecisionRequest, Limit, LimitRule } from '@cortex-governance/core';
import { redisOrSkip, startRedis } from '@cortex-governance/testkit';
import { createClient } from '@redis/client';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import {
  type BenchGoal,
  type BenchTable,
  writeSection,
} from '../../../tools/bench/page/bench-section.ts';
import { describeMachine } from '../../../tools/bench/page/machine.ts';
import { renderText } from '../../../tools/bench/page/text-report.ts';
import { createRedisLimiter, type StoreLimiter } from '../src/index.ts';

/*
 * What a call costs when limits are shared through Redis: a take from a lease, a call that has to fetch
 * one, a refusal; beside rate-limiter-flexible, which asks the store for every call. And how much of a
 * limit is used when several limiters want all of it.
 */

const ROUNDS = 200;
const TAKES = 500;
const COLD_KEYS = 2000;
const WINDOW_MS = 2000;
/** Windows that use is measured over: one more than counts. */
const WINDOWS = 4;
const GOAL_TAKE_NS = 1500;
const GOAL_USED = 0.95;

const BY = ['tenant'] as const;

function requestOf(tenant: string): DecisionRequest {
  return {
    tenant,
    subject: { type: 'agent', id: 'agent' },
    action: { name: 'read' },
    resource: { type: 'tool', id: 'files' },
  };
}

function ruleOf(limit: Limit): LimitRule {
  return { tool: 'files', action: 'read', shadow: false, limits: [limit] };
}

const LIMITS: readonly { readonly name: string; readonly rule: LimitRule }[] = [
  {
    name: 'window',
    rule: ruleOf({ kind: 'window', by: BY, limit: 1_000_000, windowMs: 600_000 }),
  },
  {
    name: 'steady rate (gcra)',
    rule: ruleOf({ kind: 'gcra', by: BY, limit: 1e9, windowMs: 60_000, burst: 1_000_000 }),
  },
  {
    name: 'budget of tokens',
    rule: ruleOf({
      kind: 'budget',
      by: BY,
      unit: 'tokens',
      limit: 2 ** 40,
      windowMs: 600_000,
      perCall: 9,
    }),
  },
];

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function figures(samples: readonly number[], digits: number): [string, string] {
  const sorted = [...samples].sort((a, b) => a - b);
  return [quantile(sorted, 0.5).toFixed(digits), quantile(sorted, 0.99).toFixed(digits)];
}

const redis = await startRedisOrEnd();
const opened: StoreLimiter[] = [];

async function startRedisOrEnd(): ReturnType<typeof startRedis> {
  if (redisOrSkip('rate-limiter: bench of Redis')) return await startRedis();
  process.exit(0);
}

async function open(prefix: string): Promise<StoreLimiter> {
  const limiter = await createRedisLimiter({ url: redis.url, prefix, timeoutMs: 5000 });
  opened.push(limiter);
  return limiter;
}

/** Nanoseconds of each take in batches that a lease covers. */
async function measureLocal(name: string, rule: LimitRule): Promise<number[]> {
  const limiter = await open(`local-${name}:`);
  const request = requestOf('tenant');
  const samples: number[] = [];
  let id = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await limiter.prepare?.(rule, request);
    const first = limiter.take(rule, request, `warm-${round}`, performance.now());
    if (first !== 0) throw new Error(`${name}: refused with ${first}, ${limiter.notice}`);
    limiter.settle(`warm-${round}`, {}, performance.now());
    let admitted = 0;
    const startNs = process.hrtime.bigint();
    for (let i = 0; i < TAKES; i++) {
      id += 1;
      if (limiter.take(rule, request, `take-${id}`, performance.now()) === 0) admitted += 1;
    }
    const ns = Number(process.hrtime.bigint() - startNs) / TAKES;
    for (let i = id - TAKES + 1; i <= id; i++) limiter.settle(`take-${i}`, {}, performance.now());
    // The lease grows with the demand; the rounds until it covers a batch are not counted.
    if (admitted === TAKES) samples.push(ns);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  if (samples.length < ROUNDS / 2) throw new Error(`${name}: only ${samples.length} full rounds`);
  return samples;
}

/** Microseconds of calls that each need a lease of their own. */
async function measureCold(rule: LimitRule): Promise<number[]> {
  const limiter = await open('cold:');
  const samples: number[] = [];
  for (let i = 0; i < COLD_KEYS; i++) {
    const request = requestOf(`tenant-${i}`);
    const startNs = process.hrtime.bigint();
    await limiter.prepare?.(rule, request);
    const wait = limiter.take(rule, request, `cold-${i}`, performance.now());
    samples.push(Number(process.hrtime.bigint() - startNs) / 1000);
    if (wait !== 0) throw new Error(`cold: refused with ${wait}`);
  }
  return samples;
}

/** Nanoseconds of refusals of a key that is used up. */
async function measureRefused(): Promise<number[]> {
  const limiter = await open('refused:');
  const rule = ruleOf({ kind: 'window', by: BY, limit: 1, windowMs: 600_000 });
  const request = requestOf('tenant');
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await limiter.prepare?.(rule, request);
    const startNs = process.hrtime.bigint();
    let admitted = 0;
    for (let i = 0; i < TAKES; i++) {
      if (limiter.take(rule, request, 'refused', performance.now()) === 0) admitted += 1;
    }
    samples.push(Number(process.hrtime.bigint() - startNs) / TAKES);
    if (admitted > (round === 0 ? 1 : 0)) throw new Error('refused: admitted');
  }
  return samples.slice(1);
}

/** Microseconds of calls that ask the store each time. */
async function measurePeer(): Promise<number[]> {
  const storeClient = createClient({ url: redis.url });
  await storeClient.connect();
  const peer = new RateLimiterRedis({
    storeClient,
    useRedisPackage: true,
    points: 1_000_000,
    duration: 600,
  });
  const samples: number[] = [];
  for (let i = 0; i < COLD_KEYS; i++) {
    const startNs = process.hrtime.bigint();
    const { consumedPoints } = await peer.consume('tenant');
    samples.push(Number(process.hrtime.bigint() - startNs) / 1000);
    if (consumedPoints !== i + 1) throw new Error('peer: wrong count');
  }
  storeClient.destroy();
  return samples;
}

/** The part of a limit that four limiters use together, and the most in any window. */
async function measureUse(limit: number): Promise<{ used: number; most: number }> {
  const rule = ruleOf({ kind: 'window', by: BY, limit, windowMs: WINDOW_MS });
  const request = requestOf('tenant');
  const limiters = await Promise.all([1, 2, 3, 4].map(() => open(`use-${limit}:`)));
  const admitted: number[] = [];
  const endMs = performance.now() + WINDOWS * WINDOW_MS;
  const work = async (limiter: StoreLimiter): Promise<void> => {
    while (performance.now() < endMs) {
      await limiter.prepare?.(rule, request);
      const nowMs = performance.now();
      if (limiter.take(rule, request, 'use', nowMs) === 0) admitted.push(nowMs);
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  await Promise.all(limiters.map(work));
  admitted.sort((a, b) => a - b);
  let first = 0;
  let most = 0;
  for (const [i, atMs] of admitted.entries()) {
    while (atMs - (admitted[first] ?? 0) >= WINDOW_MS) first += 1;
    most = Math.max(most, i - first + 1);
  }
  if (most > limit) throw new Error(`${most} of ${limit} in a window`);
  // From an empty window, three windows of units are used up when the fourth begins.
  const spentMs = (admitted[(WINDOWS - 1) * limit] ?? Number.NaN) - (admitted[0] ?? 0);
  return { used: ((WINDOWS - 1) * WINDOW_MS) / spentMs, most };
}

const takes: BenchTable = {
  title: 'A call, in this process',
  columns: ['', 'p50', 'p99', 'unit'],
  rows: [],
};
const goals: BenchGoal[] = [];
for (const { name, rule } of LIMITS) {
  const samples = await measureLocal(name, rule);
  const [p50, p99] = figures(samples, 0);
  takes.rows.push([`take from a lease: ${name}`, p50, p99, 'ns']);
  if (name === 'window') {
    goals.push({
      goal: `take from a lease (window): at most ${GOAL_TAKE_NS} ns`,
      figure: `${p50} ns`,
      met: Number(p50) <= GOAL_TAKE_NS,
    });
  }
}
takes.rows.push(['refusal of a key that is used up', ...figures(await measureRefused(), 0), 'ns']);
const [firstLimit] = LIMITS;
if (firstLimit !== undefined) {
  const cold = await measureCold(firstLimit.rule);
  takes.rows.push(['first call of a key: fetches a lease', ...figures(cold, 0), 'µs']);
}
takes.rows.push(['rate-limiter-flexible: every call', ...figures(await measurePeer(), 0), 'µs']);

const use: BenchTable = {
  title: `Use of a window of ${WINDOW_MS / 1000} s that four limiters want all of`,
  columns: ['limit', 'used', 'most in any window'],
  rows: [],
};
for (const limit of [100, 1000, 10_000]) {
  const { used, most } = await measureUse(limit);
  use.rows.push([String(limit), `${(100 * used).toFixed(1)} %`, String(most)]);
  goals.push({
    goal: `limit ${limit}: at least ${100 * GOAL_USED} % used, never passed`,
    figure: `${(100 * used).toFixed(1)} %, ${most} at most`,
    met: used >= GOAL_USED && most <= limit,
  });
}

await Promise.all(opened.map((limiter) => limiter.close()));
const server = String(await redis.command('INFO', 'server'));
await redis.stop();

const require = createRequire(import.meta.url);
const versionOf = (name: string): string =>
  (require(`${name}/package.json`) as { version: string }).version;

const section = {
  id: 'limiter-redis',
  title: 'Limits shared through Redis',
  order: 32,
  measuredAt: new Date().toISOString(),
  command: 'npx nx bench rate-limiter -- redis',
  machine: describeMachine(),
  versions: {
    Redis: /redis_version:(\S+)/.exec(server)?.[1] ?? 'unknown',
    '@redis/client': versionOf('@redis/client'),
    'rate-limiter-flexible': versionOf('rate-limiter-flexible'),
  },
  goals,
  tables: [takes, use],
  notes: [
    'Redis runs on the same machine and shares its processors with the limiters; a network adds its round trip to the first call of a key and to nothing else.',
    `A take is timed in batches of ${TAKES}, with the reading of the clock; batches that the lease did not cover are left out.`,
    'Use is the time of three windows, over the time until the units of three windows were used and the next one was; 100 of 102 parts can be.',
  ],
};
writeSection(section);
process.stdout.write(`${renderText(section)}\n`);
