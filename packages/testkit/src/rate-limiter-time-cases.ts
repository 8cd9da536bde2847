import { expect, it } from 'vitest';
import {
  concurrencyLimit,
  gcraLimit,
  limitedRequest,
  limitRule,
  type RateLimiterSuite,
  tokenBudget,
  windowLimit,
} from './rate-limiter-fixture.ts';

const HOUR_MS = 3_600_000;
const T = limitedRequest();

/** Times that cannot be: they neither open nor lock. */
export function describeTimeCases({ open, traits }: RateLimiterSuite): void {
  const kinds = [
    windowLimit(1, 1000),
    gcraLimit(1, 1000, 1),
    concurrencyLimit(1, 1000),
    tokenBudget(1, 1020),
  ];
  const freeMs = 1037 + Math.ceil(1020 * traits.freedLate) + 1;

  it('counts a time below the last one as the last one', async () => {
    for (const limit of kinds) {
      const probe = await open();
      const rule = limitRule([limit]);
      expect(await probe.take(rule, T, HOUR_MS), limit.kind).toBe(0);
      for (const atMs of [0, HOUR_MS - 1000, -5]) {
        expect(await probe.take(rule, T, atMs), limit.kind).toBeGreaterThan(0);
      }
      expect(await probe.take(rule, limitedRequest({ tenant: 'u' }), 0)).toBe(0);
      expect(await probe.take(rule, T, HOUR_MS + freeMs), limit.kind).toBe(0);
    }
  });

  it('is neither opened nor locked by a time that is no number', async () => {
    for (const limit of kinds) {
      const probe = await open();
      const rule = limitRule([limit]);
      expect(await probe.take(rule, T, 10)).toBe(0);
      for (const time of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300]) {
        expect(await probe.take(rule, T, time), limit.kind).toBeGreaterThan(0);
      }
      expect(await probe.take(rule, T, 10 + freeMs), limit.kind).toBe(0);
    }
  });

  it('frees everything after a jump forward, and no more than that', async () => {
    for (const limit of kinds) {
      const probe = await open();
      const rule = limitRule([limit]);
      for (let jump = 1; jump < 5; jump++) {
        expect(await probe.admit(3, rule, T, jump * HOUR_MS), limit.kind).toBe(1);
      }
    }
  });
}
