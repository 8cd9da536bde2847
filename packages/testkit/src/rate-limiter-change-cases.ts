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

const WINDOW_MS = 60_000;
const T = limitedRequest();

/** Limits that change by a reload: nothing that was counted is forgotten. */
export function describeChangeCases(suite: RateLimiterSuite): void {
  describeChangedWindows(suite);
  describeChangedCalls(suite);
  describeRefusedRules(suite);
}

function describeChangedWindows({ open, traits }: RateLimiterSuite): void {
  it('applies a lower limit at once and keeps what was counted', async () => {
    const probe = await open();
    expect(await probe.admit(5, limitRule([windowLimit(10, WINDOW_MS)]), T, 0)).toBe(5);
    expect(await probe.take(limitRule([windowLimit(3, WINDOW_MS)]), T, 0)).toBeGreaterThan(0);
    expect(await probe.take(limitRule([windowLimit(5, WINDOW_MS)]), T, 0)).toBeGreaterThan(0);
    expect(await probe.admit(9, limitRule([windowLimit(6, WINDOW_MS)]), T, 0)).toBe(1);
  });

  it('applies a higher limit at once and does not start again', async () => {
    const probe = await open();
    expect(await probe.admit(9, limitRule([windowLimit(3, WINDOW_MS)]), T, 0)).toBe(3);
    expect(await probe.admit(9, limitRule([windowLimit(4, WINDOW_MS)]), T, 0)).toBe(1);
  });

  it('survives a limit that goes down and up again', async () => {
    const probe = await open();
    expect(await probe.admit(10, limitRule([windowLimit(10, WINDOW_MS)]), T, 0)).toBe(10);
    expect(await probe.admit(9, limitRule([windowLimit(1, WINDOW_MS)]), T, 0)).toBe(0);
    expect(await probe.admit(9, limitRule([windowLimit(10, WINDOW_MS)]), T, 0)).toBe(0);
  });

  it('keeps the level of a rate whose limit or burst changes, in calls', async () => {
    for (const [limit, burst] of [
      [60, 10],
      [6, 10],
      [6000, 10],
      [60_000, 10],
    ] as const) {
      // On a clock of the store's own, a fast rate frees units while they are counted.
      if (!traits.ownTime && limit > 60) continue;
      const probe = await open();
      expect(await probe.admit(6, limitRule([gcraLimit(60, WINDOW_MS, 10)]), T, 0)).toBe(6);
      const changed = limitRule([gcraLimit(limit, WINDOW_MS, burst)]);
      expect(await probe.admit(20, changed, T, 0), `${limit}, ${burst}`).toBe(4);
      expect(await probe.admit(20, limitRule([gcraLimit(60, WINDOW_MS, 10)]), T, 0)).toBe(0);
      expect(await probe.admit(20, limitRule([gcraLimit(60, WINDOW_MS, 12)]), T, 0)).toBe(2);
      expect(await probe.admit(20, limitRule([gcraLimit(60, WINDOW_MS, 3)]), T, 0)).toBe(0);
    }
  });
}

function describeChangedCalls({ open }: RateLimiterSuite): void {
  it('keeps the calls that run when their number or their lease changes', async () => {
    const probe = await open();
    expect(await probe.admit(5, limitRule([concurrencyLimit(5, WINDOW_MS)]), T, 0)).toBe(5);
    expect(await probe.admit(5, limitRule([concurrencyLimit(4, 1000)]), T, 0)).toBe(0);
    expect(await probe.admit(5, limitRule([concurrencyLimit(7, 1000)]), T, 0)).toBe(2);
  });

  it('keeps what was spent when a budget changes', async () => {
    const probe = await open();
    expect(await probe.admit(60, limitRule([tokenBudget(50, WINDOW_MS)]), T, 0)).toBe(50);
    expect(await probe.admit(9, limitRule([tokenBudget(10, WINDOW_MS)]), T, 0)).toBe(0);
    expect(await probe.admit(9, limitRule([tokenBudget(53, WINDOW_MS)]), T, 0)).toBe(3);
    expect(await probe.admit(9, limitRule([tokenBudget(60, WINDOW_MS, 2)]), T, 0)).toBe(3);
  });

  it('settles and cancels a call of a rule that has been replaced', async () => {
    const probe = await open();
    expect(await probe.take(limitRule([tokenBudget(50, WINDOW_MS, 40)]), T, 0)).toBe(0);
    const first = probe.lastId;
    expect(await probe.admit(9, limitRule([tokenBudget(60, WINDOW_MS, 10)]), T, 0)).toBe(2);
    expect(probe.settle(first, { tokens: 20 }, 0)).toBe(true);
    expect(await probe.admit(9, limitRule([tokenBudget(60, WINDOW_MS, 10)]), T, 0)).toBe(2);
  });
}

function describeRefusedRules({ open }: RateLimiterSuite): void {
  it('refuses what it cannot enforce, and does not throw', async () => {
    const probe = await open();
    const good = windowLimit(1, 1000);
    for (const limits of [
      [],
      null,
      [null],
      [{ ...good, kind: 'other' }],
      [{ ...good, limit: 0 }],
      [{ ...good, limit: Number.NaN }],
      [{ ...good, windowMs: -1 }],
      [{ ...good, by: ['tenant', 'tenant'] }],
      [{ ...good, by: ['all'] }],
      [{ ...gcraLimit(1, 1000, 0) }],
      [{ ...concurrencyLimit(1, 0) }],
      [{ ...tokenBudget(1, 1000), unit: 'bytes' }],
      [good, good],
      Array.from({ length: 17 }, (_, i) => windowLimit(1, 1000 + i)),
    ]) {
      const rule = limitRule(limits as never);
      expect(await probe.take(rule, T, 0), JSON.stringify(limits)).toBeGreaterThan(0);
      expect(await probe.inspect(rule, T, 0)).toEqual([]);
    }
    for (const rule of [null, undefined, 'rule', 7]) {
      expect(await probe.take(rule as never, T, 0)).toBeGreaterThan(0);
    }
    for (const request of [null, undefined, {}, { ...T, tenant: 5 }, { ...T, subject: null }]) {
      expect(await probe.take(limitRule([good]), request as never, 0)).toBeGreaterThan(0);
      expect(await probe.inspect(limitRule([good]), request as never, 0)).toEqual([]);
    }
    expect(probe.limiter.size()).toBe(0);
  });
}
