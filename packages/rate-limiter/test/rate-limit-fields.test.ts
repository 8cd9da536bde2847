import type { LimitState } from '@cortex-governance/core';
import fc from 'fast-check';
import { parseList } from 'structured-headers';
import { describe, expect, it } from 'vitest';
import { rateLimitFields, retryAfterSeconds } from '../src/index.ts';

const CALLS: LimitState = {
  name: 'calls-60',
  unit: 'calls',
  limit: 30,
  windowMs: 60_000,
  remaining: 12,
  resetMs: 7_001,
};

describe('rateLimitFields', () => {
  it('writes a window limit as the draft does', () => {
    expect(rateLimitFields([CALLS])).toEqual({
      'ratelimit-policy': '"calls-60";q=30;w=60',
      ratelimit: '"calls-60";r=12;t=8',
    });
  });

  it('has nothing to say of no limits', () => {
    expect(rateLimitFields([])).toBeNull();
  });

  it('leaves out the reset when nothing is taken', () => {
    expect(rateLimitFields([{ ...CALLS, remaining: 30, resetMs: 0 }])?.ratelimit).toBe(
      '"calls-60";r=30',
    );
  });

  it('names units that are not calls, and gives concurrency no window', () => {
    const fields = rateLimitFields([
      { ...CALLS, name: 'concurrency', unit: 'concurrency', limit: 4, windowMs: 0 },
      { ...CALLS, name: 'tokens-86400', unit: 'tokens', limit: 1e6, windowMs: 86_400_000 },
      { ...CALLS, name: 'cost-3600', unit: 'cost', windowMs: 3_600_000 },
    ]);
    expect(fields?.['ratelimit-policy']).toBe(
      '"concurrency";q=4;qu="concurrent-requests", ' +
        '"tokens-86400";q=1000000;cortex-unit="tokens";w=86400, ' +
        '"cost-3600";q=30;cortex-unit="cost";w=3600',
    );
  });

  it('gives a window below a second the shortest there is', () => {
    expect(rateLimitFields([{ ...CALLS, windowMs: 1 }])?.['ratelimit-policy']).toBe(
      '"calls-60";q=30;w=1',
    );
  });

  it('is a structured field with the numbers of the states, whatever they are', () => {
    const number = fc.oneof(fc.double(), fc.maxSafeNat(), fc.constantFrom(0, -1, 2 ** 60));
    const state: fc.Arbitrary<LimitState> = fc.record({
      name: fc.oneof(fc.string(), fc.constantFrom('calls-60', 'tokens-86400.tenant')),
      unit: fc.constantFrom('calls', 'tokens', 'cost', 'concurrency'),
      limit: number,
      windowMs: number,
      remaining: number,
      resetMs: number,
    });
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 16 }), (states) => {
        const fields = rateLimitFields(states);
        const policies = parseList(fields?.['ratelimit-policy'] ?? '');
        const limits = parseList(fields?.ratelimit ?? '');
        expect(policies).toHaveLength(states.length);
        expect(limits).toHaveLength(states.length);
        for (const [i, [name, parameters]] of policies.entries()) {
          expect(name).toMatch(/^[a-z0-9_.*-]*$/);
          expect(limits[i]?.[0]).toBe(name);
          for (const key of ['q', 'w']) {
            const value = parameters.get(key);
            if (value === undefined) continue;
            expect(Number.isInteger(value)).toBe(true);
            expect(value).toBeGreaterThanOrEqual(key === 'w' ? 1 : 0);
            expect(value).toBeLessThan(1e15);
          }
          const [, stand] = limits[i] ?? [];
          expect(Number.isInteger(stand?.get('r'))).toBe(true);
          expect(stand?.get('t') ?? 1).toBeGreaterThanOrEqual(1);
        }
      }),
    );
  });
});

describe('retryAfterSeconds', () => {
  it('is the wait in whole seconds, at least one', () => {
    expect(retryAfterSeconds(0, [])).toBe(1);
    expect(retryAfterSeconds(1_001, [CALLS])).toBe(2);
  });

  it('is not earlier than the reset of a limit of which nothing is left', () => {
    expect(retryAfterSeconds(1_000, [{ ...CALLS, remaining: 0 }])).toBe(8);
    expect(retryAfterSeconds(9_000, [{ ...CALLS, remaining: 0 }])).toBe(9);
    expect(retryAfterSeconds(1_000, [CALLS])).toBe(1);
  });
});
