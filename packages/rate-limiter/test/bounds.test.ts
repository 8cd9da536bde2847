import { LIMITER_FULL, type LimitRule } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateLimiter, DEFAULT_MAX_KEYS, DEFAULT_MAX_SLOTS } from '../src/index.ts';

function rule(limit: number, windowMs: number, tool = 'tool'): LimitRule {
  return { tool, action: 'action', windows: [{ limit, windowMs }] };
}

describe('bounded keys', () => {
  it('holds a hundred thousand keys by default', () => {
    expect(DEFAULT_MAX_KEYS).toBe(100_000);
    expect(DEFAULT_MAX_SLOTS).toBe(16_777_216);
  });

  it('refuses another key while every counter is live, and forgets none', () => {
    const limiter = createRateLimiter({ maxKeys: 3 });
    for (const tenant of ['a', 'b', 'c']) {
      expect(limiter.take(rule(1, 1000), tenant, undefined, 0)).toBe(0);
    }
    expect(limiter.take(rule(1, 1000), 'd', undefined, 999)).toBe(LIMITER_FULL);
    for (const tenant of ['a', 'b', 'c']) {
      expect(limiter.take(rule(1, 1000), tenant, undefined, 999)).toBe(1);
    }
    expect(limiter.stats()).toMatchObject({ keys: 3, evictions: 0, refusedFull: 1 });
  });

  it('gives the place of a key whose windows are all idle to another', () => {
    const limiter = createRateLimiter({ maxKeys: 2 });
    limiter.take(rule(1, 1000), 'a', undefined, 0);
    limiter.take(rule(1, 1000), 'b', undefined, 500);
    expect(limiter.take(rule(1, 1000), 'c', undefined, 1000)).toBe(0);
    expect(limiter.take(rule(1, 1000), 'b', undefined, 1000)).toBe(500);
    expect(limiter.stats()).toMatchObject({ keys: 2, evictions: 1 });
  });

  it('does not take a key for idle that was admitted again', () => {
    const limiter = createRateLimiter({ maxKeys: 2 });
    limiter.take(rule(5, 1000), 'a', undefined, 0);
    limiter.take(rule(5, 1000), 'b', undefined, 1);
    limiter.take(rule(5, 1000), 'a', undefined, 900);
    expect(limiter.take(rule(5, 1000), 'c', undefined, 1001)).toBe(0);
    for (let i = 0; i < 4; i++) limiter.take(rule(5, 1000), 'a', undefined, 1002);
    expect(limiter.take(rule(5, 1000), 'a', undefined, 1002)).toBe(898);
  });

  it('finds the idle key behind older ones with longer windows', () => {
    const limiter = createRateLimiter({ maxKeys: 3 });
    limiter.take(rule(1, 86_400_000, 'daily'), 'a', undefined, 0);
    limiter.take(rule(1, 3_600_000, 'hourly'), 'a', undefined, 0);
    limiter.take(rule(1, 1000), 'a', undefined, 5);
    expect(limiter.take(rule(1, 1000), 'b', undefined, 1005)).toBe(0);
    expect(limiter.take(rule(1, 86_400_000, 'daily'), 'a', undefined, 1005)).toBeGreaterThan(0);
    expect(limiter.take(rule(1, 3_600_000, 'hourly'), 'a', undefined, 1005)).toBeGreaterThan(0);
  });

  it('keeps a key for the longest window that any of its rules had', () => {
    const limiter = createRateLimiter({ maxKeys: 1 });
    limiter.take(rule(5, 1000), 'a', undefined, 0);
    limiter.take(rule(5, 10_000), 'a', undefined, 100);
    limiter.take(rule(5, 1000), 'a', undefined, 200);
    expect(limiter.take(rule(5, 1000), 'b', undefined, 5000)).toBe(LIMITER_FULL);
    expect(limiter.take(rule(5, 1000), 'b', undefined, 10_200)).toBe(0);
  });

  it('stays within its bounds under a million distinct tenants', () => {
    const limiter = createRateLimiter({ maxKeys: 1000 });
    const perSecond = rule(1, 1000);
    let full = 0;
    for (let i = 0; i < 1_000_000; i++) {
      if (limiter.take(perSecond, `tenant-${i}`, undefined, i / 2) === LIMITER_FULL) full += 1;
    }
    // One key in two milliseconds' worth of calls: half of the keys of a second have no room.
    expect(limiter.size()).toBe(1000);
    expect(limiter.stats().slots).toBe(1000);
    expect(full).toBe(limiter.stats().refusedFull);
    expect(limiter.stats().evictions).toBe(1_000_000 - full - 1000);
  });

  it('never forgets a live counter, for any mix of keys and windows', () => {
    const step = fc.record({
      tenant: fc.integer({ min: 0, max: 9 }).map(String),
      windowMs: fc.constantFrom(10, 50, 250),
      advanceMs: fc.integer({ min: 0, max: 30 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const limiter = createRateLimiter({ maxKeys: 4 });
        const lastMs = new Map<string, number>();
        let nowMs = 0;
        for (const { tenant, windowMs, advanceMs } of steps) {
          nowMs += advanceMs;
          const key = `${tenant}/${windowMs}`;
          const last = lastMs.get(key) ?? Number.NEGATIVE_INFINITY;
          const live = [...lastMs].filter(([k, ms]) => nowMs - ms < Number(k.split('/')[1])).length;
          const answer = limiter.take(
            rule(1, windowMs, String(windowMs)),
            tenant,
            undefined,
            nowMs,
          );
          if (nowMs - last < windowMs) expect(answer).toBe(last + windowMs - nowMs);
          else if (live < 4) expect(answer).toBe(0);
          else expect(answer).toBe(LIMITER_FULL);
          if (answer === 0) lastMs.set(key, nowMs);
          expect(limiter.size()).toBeLessThanOrEqual(4);
        }
      }),
    );
  });
});

describe('bounded slots', () => {
  it('grows a ring as it fills, not ahead', () => {
    const limiter = createRateLimiter();
    const daily = rule(1_000_000, 86_400_000);
    for (let i = 0; i < 100; i++) limiter.take(daily, 'a', undefined, i);
    expect(limiter.stats().slots).toBe(128);
  });

  it('does not grow a ring beyond its limit', () => {
    const limiter = createRateLimiter();
    for (let i = 0; i < 500; i++) limiter.take(rule(100, 1000), 'a', undefined, i * 10);
    expect(limiter.stats().slots).toBe(100);
    limiter.take(rule(3, 1000), 'b', undefined, 5000);
    expect(limiter.stats().slots).toBe(103);
  });

  it('does not grow a ring whose oldest admissions have expired', () => {
    const limiter = createRateLimiter();
    for (let i = 0; i < 1000; i++) limiter.take(rule(1000, 50), 'a', undefined, i * 10);
    expect(limiter.stats().slots).toBe(8);
  });

  it('refuses when a ring cannot grow, and counts on exactly', () => {
    const limiter = createRateLimiter({ maxSlots: 16 });
    const wide = rule(100, 1000);
    const answers = Array.from({ length: 20 }, () => limiter.take(wide, 'a', undefined, 0));
    expect(answers.filter((answer) => answer === 0)).toHaveLength(16);
    expect(answers.slice(16)).toEqual([-1, -1, -1, -1]);
    expect(limiter.take(wide, 'b', undefined, 0)).toBe(LIMITER_FULL);
    expect(limiter.take(wide, 'a', undefined, 1000)).toBe(0);
    expect(limiter.stats()).toMatchObject({ keys: 1, slots: 16, refusedFull: 5 });
  });

  it('evicts idle keys to let a ring grow', () => {
    const limiter = createRateLimiter({ maxSlots: 16 });
    limiter.take(rule(100, 10), 'idle', undefined, 0);
    for (let i = 0; i < 9; i++) {
      expect(limiter.take(rule(100, 1000), 'busy', undefined, 20)).toBe(0);
    }
    expect(limiter.stats()).toMatchObject({ keys: 1, slots: 16, evictions: 1 });
  });
});

describe('bounded call ids', () => {
  it('forgets an id together with its admission', () => {
    const limiter = createRateLimiter();
    const pair = rule(2, 1000);
    for (let i = 0; i < 1000; i++) {
      expect(limiter.take(pair, 'a', `call-${i}`, i * 500)).toBe(0);
      expect(limiter.take(pair, 'a', `call-${i}`, i * 500)).toBe(0);
    }
    expect(limiter.stats().slots).toBe(2);
    expect(limiter.take(pair, 'a', 'call-0', 999 * 500)).toBe(500);
    expect(limiter.take(pair, 'a', 'call-998', 999 * 500)).toBe(0);
  });

  it('forgets an id whose slot was taken by a younger admission', () => {
    const limiter = createRateLimiter();
    limiter.take(rule(2, 1000), 'a', undefined, 0);
    for (let i = 0; i < 10; i++) limiter.take(rule(2, 10), 'a', `call-${i}`, i * 10);
    expect(limiter.take(rule(2, 1000), 'a', 'call-0', 100)).toBe(980);
    expect(limiter.take(rule(2, 1000), 'a', 'call-9', 100)).toBe(0);
  });

  it('keeps ids through growth, and when they start late', () => {
    const limiter = createRateLimiter();
    const wide = rule(100, 1000);
    for (let i = 0; i < 10; i++) limiter.take(wide, 'a', undefined, 0);
    for (let i = 0; i < 90; i++) limiter.take(wide, 'a', `call-${i}`, i);
    expect(limiter.take(wide, 'a', undefined, 90)).toBe(910);
    for (let i = 0; i < 90; i++) expect(limiter.take(wide, 'a', `call-${i}`, 90)).toBe(0);
    expect(limiter.take(wide, 'a', undefined, 90)).toBe(910);
  });

  it('charges an empty id and one that is too long', () => {
    for (const callId of ['', 'x'.repeat(257), 7 as unknown as string]) {
      const limiter = createRateLimiter();
      expect(limiter.take(rule(1, 1000), 'a', callId, 0)).toBe(0);
      expect(limiter.take(rule(1, 1000), 'a', callId, 0)).toBe(1000);
    }
  });
});
