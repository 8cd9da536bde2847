import { LIMITER_FULL, type LimitRule, type RateLimiter } from '@cortex-governance/core';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ReferenceLimiter } from './reference-limiter.ts';

/** One step of a random history. */
interface Step {
  readonly tenant: string;
  readonly callId: string | undefined;
  readonly advanceMs: number;
}

function rule(...windows: readonly (readonly [limit: number, windowMs: number])[]): LimitRule {
  return {
    tool: 'files',
    action: 'read',
    windows: windows.map(([limit, windowMs]) => ({ limit, windowMs })),
  };
}

const windowsArbitrary = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 200 })), {
    minLength: 1,
    maxLength: 3,
  })
  .map((windows) => rule(...windows));

const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  tenant: fc.constantFrom('a', 'b', 'c'),
  callId: fc.option(fc.constantFrom('1', '2', '3', '4'), { nil: undefined, freq: 2 }),
  // Mostly small steps, some backward, some past every window, and fractions of a millisecond.
  advanceMs: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 20 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 2000 }).map((n) => n / 1000) },
    { weight: 1, arbitrary: fc.integer({ min: -3_600_000, max: 0 }) },
    { weight: 1, arbitrary: fc.integer({ min: 200, max: 3_600_000 }) },
  ),
});

const stepsArbitrary = fc.array(stepArbitrary, { maxLength: 120 });

/** Where a history starts: late enough for sums to round, where the clock has run for long. */
const baseArbitrary = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 2 ** 44, noNaN: true }));

/**
 * What every `RateLimiter` must do. Runs inside a test file: call it at the top level.
 * @param create makes an empty limiter with room for at least 100 keys.
 */
export function describeRateLimiter(name: string, create: () => RateLimiter): void {
  describe(`${name} is a RateLimiter`, () => {
    let limiter: RateLimiter;
    beforeEach(() => {
      limiter = create();
    });
    describeWindows(() => limiter);
    describeKeys(() => limiter);
    describeCallIds(() => limiter);
    describeRuleChanges(() => limiter);
    describeTime(() => limiter);
    describeProperties(create);
  });
}

function describeWindows(limiter: () => RateLimiter): void {
  it('admits up to the limit, then tells the exact wait', () => {
    const perSecond = rule([2, 1000]);
    expect(limiter().take(perSecond, 't', undefined, 0)).toBe(0);
    expect(limiter().take(perSecond, 't', undefined, 400)).toBe(0);
    expect(limiter().take(perSecond, 't', undefined, 500)).toBe(500);
    expect(limiter().take(perSecond, 't', undefined, 999)).toBe(1);
    expect(limiter().take(perSecond, 't', undefined, 1000)).toBe(0);
    expect(limiter().take(perSecond, 't', undefined, 1000)).toBe(400);
  });

  it('slides: no burst at the edge of a window', () => {
    const perSecond = rule([3, 1000]);
    const admitted = [990, 990, 990, 1010, 1010, 1500, 1989, 1990].filter(
      (atMs) => limiter().take(perSecond, 't', undefined, atMs) === 0,
    );
    expect(admitted).toEqual([990, 990, 990, 1990]);
  });

  it('charges nothing for a rejected call', () => {
    const perSecond = rule([1, 1000]);
    expect(limiter().take(perSecond, 't', undefined, 0)).toBe(0);
    for (let ms = 1; ms < 1000; ms++) {
      expect(limiter().take(perSecond, 't', undefined, ms)).toBe(1000 - ms);
    }
    expect(limiter().take(perSecond, 't', undefined, 1000)).toBe(0);
  });

  it('admits only when all windows have room, and charges none otherwise', () => {
    const both = rule([2, 100], [3, 1000]);
    expect(limiter().take(both, 't', undefined, 0)).toBe(0);
    expect(limiter().take(both, 't', undefined, 0)).toBe(0);
    expect(limiter().take(both, 't', undefined, 10)).toBe(90);
    expect(limiter().take(both, 't', undefined, 100)).toBe(0);
    expect(limiter().take(both, 't', undefined, 100)).toBe(900);
    expect(limiter().take(both, 't', undefined, 1000)).toBe(0);
    expect(limiter().take(both, 't', undefined, 1000)).toBe(0);
    expect(limiter().take(both, 't', undefined, 1000)).toBe(100);
  });

  it('rounds a fraction of a millisecond up, so that the wait suffices', () => {
    const perSecond = rule([1, 1000]);
    limiter().take(perSecond, 't', undefined, 0.25);
    expect(limiter().take(perSecond, 't', undefined, 0.5)).toBe(1000);
    expect(limiter().take(perSecond, 't', undefined, 1000)).toBe(1);
    expect(limiter().take(perSecond, 't', undefined, 1000.25)).toBe(0);
  });
}

function describeKeys(limiter: () => RateLimiter): void {
  it('counts tenants, tools and actions apart', () => {
    const windows = [{ limit: 1, windowMs: 1000 }];
    const take = (tenant: string, tool: string, action: string): number =>
      limiter().take({ tool, action, windows }, tenant, undefined, 0);
    // Names that any joined key would confuse.
    const names = ['a', 'a:b', 'b', ':', 'a\u0000b', '\u0000', '__proto__', 'constructor', '["a"]'];
    for (const [x, y, z] of names.flatMap((n, i) => [
      [n, 'b', 'c'],
      ['a', n + i, 'c'],
      ['a', 'b', n],
    ])) {
      take(x ?? '', y ?? '', z ?? '');
      expect(take(x ?? '', y ?? '', z ?? ''), JSON.stringify([x, y, z])).toBe(1000);
    }
    expect(take('a:b', 'c', 'd')).toBe(0);
    expect(take('a', 'b:c', 'd')).toBe(0);
    expect(take('a', 'b', 'c:d')).toBe(0);
  });

  it('reports the number of keys', () => {
    expect(limiter().size()).toBe(0);
    limiter().take(rule([1, 1000]), 'a', undefined, 0);
    limiter().take(rule([1, 1000]), 'a', undefined, 0);
    limiter().take(rule([1, 1000]), 'b', undefined, 0);
    expect(limiter().size()).toBe(2);
  });
}

function describeCallIds(limiter: () => RateLimiter): void {
  it('admits a call id once more for free, even when the limit is reached', () => {
    const one = rule([1, 1000]);
    expect(limiter().take(one, 't', 'id', 0)).toBe(0);
    expect(limiter().take(one, 't', 'id', 999)).toBe(0);
    expect(limiter().take(one, 't', 'other', 999)).toBe(1);
    expect(limiter().take(one, 't', 'other', 1000)).toBe(0);
    expect(limiter().take(one, 't', 'id', 1000)).toBe(1000);
  });

  it('charges an id anew as soon as the longest window is over', () => {
    const two = rule([2, 1000]);
    expect(limiter().take(two, 't', 'id', 0)).toBe(0);
    expect(limiter().take(two, 't', 'id', 1000)).toBe(0);
    expect(limiter().take(two, 't', undefined, 1000)).toBe(0);
    expect(limiter().take(two, 't', undefined, 1000)).toBe(1000);
    expect(limiter().take(two, 't', 'id', 1999)).toBe(0);
  });

  it('keeps an id that was charged twice for as long as its second charge counts', () => {
    const five = rule([5, 1000]);
    for (const callId of ['a', 'b', 'c', 'id']) limiter().take(five, 't', callId, 0);
    for (const callId of ['id', 'd', 'e', 'f', 'g']) limiter().take(five, 't', callId, 1000);
    expect(limiter().take(five, 't', undefined, 1500)).toBe(500);
    expect(limiter().take(five, 't', 'id', 1500)).toBe(0);
  });

  it('remembers an id for the longest window', () => {
    const two = rule([1, 100], [10, 1000]);
    expect(limiter().take(two, 't', 'id', 0)).toBe(0);
    expect(limiter().take(two, 't', undefined, 500)).toBe(0);
    expect(limiter().take(two, 't', 'id', 510)).toBe(0);
    expect(limiter().take(two, 't', undefined, 510)).toBe(90);
  });

  it('does not remember an id that was rejected, nor one of another key', () => {
    const one = rule([1, 1000]);
    expect(limiter().take(one, 't', undefined, 0)).toBe(0);
    expect(limiter().take(one, 't', 'id', 10)).toBe(990);
    expect(limiter().take(one, 't', 'id', 10)).toBe(990);
    expect(limiter().take(one, 'u', undefined, 10)).toBe(0);
    expect(limiter().take(one, 'u', 'id', 10)).toBe(1000);
  });
}

function describeRuleChanges(limiter: () => RateLimiter): void {
  it('applies a lower limit at once and keeps what was counted', () => {
    for (let i = 0; i < 5; i++) limiter().take(rule([10, 1000]), 't', undefined, i * 10);
    expect(limiter().take(rule([3, 1000]), 't', undefined, 50)).toBe(970);
    expect(limiter().take(rule([3, 1000]), 't', undefined, 1020)).toBe(0);
  });

  it('applies a higher limit at once and does not start again', () => {
    for (let i = 0; i < 3; i++) limiter().take(rule([3, 1000]), 't', undefined, 0);
    expect(limiter().take(rule([3, 1000]), 't', undefined, 1)).toBe(999);
    expect(limiter().take(rule([4, 1000]), 't', undefined, 1)).toBe(0);
    expect(limiter().take(rule([4, 1000]), 't', undefined, 1)).toBe(999);
  });

  it('survives a limit that goes down and up again', () => {
    for (let i = 0; i < 10; i++) limiter().take(rule([10, 1000]), 't', undefined, 0);
    limiter().take(rule([1, 10]), 't', undefined, 500);
    expect(limiter().take(rule([10, 1000]), 't', undefined, 600)).toBe(400);
  });

  it('takes in a window that is added, and forgets one that is removed', () => {
    for (const ms of [0, 200, 400]) limiter().take(rule([1, 100], [9, 1000]), 't', undefined, ms);
    expect(limiter().take(rule([1, 100], [3, 600]), 't', undefined, 500)).toBe(100);
    expect(limiter().take(rule([1, 100]), 't', undefined, 500)).toBe(0);
  });
}

function describeTime(limiter: () => RateLimiter): void {
  it('counts a time below the last one as the last one', () => {
    const one = rule([1, 1000]);
    expect(limiter().take(one, 't', undefined, 3_600_000)).toBe(0);
    expect(limiter().take(one, 't', undefined, 0)).toBe(1000);
    expect(limiter().take(one, 'u', undefined, -5)).toBe(0);
    expect(limiter().take(one, 'u', undefined, 3_600_000)).toBe(1000);
    expect(limiter().take(one, 'u', undefined, 3_601_000)).toBe(0);
  });

  it('is neither opened nor locked by a time that is no number', () => {
    const one = rule([1, 1000]);
    expect(limiter().take(one, 't', undefined, 10)).toBe(0);
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300]) {
      expect(limiter().take(one, 't', undefined, time)).toBe(1000);
    }
    expect(limiter().take(one, 't', undefined, 1010)).toBe(0);
  });
}

function describeProperties(create: () => RateLimiter): void {
  it('answers as the definition does, for any history', () => {
    fc.assert(
      fc.property(windowsArbitrary, baseArbitrary, stepsArbitrary, (limit, baseMs, steps) => {
        const limiter = create();
        const reference = new ReferenceLimiter();
        let nowMs = baseMs;
        for (const { tenant, callId, advanceMs } of steps) {
          nowMs += advanceMs;
          const expected = reference.take(limit.windows, tenant, callId, nowMs);
          expect(limiter.take(limit, tenant, callId, nowMs)).toBe(expected);
        }
      }),
    );
  });

  it('never admits more than the limit in any window, and every wait is exact', () => {
    fc.assert(
      fc.property(windowsArbitrary, baseArbitrary, stepsArbitrary, (limit, baseMs, steps) => {
        const limiter = create();
        const admittedMs: number[] = [];
        let nowMs = baseMs;
        for (const { advanceMs } of steps) {
          nowMs += Math.abs(advanceMs);
          let waitMs = limiter.take(limit, 't', undefined, nowMs);
          expect(waitMs).not.toBe(LIMITER_FULL);
          if (waitMs > 1) expect(limiter.take(limit, 't', undefined, nowMs + waitMs - 1)).toBe(1);
          nowMs += waitMs;
          if (waitMs > 0) waitMs = limiter.take(limit, 't', undefined, nowMs);
          expect(waitMs).toBe(0);
          admittedMs.push(nowMs);
        }
        for (const { limit: most, windowMs } of limit.windows) {
          for (const from of admittedMs) {
            const inside = admittedMs.filter((ms) => ms >= from && ms - from < windowMs);
            expect(inside.length).toBeLessThanOrEqual(most);
          }
        }
      }),
    );
  });
}
