import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { LimitRule } from '@cortex-governance/core';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { Bench } from 'tinybench';
import { createRateLimiter } from '../src/index.ts';

/*
 * Nanoseconds per take and bytes per key, beside the memory limiter of rate-limiter-flexible (a
 * fixed window, one timer and one promise per call). One iteration is a batch of calls; the figures
 * are per call.
 */

const BATCH = 1000;
const KEYS = 1000;
const GOAL_NS = 150;
/** A fresh call id is a new string in a Map, and a heap object to collect later. */
const GOAL_FRESH_ID_NS = 1000;

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

const tenants = Array.from({ length: KEYS }, (_, i) => `tenant-${i}`);

function tenantAt(i: number): string {
  return tenants[i % KEYS] ?? '';
}

function rule(...windows: readonly (readonly [number, number])[]): LimitRule {
  return {
    tool: 'files',
    action: 'read',
    windows: windows.map(([limit, windowMs]) => ({ limit, windowMs })),
  };
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`wrong answer: ${what}`);
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<boolean> {
  try {
    await limiter.consume(key);
    return true;
  } catch {
    return false;
  }
}

async function checkAnswers(): Promise<void> {
  const perMinute = rule([30, 60_000]);
  const ours = createRateLimiter();
  const theirs = new RateLimiterMemory({ points: 30, duration: 60 });
  for (let i = 0; i < 30; i++) {
    check(ours.take(perMinute, 'a', undefined, 0) === 0, 'admits 30 (ours)');
    check(await consume(theirs, 'a'), 'admits 30 (theirs)');
  }
  check(ours.take(perMinute, 'a', undefined, 1) === 59_999, 'refuses the 31st (ours)');
  check(!(await consume(theirs, 'a')), 'refuses the 31st (theirs)');
  await theirs.delete('a');
}

function goalOf(name: string): string {
  if (!name.startsWith('take')) return '';
  return `<= ${name.includes('fresh') ? GOAL_FRESH_ID_NS : GOAL_NS}`;
}

function addOurs(bench: Bench): void {
  let nowMs = 0;
  const admits = createRateLimiter();
  // A batch takes a second: each of the 1000 tenants is called once per second, 60 a minute.
  const roomy = rule([100, 60_000]);
  bench.add('take, admitted, one window of 100', () => {
    for (let i = 0; i < BATCH; i++) admits.take(roomy, tenantAt(i), undefined, nowMs++);
  });
  const three = createRateLimiter();
  const threeWindows = rule([100, 60_000], [5000, 3_600_000], [50_000, 86_400_000]);
  bench.add('take, admitted, three windows', () => {
    for (let i = 0; i < BATCH; i++) three.take(threeWindows, tenantAt(i), undefined, nowMs++ * 10);
  });
  const rejects = createRateLimiter();
  const closed = rule([1, 34_560_000_000]);
  for (const tenant of tenants) rejects.take(closed, tenant, undefined, 0);
  bench.add('take, rejected', () => {
    for (let i = 0; i < BATCH; i++) rejects.take(closed, tenantAt(i), undefined, 1);
  });
  const withIds = createRateLimiter();
  let call = 0;
  bench.add('take, admitted, with a fresh call id', () => {
    for (let i = 0; i < BATCH; i++) withIds.take(roomy, tenantAt(i), `call-${call++}`, nowMs++);
  });
  const again = createRateLimiter();
  for (const tenant of tenants) again.take(closed, tenant, 'same', 0);
  bench.add('take, a call id seen before', () => {
    for (let i = 0; i < BATCH; i++) again.take(closed, tenantAt(i), 'same', 1);
  });
}

function addTheirs(bench: Bench): RateLimiterMemory[] {
  const admits = new RateLimiterMemory({ points: 1e9, duration: 60 });
  bench.add('rate-limiter-flexible memory, admitted', async () => {
    for (let i = 0; i < BATCH; i++) await admits.consume(tenantAt(i));
  });
  const rejects = new RateLimiterMemory({ points: 1, duration: 60 });
  bench.add('rate-limiter-flexible memory, rejected', async () => {
    for (let i = 0; i < BATCH; i++) await consume(rejects, tenantAt(i));
  });
  return [admits, rejects];
}

function heldBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + Math.max(external, arrayBuffers);
}

function bytesPerKey(limit: LimitRule, admissions: number, callIds: boolean): number {
  const keys = Array.from({ length: 20_000 }, (_, i) => `key-${i}`);
  const limiter = createRateLimiter();
  const before = heldBytes();
  for (let n = 0; n < admissions; n++) {
    for (const key of keys) limiter.take(limit, key, callIds ? `call-${n}` : undefined, n);
  }
  const bytes = (heldBytes() - before) / keys.length;
  check(limiter.size() === keys.length, 'all keys are held');
  return bytes;
}

async function theirBytesPerKey(): Promise<number> {
  const keys = Array.from({ length: 20_000 }, (_, i) => `key-${i}`);
  const limiter = new RateLimiterMemory({ points: 30, duration: 60 });
  const before = heldBytes();
  for (const key of keys) await limiter.consume(key);
  const bytes = (heldBytes() - before) / keys.length;
  for (const key of keys) await limiter.delete(key);
  return bytes;
}

await checkAnswers();

const bench = new Bench({ time: 500, warmupTime: 200 });
addOurs(bench);
const peers = addTheirs(bench);
await bench.run();
for (const tenant of tenants) for (const peer of peers) await peer.delete(tenant);

console.table(
  bench.tasks.map(({ name, result }) => {
    if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`);
    const perCall = (ms: number): number => Math.round((ms * 1e6) / BATCH);
    const goal = goalOf(name);
    return {
      name,
      'p50 ns': perCall(result.latency.p50),
      'p99 ns': perCall(result.latency.p99),
      goal,
    };
  }),
);
console.table([
  { state: '1 admission, limit 30', 'bytes per key': bytesPerKey(rule([30, 60_000]), 1, false) },
  { state: '30 admissions, limit 30', 'bytes per key': bytesPerKey(rule([30, 60_000]), 30, false) },
  {
    state: '100 admissions, limit 100',
    'bytes per key': bytesPerKey(rule([100, 6e4]), 100, false),
  },
  { state: '30 admissions with call ids', 'bytes per key': bytesPerKey(rule([30, 6e4]), 30, true) },
  { state: 'rate-limiter-flexible memory', 'bytes per key': await theirBytesPerKey() },
]);
