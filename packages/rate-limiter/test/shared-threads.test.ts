import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createSharedLimiterMemory, openSharedLimiter } from '../src/index.ts';
import { requestOf } from './workers/orders.ts';
import { hammer, mostWithin, ruleOf, startWorker } from './workers.ts';

const BY_TENANT = { by: ['tenant'] } as const;
const LONG_MS = 120_000;

const perWindow = ruleOf({ kind: 'window', limit: 50, windowMs: 100, ...BY_TENANT });
const rate = ruleOf({ kind: 'gcra', limit: 50, windowMs: 100, burst: 20, ...BY_TENANT });
const atOnce = ruleOf({ kind: 'concurrency', limit: 2, leaseMs: 1e6, ...BY_TENANT });

function tokens(limit: number, perCall: number, windowMs = 600) {
  return ruleOf({ kind: 'budget', unit: 'tokens', limit, perCall, windowMs, ...BY_TENANT });
}

describe('a window that threads share', () => {
  it.each([2, 4, 8])(
    'admits exactly its limit in each window to %d threads',
    async (workers) => {
      const orders = { rule: perWindow, workers, tenants: 3, phases: 20, stepMs: 100, calls: 400 };
      const outcome = await hammer(orders);
      for (let tenant = 0; tenant < 3; tenant++) {
        const times = outcome.timesOf(tenant);
        for (let phase = 1; phase <= 20; phase++) {
          expect(times.filter((time) => time === phase * 100)).toHaveLength(50);
        }
      }
    },
    LONG_MS,
  );

  it(
    'never admits more in any stretch while time runs',
    async () => {
      const outcome = await hammer({ rule: perWindow, tenants: 2, untilMs: 4000 });
      for (const tenant of [0, 1]) {
        expect(mostWithin(outcome.timesOf(tenant), 100)).toBe(50);
      }
    },
    LONG_MS,
  );

  it(
    'counts across all segments of a large limit',
    async () => {
      const rule = ruleOf({ kind: 'window', limit: 1000, windowMs: 100, ...BY_TENANT });
      const outcome = await hammer({ rule, phases: 4, stepMs: 100, calls: 600 });
      const times = outcome.timesOf(0);
      for (let phase = 1; phase <= 4; phase++) {
        expect(times.filter((time) => time === phase * 100)).toHaveLength(1000);
      }
    },
    LONG_MS,
  );
});

describe('a rate that threads share', () => {
  it(
    'admits exactly the burst at once, and the rate over time, under contention',
    async () => {
      const rule = ruleOf({ kind: 'gcra', limit: 1e6, windowMs: 1000, burst: 30_000, by: [] });
      const outcome = await hammer({ rule, phases: 3, stepMs: 10, calls: 20_000 });
      const times = outcome.timesOf(0);
      // 10 ms give room for 10,000 more, less what rounding a cost up to a nanosecond takes away.
      expect(times.filter((time) => time === 10)).toHaveLength(30_000);
      const later = times.filter((time) => time === 20).length;
      expect(later).toBeLessThanOrEqual(10_000);
      expect(later).toBeGreaterThan(9980);
      expect(outcome.retries).toBeGreaterThan(0);
    },
    LONG_MS,
  );

  it(
    'never admits more than limit and burst in any stretch while time runs',
    async () => {
      const outcome = await hammer({ rule: rate, tenants: 2, untilMs: 4000 });
      for (const tenant of [0, 1]) {
        const most = mostWithin(outcome.timesOf(tenant), 100);
        expect(most).toBeLessThanOrEqual(70);
        expect(most).toBeGreaterThanOrEqual(50);
      }
    },
    LONG_MS,
  );
});

describe('concurrency that threads share', () => {
  it.each([2, 4, 8])(
    'never runs more than its limit among %d threads, and leaves nothing taken',
    async (workers) => {
      const memory = createSharedLimiterMemory({ maxKeys: 100 });
      const outcome = await hammer({
        memory,
        rule: atOnce,
        workers,
        phases: 1,
        calls: 5000,
        outcome: 'settle',
      });
      expect(outcome.mostRunning).toBeLessThanOrEqual(2);
      expect(outcome.timesOf(0).length).toBeGreaterThan(1000);
      const limiter = openSharedLimiter(memory, { clockOffsetMs: 0 });
      expect(limiter.inspect(atOnce, requestOf(0), 1)).toMatchObject([{ remaining: 2 }]);
    },
    LONG_MS,
  );
});

describe('a budget that threads share', () => {
  it.each([2, 4, 8])(
    'never reserves more than its limit among %d threads',
    async (workers) => {
      const rule = tokens(1000, 7);
      // Every phase lies a whole window and two of its parts after the last one.
      const outcome = await hammer({ rule, workers, phases: 20, stepMs: 620, calls: 300 });
      const times = outcome.timesOf(0);
      for (let phase = 1; phase <= 20; phase++) {
        const units = 7 * times.filter((time) => time === phase * 620).length;
        expect(units).toBeLessThanOrEqual(1000);
        // A call that is half done when a part begins counts twice until the next one: at most one per thread.
        expect(units).toBeGreaterThan(1000 - 7 * (workers + 1));
      }
    },
    LONG_MS,
  );

  it(
    'never reserves more in any stretch while its parts roll over',
    async () => {
      const rule = tokens(1000, 7);
      const outcome = await hammer({ rule, phases: 400, stepMs: 7, calls: 60 });
      const most = mostWithin(outcome.timesOf(0), 600);
      expect(most * 7).toBeLessThanOrEqual(1000);
      expect(most * 7).toBeGreaterThan(900);
    },
    LONG_MS,
  );

  it(
    'has everything back when every call is cancelled',
    async () => {
      const memory = createSharedLimiterMemory({ maxKeys: 100 });
      const rule = tokens(100, 30);
      const calls = { memory, rule, phases: 50, stepMs: 3, calls: 200 };
      const outcome = await hammer({ ...calls, outcome: 'cancel' });
      expect(outcome.timesOf(0).length).toBeGreaterThan(10_000);
      const limiter = openSharedLimiter(memory, { clockOffsetMs: 0 });
      expect(limiter.inspect(rule, requestOf(0), 150)).toMatchObject([{ remaining: 100 }]);
    },
    LONG_MS,
  );
});

describe('a directory that is too small', () => {
  it.each([
    ['window', ruleOf({ kind: 'window', limit: 2, windowMs: 3, ...BY_TENANT }), 2],
    ['gcra', ruleOf({ kind: 'gcra', limit: 1, windowMs: 3, burst: 1, ...BY_TENANT }), 1],
    [
      'budget',
      ruleOf({ kind: 'budget', unit: 'calls', limit: 2, perCall: 1, windowMs: 3, by: ['tenant'] }),
      2,
    ],
  ] as const)(
    'gives places of idle keys to others, and admits no call too many (%s)',
    async (_, rule, limit) => {
      const memory = createSharedLimiterMemory({ maxKeys: 1 });
      const outcome = await hammer({
        memory,
        rule,
        tenants: 400,
        phases: 300,
        stepMs: 1,
        calls: 60,
      });
      const evictions = outcome.deeds.reduce((sum, deeds) => sum + deeds.evictions, 0);
      expect(evictions).toBeGreaterThan(1000);
      for (let tenant = 0; tenant < 400; tenant++) {
        expect(mostWithin(outcome.timesOf(tenant), 3)).toBeLessThanOrEqual(limit);
      }
    },
    LONG_MS,
  );
});

describe('a thread that is terminated', () => {
  it(
    'leaves nothing locked, and what it held ends by itself',
    async () => {
      const memory = createSharedLimiterMemory({ maxKeys: 20 });
      const by = { by: ['tenant'] } as const;
      const limits = [
        { kind: 'window', limit: 5, windowMs: 20, ...by },
        { kind: 'gcra', limit: 5, windowMs: 20, burst: 5, ...by },
        { kind: 'concurrency', limit: 5, leaseMs: 20, ...by },
        { kind: 'budget', unit: 'tokens', limit: 100, perCall: 20, windowMs: 60, ...by },
      ] as const;
      const rules = limits.map((limit) => ruleOf(limit));
      for (let round = 0; round < 12; round++) {
        const threads = [1, 2, 3].map((n) =>
          startWorker('run-until-killed.ts', { memory, rules, seed: round * 1000 + n }),
        );
        await Promise.all(threads.map((thread) => once(thread, 'message')));
        for (const thread of threads) await thread.terminate();
      }
      const limiter = openSharedLimiter(memory, { clockOffsetMs: 0 });
      for (const [n, rule] of rules.entries()) {
        for (let tenant = 0; tenant < 13; tenant++) {
          const take = (i: number) =>
            limiter.take(rule, requestOf(tenant), `${n}-${tenant}-${i}`, 2000);
          const answers = Array.from({ length: 6 }, (_, i) => take(i));
          expect(answers.slice(0, 5)).toEqual([0, 0, 0, 0, 0]);
          expect(answers[5]).toBeGreaterThan(0);
        }
      }
    },
    LONG_MS,
  );
});
