import type { Limit, LimitRule, LimitState } from '@cortex-governance/core';
import fc from 'fast-check';
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

/** One limit of every kind, small enough to be met. */
export const limitsArbitrary: fc.Arbitrary<readonly Limit[]> = fc
  .record({
    window: fc.integer({ min: 1, max: 8 }),
    burst: fc.integer({ min: 1, max: 8 }),
    running: fc.integer({ min: 1, max: 8 }),
    tokens: fc.integer({ min: 1, max: 30 }),
    kinds: fc.subarray(['window', 'gcra', 'concurrency', 'budget'] as const, { minLength: 1 }),
  })
  .map(({ window, burst, running, tokens, kinds }) => {
    const all: readonly Limit[] = [
      windowLimit(window, WINDOW_MS),
      gcraLimit(60, WINDOW_MS, burst),
      concurrencyLimit(running, WINDOW_MS),
      tokenBudget(tokens, WINDOW_MS),
    ];
    return all.filter(({ kind }) => kinds.includes(kind));
  });

function asking(maxTokens: number): ReturnType<typeof limitedRequest> {
  return limitedRequest({ context: { estimate: { tokens: maxTokens } } });
}

/** Several limits in one rule: all of them admit a call, or none is charged. */
export function describeCombinationCases(suite: RateLimiterSuite): void {
  describeAllOrNone(suite);
  describeCancelling(suite);
  describeInspection(suite);
  describeUnknownCallers(suite);
  describeStrangers(suite);
}

function describeAllOrNone({ open }: RateLimiterSuite): void {
  it('charges none of the limits when one refuses', async () => {
    const probe = await open();
    const roomy = windowLimit(5, WINDOW_MS);
    const budget = tokenBudget(10, WINDOW_MS);
    const running = concurrencyLimit(5, WINDOW_MS);
    const rate = gcraLimit(60, WINDOW_MS, 5);
    for (const limits of [
      [roomy, rate, running, budget],
      [budget, running, rate, roomy],
    ]) {
      for (let i = 0; i < 20; i++) {
        expect(await probe.take(limitRule(limits), asking(11), 0)).toBeGreaterThan(0);
      }
    }
    for (const limit of [roomy, rate, running]) {
      expect(await probe.admit(9, limitRule([limit]), limitedRequest(), 0), limit.kind).toBe(5);
    }
    expect(await probe.admit(20, limitRule([budget]), limitedRequest(), 0)).toBe(10);
  });
}

/** States as they are compared: a store with a clock of its own goes on while two are looked at. */
function comparable(states: readonly LimitState[], ownTime: boolean): unknown[] {
  return states.map((state) => (ownTime ? state : { ...state, resetMs: state.resetMs > 0 }));
}

function describeCancelling({ open, traits }: RateLimiterSuite): void {
  it('consumes nothing when it rejects, for any limits', async () => {
    const callsArbitrary = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(limitsArbitrary, callsArbitrary, async (limits, calls) => {
        const probe = await open();
        const rule = limitRule(limits);
        for (const units of calls) {
          const before = await probe.inspect(rule, limitedRequest(), 0);
          const answer = await probe.take(rule, asking(units), 0);
          if (answer === 0) continue;
          expect(answer).toBeGreaterThan(0);
          expect(probe.cancel(probe.lastId, 0)).toBe(false);
          const after = await probe.inspect(rule, limitedRequest(), 0);
          expect(comparable(after, traits.ownTime)).toEqual(comparable(before, traits.ownTime));
        }
      }),
      { numRuns: traits.runs },
    );
  });
}

function describeInspection({ open, traits }: RateLimiterSuite): void {
  it('cancels to a state as if the call had never been', async () => {
    await fc.assert(
      fc.asyncProperty(
        limitsArbitrary,
        fc.array(fc.nat(9), { maxLength: 12 }),
        async (limits, calls) => {
          const probe = await open();
          const rule = limitRule(limits);
          for (const [i, units] of calls.entries()) {
            const before = await probe.inspect(rule, limitedRequest(), 0);
            if ((await probe.take(rule, asking(units), 0)) !== 0 || i % 2 === 0) continue;
            expect(probe.cancel(probe.lastId, 0)).toBe(true);
            expect(probe.cancel(probe.lastId, 0)).toBe(false);
            const after = await probe.inspect(rule, limitedRequest(), 0);
            expect(comparable(after, traits.ownTime)).toEqual(comparable(before, traits.ownTime));
          }
        },
      ),
      { numRuns: traits.runs },
    );
  });

  it('admits as many as the tightest limit does', async () => {
    await fc.assert(
      fc.asyncProperty(limitsArbitrary, async (limits) => {
        const probe = await open();
        const admitted = await probe.admit(40, limitRule(limits), limitedRequest(), 0);
        const most = limits.map((limit) => (limit.kind === 'gcra' ? limit.burst : limit.limit));
        expect(admitted).toBe(Math.min(...most));
      }),
      { numRuns: traits.runs },
    );
  });
}

function describeUnknownCallers({ open }: RateLimiterSuite): void {
  it('shows where each limit stands, under names of its own', async () => {
    const probe = await open();
    const by = ['tenant'] as const;
    const rule: LimitRule = limitRule([
      windowLimit(5, 60_000),
      { kind: 'window', by, limit: 50, windowMs: 60_000 },
      gcraLimit(600, 3_600_000, 9),
      concurrencyLimit(3, 1000),
      tokenBudget(1000, 86_400_000, 10),
    ]);
    expect(await probe.take(rule, limitedRequest(), 0)).toBe(0);
    const states = await probe.inspect(rule, limitedRequest(), 0);
    expect(states.map(({ remaining }) => remaining)).toEqual([4, 49, 8, 2, 990]);
    expect(states.map(({ limit }) => limit)).toEqual([5, 50, 9, 3, 1000]);
    expect(states.map(({ windowMs }) => windowMs)).toEqual([
      60_000, 60_000, 3_600_000, 0, 86_400_000,
    ]);
    expect(states.map(({ unit }) => unit)).toEqual([
      'calls',
      'calls',
      'calls',
      'concurrency',
      'tokens',
    ]);
    expect(states.map(({ name }) => name).slice(2)).toEqual([
      'calls-3600',
      'concurrency',
      'tokens-86400',
    ]);
    expect(new Set(states.map(({ name }) => name)).size).toBe(5);
    for (const { name, resetMs } of states) {
      expect(name).toMatch(/^[a-z][a-z0-9_.*-]*$/);
      expect(resetMs).toBeGreaterThan(0);
    }
  });
}

function describeStrangers({ open }: RateLimiterSuite): void {
  it('shows everything free for a caller it does not know, and adds no key for it', async () => {
    const probe = await open();
    const rule = limitRule([
      windowLimit(5, 60_000),
      gcraLimit(60, 60_000, 9),
      tokenBudget(7, 60_000),
    ]);
    const states = await probe.inspect(rule, limitedRequest(), 0);
    expect(states.map(({ remaining }) => remaining)).toEqual([5, 9, 7]);
    expect(states.map(({ resetMs }) => resetMs)).toEqual([0, 0, 0]);
    // A lease that was fetched ahead of the call has a key; looking at it adds none.
    if (probe.limiter.prepare === null) expect(probe.limiter.size()).toBe(0);
  });
}
