import { LIMITER_FULL, type LimitRule } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createRateLimiter,
  DEFAULT_MAX_CALL_IDS,
  DEFAULT_MAX_KEYS,
  DEFAULT_MAX_RESERVATIONS,
  DEFAULT_MAX_SLOTS,
  type StoreLimiter,
} from '../src/index.ts';
import { concurrency, gcra, requestOf, ruleOf, tokens, window } from './limit-samples.ts';

function rule(limit: number, windowMs: number, tool = 'tool'): LimitRule {
  return ruleOf([window(limit, windowMs)], tool);
}

let ids = 0;

function take(limiter: StoreLimiter, limits: LimitRule, tenant: string, nowMs: number): number {
  ids += 1;
  return limiter.take(limits, requestOf(tenant), `id-${ids}`, nowMs);
}

describe('bounded keys', () => {
  it('holds a hundred thousand keys, call ids and reservations by default', () => {
    expect(DEFAULT_MAX_KEYS).toBe(100_000);
    expect(DEFAULT_MAX_SLOTS).toBe(16_777_216);
    expect(DEFAULT_MAX_CALL_IDS).toBe(100_000);
    expect(DEFAULT_MAX_RESERVATIONS).toBe(100_000);
  });

  const kinds = [
    window(1, 1020),
    gcra(1, 1020, 1),
    concurrency(1, 1020),
    tokens(1, 1020, 1),
  ] as const;

  it.each(kinds)(
    'refuses another key while every counter is live, and forgets none: $kind',
    (limit) => {
      const limiter = createRateLimiter({ maxKeys: 3 });
      const one = ruleOf([limit]);
      for (const tenant of ['a', 'b', 'c']) expect(take(limiter, one, tenant, 0)).toBe(0);
      expect(take(limiter, one, 'd', 1019)).toBe(LIMITER_FULL);
      for (const tenant of ['a', 'b', 'c'])
        expect(take(limiter, one, tenant, 1019)).toBeGreaterThan(0);
      expect(limiter.stats()).toMatchObject({ keys: 3, evictions: 0, refusedFull: 1 });
      expect(take(limiter, one, 'd', 1020 + 17)).toBe(0);
      expect(limiter.stats().evictions).toBeGreaterThan(0);
    },
  );

  it('evicts a key only when all limits that share it are idle', () => {
    const limiter = createRateLimiter({ maxKeys: 1 });
    const both = ruleOf([window(5, 1000), tokens(100, 6000, 1), gcra(60, 60_000, 2)]);
    expect(take(limiter, both, 'a', 0)).toBe(0);
    expect(take(limiter, both, 'b', 5999)).toBe(LIMITER_FULL);
    expect(take(limiter, both, 'b', 6100)).toBe(0);
    expect(limiter.stats()).toMatchObject({ keys: 1, slots: 5 + 64, evictions: 1 });
  });

  it('starts anew in a slot that another caller had', () => {
    const limiter = createRateLimiter({ maxKeys: 1 });
    const all = ruleOf([window(1, 60), gcra(1, 60, 1), concurrency(1, 60), tokens(1, 60, 1)]);
    for (let i = 0; i < 50; i++) expect(take(limiter, all, `tenant-${i}`, i * 61)).toBe(0);
    expect(limiter.size()).toBe(1);
  });

  it('does not take a key for idle that was admitted again', () => {
    const limiter = createRateLimiter({ maxKeys: 2 });
    take(limiter, rule(5, 1000), 'a', 0);
    take(limiter, rule(5, 1000), 'b', 1);
    take(limiter, rule(5, 1000), 'a', 900);
    expect(take(limiter, rule(5, 1000), 'c', 1001)).toBe(0);
    for (let i = 0; i < 4; i++) take(limiter, rule(5, 1000), 'a', 1002);
    expect(take(limiter, rule(5, 1000), 'a', 1002)).toBe(898);
  });

  it('finds the idle key among others with longer windows', () => {
    const limiter = createRateLimiter({ maxKeys: 3 });
    take(limiter, rule(1, 86_400_000, 'daily'), 'a', 0);
    take(limiter, rule(1, 3_600_000, 'hourly'), 'a', 0);
    take(limiter, rule(1, 1000), 'a', 5);
    expect(take(limiter, rule(1, 1000), 'b', 1005)).toBe(0);
    expect(take(limiter, rule(1, 86_400_000, 'daily'), 'a', 1005)).toBeGreaterThan(0);
    expect(take(limiter, rule(1, 3_600_000, 'hourly'), 'a', 1005)).toBeGreaterThan(0);
  });

  it('finds idle keys behind many live ones with the calls that follow', () => {
    const limiter = createRateLimiter({ maxKeys: 2000 });
    for (let i = 0; i < 1999; i++) take(limiter, rule(1, 86_400_000), `live-${i}`, 0);
    take(limiter, rule(1, 1000, 'quick'), 'idle', 0);
    let ms = 5000;
    while (ms < 9000 && take(limiter, rule(1, 1000, 'quick'), 'new', ms) === LIMITER_FULL) ms += 1;
    expect(ms - 5000).toBeLessThanOrEqual(2000 / 256 + 1);
    expect(take(limiter, rule(1, 86_400_000), 'live-7', ms)).toBeGreaterThan(0);
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
          const answer = take(limiter, rule(1, windowMs, String(windowMs)), tenant, nowMs);
          if (nowMs - last < windowMs) expect(answer).toBe(last + windowMs - nowMs);
          else if (live < 4 || last > Number.NEGATIVE_INFINITY) expect([0, -1]).toContain(answer);
          else expect(answer).toBe(LIMITER_FULL);
          if (live < 4) expect(answer).not.toBe(LIMITER_FULL);
          if (answer === 0) lastMs.set(key, nowMs);
          expect(limiter.size()).toBeLessThanOrEqual(4);
        }
      }),
    );
  });
});

describe('many distinct keys', () => {
  it.each([window(1, 1000), gcra(1, 1000, 1)])('stay within bounds: $kind', (limit) => {
    const limiter = createRateLimiter({ maxKeys: 1000 });
    const perSecond = ruleOf([limit]);
    let full = 0;
    for (let i = 0; i < 100_000; i++) {
      if (limiter.take(perSecond, requestOf(`tenant-${i}`), 'id', i / 2) === LIMITER_FULL)
        full += 1;
      if (limiter.size() > 1000) throw new Error(`${limiter.size()} keys`);
    }
    // Two keys come each millisecond and live for a second: half of them have no room.
    expect(full).toBeGreaterThan(48_000);
    expect(full).toBeLessThan(51_000);
    expect(limiter.stats().refusedFull).toBe(full);
    expect(limiter.stats().evictions).toBe(100_000 - full - limiter.size());
  });

  it('take their turns when they idle away in time: a million', () => {
    const limiter = createRateLimiter({ maxKeys: 10_000 });
    const quick = ruleOf([gcra(10, 1000, 5)]);
    for (let i = 0; i < 1_000_000; i++) {
      const answer = limiter.take(quick, requestOf(`tenant-${i}`), 'id', i / 10);
      if (answer !== 0) throw new Error(`tenant ${i}: ${answer}`);
    }
    expect(limiter.size()).toBeLessThanOrEqual(10_000);
  });

  it.runIf(process.env['CORTEX_LONG'] === '1')(
    'ten million live keys at once, and then as many others',
    { timeout: 600_000 },
    () => {
      const limiter = createRateLimiter({ maxKeys: 10_000_000 });
      const rare = ruleOf([gcra(1, 3_600_000, 1)]);
      for (let i = 0; i < 10_000_000; i++) {
        if (limiter.take(rare, requestOf(`tenant-${i}`), 'id', i / 1e4) !== 0)
          throw new Error(`${i}`);
      }
      expect(limiter.size()).toBe(10_000_000);
      expect(limiter.take(rare, requestOf('one more'), 'id', 1001)).toBe(LIMITER_FULL);
      for (let i = 0; i < 10_000_000; i += 99_991) {
        expect(limiter.take(rare, requestOf(`tenant-${i}`), 'id', 1001)).toBeGreaterThan(0);
      }
      for (let i = 0; i < 10_000_000; i++) {
        if (limiter.take(rare, requestOf(`later-${i}`), 'id', 4e6) !== 0) throw new Error(`${i}`);
      }
      expect(limiter.size()).toBeLessThanOrEqual(10_000_000);
    },
  );
});

describe('bounded slots', () => {
  it('grows a ring as it fills, not ahead, and not beyond its limit', () => {
    const limiter = createRateLimiter();
    for (let i = 0; i < 100; i++) take(limiter, rule(1_000_000, 86_400_000), 'a', i);
    expect(limiter.stats().slots).toBe(128);
    for (let i = 0; i < 500; i++) take(limiter, rule(100, 1000, 'hundred'), 'b', i);
    expect(limiter.stats().slots).toBe(128 + 100);
    take(limiter, rule(3, 1000, 'three'), 'c', 5000);
    expect(limiter.stats().slots).toBe(128 + 100 + 3);
  });

  it('does not grow a ring whose oldest admissions have expired', () => {
    const limiter = createRateLimiter();
    for (let i = 0; i < 1000; i++) take(limiter, rule(1000, 50), 'a', i * 10);
    expect(limiter.stats().slots).toBe(8);
  });

  it('refuses when a ring cannot grow, and counts on exactly', () => {
    const limiter = createRateLimiter({ maxSlots: 16 });
    const wide = rule(100, 1000);
    const answers = Array.from({ length: 20 }, () => take(limiter, wide, 'a', 0));
    expect(answers.filter((answer) => answer === 0)).toHaveLength(16);
    expect(answers.slice(16)).toEqual([-1, -1, -1, -1]);
    expect(take(limiter, wide, 'b', 0)).toBe(LIMITER_FULL);
    expect(take(limiter, wide, 'a', 1000)).toBe(0);
    expect(limiter.stats()).toMatchObject({ slots: 16, refusedFull: 5 });
  });

  it('evicts idle keys to let a ring grow, and never the key at hand', () => {
    const limiter = createRateLimiter({ maxSlots: 16 });
    take(limiter, rule(100, 10, 'quick'), 'idle', 0);
    for (let i = 0; i < 9; i++) expect(take(limiter, rule(100, 1000), 'busy', 20)).toBe(0);
    expect(limiter.stats()).toMatchObject({ keys: 1, slots: 16, evictions: 1 });
  });

  it('gives the slots of budgets back with their key', () => {
    const limiter = createRateLimiter({ maxSlots: 64 });
    const budget = ruleOf([tokens(10, 60, 1)]);
    expect(take(limiter, budget, 'a', 0)).toBe(0);
    expect(take(limiter, budget, 'b', 1)).toBe(LIMITER_FULL);
    expect(take(limiter, budget, 'b', 100)).toBe(0);
    expect(limiter.stats().slots).toBe(64);
  });
});

describe('bounded calls', () => {
  it('refuses a call whose id cannot be remembered, and charges nothing', () => {
    const limiter = createRateLimiter({ maxCallIds: 2 });
    const wide = rule(10, 1000);
    for (const id of ['1', '2']) expect(limiter.take(wide, requestOf('a', id), id, 0)).toBe(0);
    expect(limiter.take(wide, requestOf('a', '3'), 'x', 0)).toBe(LIMITER_FULL);
    expect(limiter.take(wide, requestOf('a', '1'), 'y', 0)).toBe(0);
    expect(limiter.inspect(wide, requestOf('a'), 0)[0]?.remaining).toBe(8);
    expect(limiter.take(wide, requestOf('a', '3'), 'x', 1000)).toBe(0);
    expect(limiter.stats().callIds).toBeLessThanOrEqual(2);
  });

  it('refuses a call that could not be settled, and charges nothing', () => {
    const limiter = createRateLimiter({ maxReservations: 2 });
    const running = ruleOf([concurrency(10, 1000), window(10, 1000)]);
    expect(limiter.take(running, requestOf('a'), '1', 0)).toBe(0);
    expect(limiter.take(running, requestOf('a'), '2', 0)).toBe(0);
    expect(limiter.take(running, requestOf('a'), '3', 0)).toBe(LIMITER_FULL);
    expect(limiter.inspect(running, requestOf('a'), 0).map((s) => s.remaining)).toEqual([8, 8]);
    expect(limiter.settle('1', {}, 0)).toBe(true);
    expect(limiter.take(running, requestOf('a'), '3', 0)).toBe(0);
    expect(limiter.take(running, requestOf('a'), '4', 1000)).toBe(0);
  });

  it.each([
    ['reservations', { maxReservations: 900 }],
    ['call ids', { maxCallIds: 900 }],
  ])('lets no tenant take all %s', (_, bounds) => {
    const limiter = createRateLimiter(bounds);
    const running = ruleOf([concurrency(1_000_000, 60_000)]);
    const taken: string[] = [];
    const once = (tenant: string, nowMs = 0): boolean => {
      const id = `f-${++ids}`;
      const admitted = limiter.take(running, requestOf(tenant, id), id, nowMs) === 0;
      if (admitted) taken.push(id);
      return admitted;
    };
    const fill = (tenant: string): number => {
      const before = taken.length;
      while (once(tenant));
      return taken.length - before;
    };
    expect(fill('greedy')).toBe(600);
    expect(fill('second')).toBe(200);
    expect(fill('third')).toBe(67);
    expect(limiter.inspect(running, requestOf('third'), 0)[0]?.remaining).toBe(1_000_000 - 67);
    expect(once('fourth')).toBe(true);
    expect(once('greedy')).toBe(false);
    // What was cancelled is free again, for others first.
    for (const id of taken.slice(0, 100)) expect(limiter.cancel(id, 0)).toBe(true);
    expect(once('second')).toBe(true);
    // What has ended is free for everybody.
    expect(once('greedy', 60_000)).toBe(true);
  });

  it('refuses a second call under an id that is not settled', () => {
    const limiter = createRateLimiter();
    const running = ruleOf([concurrency(10, 1000)]);
    expect(limiter.take(running, requestOf('a'), 'same', 0)).toBe(0);
    expect(limiter.take(running, requestOf('a'), 'same', 0)).toBe(LIMITER_FULL);
    expect(limiter.inspect(running, requestOf('a'), 0)[0]?.remaining).toBe(9);
    expect(limiter.settle('same', {}, 0)).toBe(true);
  });

  it('charges a debt even when no key can be added for it', () => {
    const limiter = createRateLimiter({ maxKeys: 1 });
    const budget = ruleOf([tokens(100, 60, 10), concurrency(5, 1000)]);
    expect(take(limiter, budget, 'a', 0)).toBe(0);
    const id = `id-${ids}`;
    expect(limiter.settle(id, { tokens: 500 }, 900)).toBe(true);
    expect(take(limiter, budget, 'a', 901)).toBeGreaterThan(0);
    expect(take(limiter, budget, 'a', 970)).toBe(0);
  });
});
