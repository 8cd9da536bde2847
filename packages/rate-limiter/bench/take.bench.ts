import { createRequire } from 'node:module';
import type { LimitRule } from '@cortex-governance/core';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { Bench } from 'tinybench';
import { type BenchGoal, writeSection } from '../../../tools/bench/page/bench-section.ts';
import { describeMachine } from '../../../tools/bench/page/machine.ts';
import { renderText } from '../../../tools/bench/page/text-report.ts';
import { createRateLimiter, type StoreLimiter } from '../src/index.ts';
import { memoryTable } from './key-memory.ts';
import {
  budget,
  check,
  consume,
  DAY_MS,
  fallback,
  fastRate,
  gcra,
  HOUR_MS,
  KEYS,
  MINUTE_MS,
  requestAt,
  requestOf,
  requests,
  rule,
  running,
  tenants,
  window,
} from './limiter-samples.ts';

/*
 * Nanoseconds per take and bytes per key of the in-process limiter, beside the memory limiter of
 * rate-limiter-flexible (a fixed window, one timer and one promise per call). One iteration is a batch
 * of calls; the figures are per call.
 */

const BATCH = KEYS;
const GOAL_RATIO_TIME = 5;
const GOAL_RATIO_BYTES = 6;
const GOAL_BYTES = 64;
const GOAL_NS = 150;

async function checkAnswers(): Promise<void> {
  const theirs = new RateLimiterMemory({ points: 30, duration: 60 });
  for (const limit of [window(30, MINUTE_MS), gcra(30, MINUTE_MS, 30), { ...running, limit: 30 }]) {
    const ours = createRateLimiter();
    for (let i = 0; i < 30; i++)
      check(ours.take(rule(limit), fallback, `${i}`, 0) === 0, limit.kind);
    check(ours.take(rule(limit), fallback, '31', 0) > 0, `refuses the 31st: ${limit.kind}`);
  }
  for (let i = 0; i < 30; i++) check(await consume(theirs, 'a'), 'admits 30 (theirs)');
  check(!(await consume(theirs, 'a')), 'refuses the 31st (theirs)');
  await theirs.delete('a');
  const spending = createRateLimiter();
  check(spending.take(rule(budget), fallback, 'a', 0) === 0, 'reserves');
  check(spending.settle('a', { tokens: 10 }, 0), 'settles');
  const left = spending.inspect(rule(budget), fallback, 0)[0]?.remaining;
  check(left === 1e9 - 10, 'charges what was used');
}

/** Names of the tasks that ratios are made of. */
const OUR_RATE = 'steady rate (gcra), admitted';
const THEIR_RATE = 'rate-limiter-flexible memory, admitted';

function addAdmitted(bench: Bench, name: string, limits: LimitRule, stepMs: number): void {
  const limiter = createRateLimiter();
  let nowMs = 0;
  let refused = 0;
  bench.add(
    name,
    () => {
      // Plain local numbers, so that what is timed is the limiter.
      let atMs = nowMs;
      let waits = 0;
      for (const request of requests) {
        atMs += stepMs;
        waits += limiter.take(limits, request, 'id', atMs);
      }
      nowMs = atMs;
      refused += waits;
    },
    { afterAll: () => check(refused === 0, `${name}: all admitted`) },
  );
}

function addSettled(bench: Bench, name: string, limits: LimitRule): void {
  const limiter = createRateLimiter();
  const ids = Array.from({ length: BATCH }, (_, i) => `verdict-${i}`);
  let nowMs = 0;
  bench.add(name, () => {
    for (let i = 0; i < BATCH; i++) {
      const id = ids[i] ?? '';
      nowMs += 1;
      const wait = limiter.take(limits, requestAt(i), id, nowMs);
      if (wait !== 0 || !limiter.settle(id, { tokens: 20 }, nowMs))
        throw new Error(`${name}: ${wait}`);
    }
  });
}

function addOurs(bench: Bench): void {
  // A batch takes a second or ten: each of the 1000 tenants is called once in it.
  addAdmitted(bench, OUR_RATE, fastRate, 1);
  addAdmitted(bench, 'window of 100 a minute, admitted', rule(window(100, MINUTE_MS)), 1);
  const windows = [window(100, MINUTE_MS), window(5000, HOUR_MS), window(50_000, DAY_MS)];
  const rates = [gcra(100, MINUTE_MS, 20), gcra(5000, HOUR_MS, 20), gcra(50_000, DAY_MS, 20)];
  addAdmitted(bench, 'three windows, admitted', rule(...windows), 10);
  addAdmitted(bench, 'three steady rates, admitted', rule(...rates), 10);
  for (const limit of [gcra(1, 400 * DAY_MS, 1), window(1, 400 * DAY_MS)]) {
    const rejects = createRateLimiter();
    const closed = rule(limit);
    for (const request of requests) rejects.take(closed, request, 'id', 0);
    bench.add(`${limit.kind}, rejected`, () => {
      for (let i = 0; i < BATCH; i++) rejects.take(closed, requestAt(i), 'id', 1);
    });
  }
  addSettled(bench, 'concurrency, take and settle', rule(running));
  addSettled(bench, 'budget, reserve and settle', rule(budget));
  addSettled(
    bench,
    'rate, concurrency and budget, take and settle',
    rule(gcra(600, MINUTE_MS, 100), running, budget),
  );
  addCallIds(bench);
}

function addCallIds(bench: Bench): void {
  const fresh: StoreLimiter = createRateLimiter({ maxCallIds: 1_000_000 });
  let call = 0;
  let nowMs = 0;
  bench.add('steady rate, a fresh call id each', () => {
    for (let i = 0; i < BATCH; i++) {
      call += 1;
      nowMs += 1;
      fresh.take(fastRate, { ...requestAt(i), callId: `call-${call}` }, 'id', nowMs);
    }
  });
  const again = createRateLimiter();
  const named = tenants.map((tenant) => requestOf(tenant, 'same'));
  for (const request of named) again.take(fastRate, request, 'id', 0);
  bench.add('steady rate, a call id seen before', () => {
    for (let i = 0; i < BATCH; i++) again.take(fastRate, named[i % KEYS] ?? fallback, 'id', 1);
  });
}

function addTheirs(bench: Bench): RateLimiterMemory[] {
  const admits = new RateLimiterMemory({ points: 1e9, duration: 60 });
  bench.add(THEIR_RATE, async () => {
    for (const tenant of tenants) await admits.consume(tenant);
  });
  const rejects = new RateLimiterMemory({ points: 1, duration: 60 });
  bench.add('rate-limiter-flexible memory, rejected', async () => {
    for (let i = 0; i < BATCH; i++) await consume(rejects, tenants[i % KEYS] ?? '');
  });
  return [admits, rejects];
}

function figures(bench: Bench): Map<string, { p50: number; p99: number }> {
  return new Map(
    bench.tasks.map(({ name, result }) => {
      if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`);
      const perCall = (ms: number): number => (ms * 1e6) / BATCH;
      return [name, { p50: perCall(result.latency.p50), p99: perCall(result.latency.p99) }];
    }),
  );
}

await checkAnswers();

const bench = new Bench({ time: 500, warmupTime: 250 });
addOurs(bench);
const peers = addTheirs(bench);
await bench.run();
for (const tenant of tenants) for (const peer of peers) await peer.delete(tenant);

const times = figures(bench);
const ours = times.get(OUR_RATE)?.p50 ?? Number.NaN;
const theirs = times.get(THEIR_RATE)?.p50 ?? Number.NaN;
const memory = await memoryTable();
const peerVersion = (
  createRequire(import.meta.url)('rate-limiter-flexible/package.json') as { version: string }
).version;

const goals: BenchGoal[] = [
  {
    goal: `steady rate: at most ${GOAL_BYTES} bytes per key`,
    figure: `${memory.gcraBytes.toFixed(1)} bytes, the most of 20k, 100k and 1M keys`,
    met: memory.gcraBytes <= GOAL_BYTES,
  },
  {
    goal: `steady rate: at least ${GOAL_RATIO_BYTES} times smaller than rate-limiter-flexible's memory limiter`,
    figure: `${memory.ratio.toFixed(1)} times, the least of the three`,
    met: memory.ratio >= GOAL_RATIO_BYTES,
  },
  {
    goal: `steady rate: at least ${GOAL_RATIO_TIME} times faster than rate-limiter-flexible's memory limiter`,
    figure: `${(theirs / ours).toFixed(1)} times: ${ours.toFixed(0)} ns against ${theirs.toFixed(0)} ns at the median`,
    met: theirs / ours >= GOAL_RATIO_TIME,
  },
  {
    goal: `one to three limits, admitted: at most ${GOAL_NS} ns at the median`,
    figure: `${(times.get('three windows, admitted')?.p50 ?? Number.NaN).toFixed(0)} ns for three windows`,
    met: (times.get('three windows, admitted')?.p50 ?? Number.NaN) <= GOAL_NS,
  },
];

const section = {
  id: 'limiter',
  title: 'Rate limiter, in process',
  order: 20,
  measuredAt: new Date().toISOString(),
  command: 'npx nx bench rate-limiter -- take',
  machine: { ...describeMachine() },
  versions: { 'rate-limiter-flexible': peerVersion },
  goals,
  tables: [
    {
      title: 'Time per call',
      columns: ['call', 'p50 ns', 'p99 ns'],
      rows: [...times].map(([name, { p50, p99 }]) => [name, p50.toFixed(0), p99.toFixed(0)]),
    },
    memory.table,
  ],
  notes: [
    `One iteration is ${BATCH} calls over ${KEYS} tenants; p50 and p99 are of iterations, divided by ${BATCH}.`,
    'Times of the clock are not in it: the limiter is told the time. rate-limiter-flexible reads its own, and is awaited.',
    'Bytes are heap and typed arrays after two collections, divided by keys; the strings of the tenants are shared with the caller.',
    'A call id costs a new string, which is made, hashed and kept for the longest window.',
  ],
};
writeSection(section);
console.log(renderText(section));
