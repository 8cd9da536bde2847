import { expect, it } from 'vitest';
import {
  concurrencyLimit,
  limitedRequest,
  limitRule,
  type RateLimiterSuite,
  windowLimit,
} from './rate-limiter-fixture.ts';

const DAY_MS = 86_400_000;
const T = limitedRequest();

/** Sliding windows: exact limits, exact waits, all windows or none. */
export function describeWindowCases({ open, traits }: RateLimiterSuite): void {
  it('admits up to the limit at once, and no more', async () => {
    const probe = await open();
    expect(await probe.admit(20, limitRule([windowLimit(7, 60_000)]), T, 0)).toBe(7);
  });

  if (!traits.ownTime) return;

  it('slides: no burst at the edge of a window', async () => {
    const probe = await open();
    const perSecond = limitRule([windowLimit(3, 1000)]);
    const admitted: number[] = [];
    for (const atMs of [990, 990, 990, 1010, 1010, 1500, 1989]) {
      if ((await probe.take(perSecond, T, atMs)) === 0) admitted.push(atMs);
    }
    expect(admitted).toEqual([990, 990, 990]);
    const freeMs = 1990 + Math.ceil(1000 * traits.freedLate) + 1;
    expect(await probe.take(perSecond, T, freeMs)).toBe(0);
  });

  it('counts over 400 days', async () => {
    const probe = await open();
    const rare = limitRule([windowLimit(2, 400 * DAY_MS)]);
    expect(await probe.admit(3, rare, T, 5)).toBe(2);
    for (const days of [1, 25, 50, 399]) {
      expect(await probe.take(rare, T, days * DAY_MS), `${days} days`).toBeGreaterThan(0);
    }
    const freeMs = 400 * DAY_MS * (1 + traits.freedLate) + 10;
    expect(await probe.admit(3, rare, T, freeMs)).toBe(2);
  });

  it('gives back the place of a call that is cancelled, and of no other', async () => {
    const probe = await open();
    const rule = limitRule([windowLimit(3, 1000), concurrencyLimit(50, 10_000)]);
    const ids: string[] = [];
    for (const atMs of [0, 100, 200]) {
      expect(await probe.take(rule, T, atMs)).toBe(0);
      ids.push(probe.lastId);
    }
    expect(probe.cancel(ids[1] ?? '', 300)).toBe(true);
    expect(probe.cancel(ids[1] ?? '', 300)).toBe(false);
    expect(await probe.admit(5, rule, T, 300)).toBe(1);
  });

  if (traits.exact) describeExactWaits(open);
}

function describeExactWaits(open: RateLimiterSuite['open']): void {
  it('tells the exact wait', async () => {
    const probe = await open();
    const perSecond = limitRule([windowLimit(2, 1000)]);
    const answers: number[] = [];
    for (const atMs of [0, 400, 500, 999, 1000, 1000]) {
      answers.push(await probe.take(perSecond, T, atMs));
    }
    expect(answers).toEqual([0, 0, 500, 1, 0, 400]);
  });

  it('charges nothing for a rejected call', async () => {
    const probe = await open();
    const perSecond = limitRule([windowLimit(1, 1000)]);
    expect(await probe.take(perSecond, T, 0)).toBe(0);
    for (let ms = 1; ms < 1000; ms++) {
      expect(await probe.take(perSecond, T, ms)).toBe(1000 - ms);
    }
    expect(await probe.take(perSecond, T, 1000)).toBe(0);
  });

  it('admits only when all windows have room, and charges none otherwise', async () => {
    const probe = await open();
    const both = limitRule([windowLimit(2, 100), windowLimit(3, 1000)]);
    const answers: number[] = [];
    for (const atMs of [0, 0, 10, 100, 100, 1000, 1000, 1000]) {
      answers.push(await probe.take(both, T, atMs));
    }
    expect(answers).toEqual([0, 0, 90, 0, 900, 0, 0, 100]);
  });

  it('rounds a fraction of a millisecond up, so that the wait suffices', async () => {
    const probe = await open();
    const perSecond = limitRule([windowLimit(1, 1000)]);
    const answers: number[] = [];
    for (const atMs of [0.25, 0.5, 1000, 1000.25]) {
      answers.push(await probe.take(perSecond, T, atMs));
    }
    expect(answers).toEqual([0, 1000, 1, 0]);
  });
}
