import type { LimitRule, LimitWindow } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateLimiter } from '../src/index.ts';

/** What the limiter promises to remember: the newest `count` admissions no older than `ms`. */
interface Memory {
  count: number;
  ms: number;
}

function naiveTake(admittedMs: number[], windows: readonly LimitWindow[], nowMs: number): number {
  let waitMs = 0;
  const inside = ({ windowMs }: LimitWindow): number =>
    admittedMs.filter((ms) => nowMs + waitMs - ms < windowMs).length;
  while (windows.some((window) => inside(window) >= window.limit)) waitMs += 1;
  if (waitMs === 0) admittedMs.push(nowMs);
  return waitMs;
}

const LONGEST: LimitWindow = { limit: 20, windowMs: 300 };

const windowArbitrary = fc.record({
  limit: fc.integer({ min: 1, max: LONGEST.limit }),
  windowMs: fc.integer({ min: 1, max: LONGEST.windowMs }),
});

describe('a rule that changes', () => {
  it('equals the definition while limits and windows stay within what the key has had', () => {
    const change = fc.record({
      windows: fc.array(windowArbitrary, { minLength: 1, maxLength: 3 }),
      takes: fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
        const limiter = createRateLimiter();
        const memory: Memory = { count: LONGEST.limit, ms: LONGEST.windowMs };
        let admittedMs: number[] = [];
        let nowMs = 0;
        const step = (windows: readonly LimitWindow[]): void => {
          const rule: LimitRule = { tool: 't', action: 'a', windows };
          const actual = limiter.take(rule, 'x', undefined, nowMs);
          expect(actual).toBe(naiveTake(admittedMs, windows, nowMs));
          admittedMs = admittedMs.filter((ms) => nowMs - ms < memory.ms).slice(-memory.count);
        };
        step([LONGEST]);
        for (const { windows, takes } of changes) {
          for (const advanceMs of takes) {
            nowMs += advanceMs;
            step(windows);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('never admits more than the limit since the change, whatever came before', () => {
    const windows = fc.array(
      fc.record({
        limit: fc.integer({ min: 1, max: 40 }),
        windowMs: fc.integer({ min: 1, max: 2000 }),
      }),
      { minLength: 1, maxLength: 3 },
    );
    const advances = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(fc.tuple(windows, advances), { maxLength: 5 }), (phases) => {
        const limiter = createRateLimiter();
        let nowMs = 0;
        for (const [rules, takes] of phases) {
          const admittedMs: number[] = [];
          for (const advanceMs of takes) {
            nowMs += advanceMs;
            const rule: LimitRule = { tool: 't', action: 'a', windows: rules };
            if (limiter.take(rule, 'x', undefined, nowMs) === 0) admittedMs.push(nowMs);
          }
          for (const { limit, windowMs } of rules) {
            for (const from of admittedMs) {
              const inside = admittedMs.filter((ms) => ms >= from && ms - from < windowMs);
              expect(inside.length).toBeLessThanOrEqual(limit);
            }
          }
        }
      }),
    );
  });

  it('keeps the room that a larger limit needs while a smaller one is in force', () => {
    const limiter = createRateLimiter();
    const take = (limit: number, windowMs: number, nowMs: number): number =>
      limiter.take(
        { tool: 't', action: 'a', windows: [{ limit, windowMs }] },
        'x',
        undefined,
        nowMs,
      );
    expect(take(20, 1000, 0)).toBe(0);
    for (let i = 1; i < 20; i++) expect(take(1, 10, i * 10)).toBe(0);
    expect(take(20, 1000, 200)).toBe(800);
  });

  it('applies when the same rule object is changed in place', () => {
    const window = { limit: 2, windowMs: 1000 };
    const rule = { tool: 't', action: 'a', windows: [window] };
    const limiter = createRateLimiter();
    expect(limiter.take(rule, 'x', undefined, 0)).toBe(0);
    window.limit = 1;
    expect(limiter.take(rule, 'x', undefined, 0)).toBe(1000);
    window.limit = 3;
    expect(limiter.take(rule, 'x', undefined, 0)).toBe(0);
  });
});
