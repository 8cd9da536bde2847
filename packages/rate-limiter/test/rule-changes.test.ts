import type { LimitRule, WindowLimit } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateLimiter, createSharedLimiterMemory, openSharedLimiter } from '../src/index.ts';
import { gcra, requestOf, ruleOf, window } from './limit-samples.ts';

const T = requestOf('x');

function naiveTake(admittedMs: number[], limit: WindowLimit, nowMs: number): number {
  let waitMs = 0;
  const inside = (): number =>
    admittedMs.filter((ms) => nowMs + waitMs - ms < limit.windowMs).length;
  while (inside() >= limit.limit) waitMs += 1;
  if (waitMs === 0) admittedMs.push(nowMs);
  return waitMs;
}

describe('a window whose limit changes', () => {
  it('equals the definition, up and down', () => {
    const change = fc.record({
      limit: fc.integer({ min: 1, max: 30 }),
      takes: fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
        const limiter = createRateLimiter();
        const admittedMs: number[] = [];
        let nowMs = 0;
        for (const { limit, takes } of changes) {
          const rule = ruleOf([window(limit, 100)]);
          for (const advanceMs of takes) {
            nowMs += advanceMs;
            const expected = naiveTake(admittedMs, window(limit, 100), nowMs);
            expect(limiter.take(rule, T, 'id', nowMs)).toBe(expected);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a window whose length changes', () => {
  it('goes on with what windows of other lengths hold', () => {
    const limiter = createRateLimiter();
    const take = (limit: number, windowMs: number, nowMs: number): number =>
      limiter.take(ruleOf([window(limit, windowMs)]), T, 'id', nowMs);
    for (const ms of [0, 100, 200, 300]) expect(take(4, 1000, ms)).toBe(0);
    expect(take(4, 2000, 400)).toBe(1600);
    expect(take(2, 250, 400)).toBe(50);
    expect(take(2, 250, 450)).toBe(0);
    expect(take(3, 250, 450)).toBe(0);
    expect(take(3, 250, 450)).toBe(100);
  });

  it('never admits more than the limit since the change, whatever came before', () => {
    const windows = fc.uniqueArray(
      fc.record({
        limit: fc.integer({ min: 1, max: 40 }),
        windowMs: fc.integer({ min: 1, max: 2000 }),
      }),
      { minLength: 1, maxLength: 3, selector: ({ windowMs }) => windowMs },
    );
    const advances = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(fc.tuple(windows, advances), { maxLength: 5 }), (phases) => {
        const limiter = createRateLimiter();
        let nowMs = 0;
        for (const [limits, takes] of phases) {
          const admittedMs: number[] = [];
          for (const advanceMs of takes) {
            nowMs += advanceMs;
            const rule = ruleOf(limits.map(({ limit, windowMs }) => window(limit, windowMs)));
            if (limiter.take(rule, T, 'id', nowMs) === 0) admittedMs.push(nowMs);
          }
          for (const { limit, windowMs } of limits) {
            for (const from of admittedMs) {
              const inside = admittedMs.filter((ms) => ms >= from && ms - from < windowMs);
              expect(inside.length).toBeLessThanOrEqual(limit);
            }
          }
        }
      }),
    );
  });

  it('does not mix the calls of tools that share a window of another length', () => {
    const limiter = createRateLimiter();
    const shared = (tool: string, limit: number, windowMs: number): LimitRule =>
      ruleOf([{ kind: 'window', by: ['tenant'], limit, windowMs }], tool);
    for (let i = 0; i < 5; i++) limiter.take(shared('a', 5, 1000), T, 'id', 0);
    expect(limiter.take(shared('b', 1, 5000), T, 'id', 1)).toBe(0);
    expect(limiter.take(shared('b', 5, 1000), T, 'id', 1)).toBe(999);
  });
});

describe('rates', () => {
  it('of different tools that share a caller each see every call', () => {
    const limiter = createRateLimiter();
    const shared = (tool: string, limit: number): LimitRule =>
      ruleOf([{ kind: 'gcra', by: ['tenant'], limit, windowMs: 60_000, burst: 10 }], tool);
    const fast = shared('fast', 6000);
    const slow = shared('slow', 6);
    let slowAdmitted = 0;
    let fastAdmitted = 0;
    for (let ms = 0; ms < 60_000; ms += 20) {
      if (limiter.take(fast, T, 'id', ms) === 0) fastAdmitted += 1;
      if (limiter.take(slow, T, 'id', ms) === 0) slowAdmitted += 1;
    }
    // The slow one is held by what the fast one admits, and does not hold the fast one up.
    expect(slowAdmitted).toBeLessThanOrEqual(6 + 10);
    expect(fastAdmitted).toBeGreaterThan(2900);
  });

  it('never pass limit and burst while they change, for any calls and cancels', () => {
    const phase = fc.record({
      limit: fc.integer({ min: 1, max: 50 }),
      burst: fc.integer({ min: 1, max: 12 }),
      steps: fc.array(fc.tuple(fc.double({ min: 0, max: 40, noNaN: true }), fc.boolean()), {
        maxLength: 60,
      }),
    });
    fc.assert(
      fc.property(fc.array(phase, { maxLength: 6 }), (phases) => {
        const limiter = createRateLimiter();
        let nowMs = 0;
        for (const { limit, burst, steps } of phases) {
          const rule = ruleOf([gcra(limit, 500, burst)]);
          const admittedMs: number[] = [];
          for (const [advanceMs, cancel] of steps) {
            nowMs += advanceMs;
            if (limiter.take(rule, T, 'id', nowMs) !== 0) continue;
            if (cancel) limiter.cancel('id', nowMs);
            else admittedMs.push(nowMs);
          }
          for (const from of admittedMs) {
            const inside = admittedMs.filter((ms) => ms >= from && ms - from < 500);
            expect(inside.length).toBeLessThanOrEqual(limit + burst);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('forget a rate that nobody has used for as long as it counts', () => {
    const limiter = createRateLimiter();
    for (let limit = 1; limit <= 200; limit++) {
      const atMs = limit * 10_000;
      expect(limiter.take(ruleOf([gcra(limit, 1000, 3)]), T, 'id', atMs)).toBe(0);
    }
    expect(limiter.take(ruleOf([gcra(5, 1000, 1)]), T, 'id', 2_000_000)).toBeGreaterThan(0);
    expect(limiter.take(ruleOf([gcra(5, 1000, 1)]), T, 'id', 3_000_000)).toBe(0);
  });
});

describe.each([
  ['in memory', () => createRateLimiter()],
  [
    'in shared memory',
    () =>
      openSharedLimiter(createSharedLimiterMemory({ maxKeys: 10, maxBytes: 4096 }), {
        clockOffsetMs: 0,
      }),
  ],
] as const)('a rate that becomes very much smaller, %s', (_, open) => {
  const YEAR_MS = 400 * 86_400_000;

  it.each([
    [1, 300_000, 5],
    [1, 300_001, 1_000_000.3],
    [7, 1_000_003, 2 ** 35],
  ])('to %i a year after %i calls stays closed, and answers at once', (limit, calls, nowMs) => {
    const limiter = open();
    const wide = ruleOf([gcra(1_000_000_000, YEAR_MS, 1_000_000_000)]);
    for (let i = 0; i < calls; i++) {
      if (limiter.take(wide, T, 'id', nowMs) !== 0) throw new Error(`call ${i}`);
    }
    const narrow = ruleOf([gcra(limit, YEAR_MS, 1)]);
    const waitMs = limiter.take(narrow, T, 'id', nowMs + 0.4);
    // A century at least; the exact wait of 140,000 years and more is cut.
    expect(waitMs).toBeGreaterThan(100 * YEAR_MS);
    expect(limiter.inspect(narrow, T, nowMs + 1)[0]?.remaining).toBe(0);
    expect(limiter.take(narrow, T, 'id', nowMs + YEAR_MS / 2)).toBeGreaterThan(100 * YEAR_MS);
  });
});
