import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  gcraLimit,
  limitedRequest,
  limitRule,
  type RateLimiterSuite,
} from './rate-limiter-fixture.ts';

const T = limitedRequest();

/** Steady rates with a burst. */
export function describeGcraCases(suite: RateLimiterSuite): void {
  describeBurst(suite);
  if (!suite.traits.ownTime) return;
  describeSteadyRate(suite);
  describeRateBound(suite);
  if (!suite.traits.exact) return;
  describeExactRate(suite);
}

function describeBurst({ open }: RateLimiterSuite): void {
  it('admits the burst at once, and no more', async () => {
    const probe = await open();
    expect(await probe.admit(30, limitRule([gcraLimit(60, 60_000, 9)]), T, 0)).toBe(9);
  });

  it('gives back a call that is cancelled before the next one', async () => {
    const probe = await open();
    const rule = limitRule([gcraLimit(60, 60_000, 4)]);
    expect(await probe.take(rule, T, 0)).toBe(0);
    for (let i = 0; i < 20; i++) {
      expect(await probe.take(rule, T, 0)).toBe(0);
      expect(probe.cancel(probe.lastId, 0)).toBe(true);
      expect(probe.cancel(probe.lastId, 0)).toBe(false);
    }
    expect(await probe.admit(10, rule, T, 0)).toBe(3);
  });
}

function describeSteadyRate({ open, traits }: RateLimiterSuite): void {
  it('admits the steady rate after the burst', async () => {
    const probe = await open();
    const rule = limitRule([gcraLimit(60, 60_000, 3)]);
    let admitted = await probe.admit(10, rule, T, 0);
    for (let atMs = 100; atMs <= 20_000; atMs += 100)
      admitted += await probe.admit(1, rule, T, atMs);
    expect(admitted).toBeLessThanOrEqual(3 + 20);
    expect(admitted).toBeGreaterThanOrEqual(3 + 19 - Math.ceil(60 * traits.freedLate));
  });
}

function describeRateBound({ open, traits }: RateLimiterSuite): void {
  it('never admits more than limit and burst in any window, whatever the numbers', async () => {
    const numbers = fc.record({
      limit: fc.integer({ min: 1, max: 40 }),
      windowMs: fc.oneof(
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 1, max: 500, noNaN: true }),
      ),
      burst: fc.integer({ min: 1, max: 20 }),
    });
    const bases = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 2 ** 44, noNaN: true }));
    const advances = fc.array(fc.double({ min: 0, max: 60, noNaN: true }), { maxLength: 150 });
    await fc.assert(
      fc.asyncProperty(
        numbers,
        bases,
        advances,
        async ({ limit, windowMs, burst }, base, steps) => {
          const probe = await open();
          const rule = limitRule([gcraLimit(limit, windowMs, burst)]);
          const admittedMs: number[] = [];
          let nowMs = base;
          for (const advanceMs of steps) {
            // Every third step stays: calls at the same time.
            nowMs += admittedMs.length % 3 === 0 ? advanceMs : 0;
            if ((await probe.take(rule, T, nowMs)) === 0) admittedMs.push(nowMs);
          }
          for (const from of admittedMs) {
            const inside = admittedMs.filter((ms) => ms >= from && ms - from < windowMs);
            expect(inside.length).toBeLessThanOrEqual(limit + burst);
          }
        },
      ),
      { numRuns: traits.runs },
    );
  });
}

function describeExactRate({ open }: RateLimiterSuite): void {
  it('tells the exact wait', async () => {
    const probe = await open();
    const rule = limitRule([gcraLimit(10, 1000, 2)]);
    const answers: number[] = [];
    for (const atMs of [0, 0, 0, 99, 100, 100, 1000, 1000, 1000]) {
      answers.push(await probe.take(rule, T, atMs));
    }
    expect(answers).toEqual([0, 0, 100, 1, 0, 100, 0, 0, 100]);
  });
}
