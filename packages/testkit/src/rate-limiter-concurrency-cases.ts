import { expect, it } from 'vitest';
import {
  concurrencyLimit,
  limitedRequest,
  limitRule,
  type RateLimiterSuite,
} from './rate-limiter-fixture.ts';

const T = limitedRequest();

const three = limitRule([concurrencyLimit(3, 60_000)]);

/** Calls that run at a time. */
export function describeConcurrencyCases(suite: RateLimiterSuite): void {
  describePlaces(suite);
  if (!suite.traits.ownTime) return;
  describeLeases(suite);
}

function describePlaces({ open }: RateLimiterSuite): void {
  it('admits as many as may run, and another for each that ends', async () => {
    const probe = await open();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      expect(await probe.take(three, T, 0)).toBe(0);
      ids.push(probe.lastId);
    }
    expect(await probe.take(three, T, 0)).toBeGreaterThan(0);
    expect(probe.settle(ids[1] ?? '', {}, 0)).toBe(true);
    expect(await probe.admit(3, three, T, 0)).toBe(1);
    expect(probe.cancel(ids[0] ?? '', 0)).toBe(true);
    expect(await probe.admit(3, three, T, 0)).toBe(1);
  });

  it('frees one place for a call that is settled and cancelled many times', async () => {
    const probe = await open();
    expect(await probe.take(three, T, 0)).toBe(0);
    const id = probe.lastId;
    expect(await probe.admit(5, three, T, 0)).toBe(2);
    expect(probe.settle(id, {}, 0)).toBe(true);
    for (let i = 0; i < 5; i++) {
      expect(probe.settle(id, {}, 0)).toBe(false);
      expect(probe.cancel(id, 0)).toBe(false);
    }
    expect(await probe.admit(5, three, T, 0)).toBe(1);
  });

  it('settles nothing for ids it does not know', async () => {
    const probe = await open();
    expect(await probe.admit(3, three, T, 0)).toBe(3);
    for (const id of ['', 'unknown', 'x'.repeat(10_000)]) {
      expect(probe.settle(id, {}, 0)).toBe(false);
      expect(probe.cancel(id, 0)).toBe(false);
    }
    expect(await probe.take(three, T, 0)).toBeGreaterThan(0);
  });
}

function describeLeases({ open, traits }: RateLimiterSuite): void {
  it('ends the lease of a call that nobody settles', async () => {
    const probe = await open();
    const rule = limitRule([concurrencyLimit(1, 1000)]);
    expect(await probe.take(rule, T, 0)).toBe(0);
    const id = probe.lastId;
    expect(await probe.take(rule, T, 999)).toBeGreaterThan(0);
    const freeMs = 1000 + Math.ceil(1000 * traits.freedLate) + 1;
    expect(await probe.take(rule, T, freeMs)).toBe(0);
    // The first call comes back late: it must not end the second.
    expect(probe.settle(id, {}, freeMs)).toBe(false);
    expect(await probe.take(rule, T, freeMs)).toBeGreaterThan(0);
  });

  it('ends every lease at its own time when the length of leases changes', async () => {
    const probe = await open();
    expect(await probe.take(limitRule([concurrencyLimit(2, 60_000)]), T, 0)).toBe(0);
    const short = limitRule([concurrencyLimit(2, 1000)]);
    expect(await probe.take(short, T, 0)).toBe(0);
    expect(await probe.take(short, T, 999)).toBeGreaterThan(0);
    const freeMs = 1000 + Math.ceil(60_000 * traits.freedLate) + 1;
    expect(await probe.admit(3, short, T, freeMs)).toBe(1);
  });
}
