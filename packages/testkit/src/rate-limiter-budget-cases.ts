import type { LimitUsage } from '@cortex-governance/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  limitedRequest,
  limitRule,
  type RateLimiterSuite,
  tokenBudget,
} from './rate-limiter-fixture.ts';

const T = limitedRequest();
const MINUTE_MS = 60_000;

function asking(maxTokens: number): ReturnType<typeof limitedRequest> {
  return limitedRequest({ context: { estimate: { tokens: maxTokens } } });
}

/** Tokens and cost: reserve, settle, cancel. */
export function describeBudgetCases(suite: RateLimiterSuite): void {
  describeReserving(suite);
  describeSettling(suite);
  if (suite.traits.ownTime) describeFreeing(suite);
}

function describeReserving(suite: RateLimiterSuite): void {
  describeReservations(suite);
  describeEstimates(suite);
}

function describeReservations({ open }: RateLimiterSuite): void {
  it('never lets five calls at once pass 100 tokens together', async () => {
    // The known failure: each call reserves nothing, all five pass, and 663 tokens are spent.
    const probe = await open();
    const rule = limitRule([tokenBudget(100, MINUTE_MS, 30)]);
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      if ((await probe.take(rule, asking(30), 0)) === 0) ids.push(probe.lastId);
    }
    expect(ids).toHaveLength(3);
    for (const id of ids) expect(probe.settle(id, { tokens: 133 }, 0)).toBe(true);
    // What was used above the estimate is a debt: nothing passes until it has left the window.
    expect(await probe.take(rule, asking(1), 0)).toBeGreaterThan(0);
  });

  it('reserves the assumption for a call of which nothing is known', async () => {
    const probe = await open();
    expect(await probe.admit(20, limitRule([tokenBudget(100, MINUTE_MS, 25)]), T, 0)).toBe(4);
  });

  it('never admits a call above the whole budget, and answers a finite wait', async () => {
    const probe = await open();
    const rule = limitRule([tokenBudget(100, MINUTE_MS, 25)]);
    const wait = await probe.take(rule, asking(101), 0);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(MINUTE_MS * 2);
    expect(await probe.take(rule, asking(100), 0)).toBe(0);
  });
}

function describeEstimates({ open }: RateLimiterSuite): void {
  it('counts calls, tokens and cost apart', async () => {
    const probe = await open();
    const by = ['tenant'] as const;
    const rule = limitRule([
      { kind: 'budget', by, unit: 'calls', limit: 50, windowMs: MINUTE_MS, perCall: 1 },
      { kind: 'budget', by, unit: 'tokens', limit: 1000, windowMs: MINUTE_MS, perCall: 10 },
      { kind: 'budget', by, unit: 'cost', limit: 70, windowMs: MINUTE_MS, perCall: 10 },
    ]);
    expect(
      await probe.take(rule, limitedRequest({ context: { estimate: { cost: 21.5 } } }), 0),
    ).toBe(0);
    // 22 of 70 are taken; four more calls of 10 fit, and eight of tokens would.
    expect(await probe.admit(10, rule, T, 0)).toBe(4);
  });

  it('reserves the largest cap found, wherever it is and whatever it is called', async () => {
    const caps = fc.dictionary(
      fc.constantFrom('max_tokens', 'max_completion_tokens', 'maxOutputTokens', 'num_predict'),
      fc.integer({ min: 0, max: 500 }),
      { minKeys: 1 },
    );
    const nested = fc.tuple(caps, fc.constantFrom('generationConfig', 'options', 'x'), caps);
    await fc.assert(
      fc.asyncProperty(nested, async ([outer, name, inner]) => {
        const probe = await open();
        const rule = limitRule([tokenBudget(500, MINUTE_MS, 1)]);
        const request = limitedRequest({ properties: { ...outer, [name]: [inner] } });
        // What has no cap above 0 reserves `perCall`.
        const largest = Math.max(1, ...Object.values(outer), ...Object.values(inner));
        expect(await probe.take(rule, request, 0)).toBe(0);
        expect((await probe.take(rule, asking(500 - largest + 1), 0)) > 0).toBe(true);
        expect(await probe.take(rule, asking(500 - largest), 0)).toBe(0);
      }),
      { numRuns: 30 },
    );
  });
}

const rule = limitRule([tokenBudget(1000, MINUTE_MS, 100)]);

function describeSettling(suite: RateLimiterSuite): void {
  describeUsage(suite);
  describeUsageOnce(suite);
  describeCancelled(suite);
}

function describeUsage({ open, traits }: RateLimiterSuite): void {
  it('gives the rest of a reservation back', async () => {
    const probe = await open();
    expect(await probe.take(rule, asking(900), 0)).toBe(0);
    expect(await probe.take(rule, asking(200), 0)).toBeGreaterThan(0);
    expect(probe.settle(probe.lastId, { tokens: 0 }, 0)).toBe(false);
    expect(probe.settle('verdict-1', { tokens: 300 }, 0)).toBe(true);
    expect(await probe.take(rule, asking(701), 0)).toBeGreaterThan(0);
    expect(await probe.take(rule, asking(700), 0)).toBe(0);
  });

  it('charges what was used above the estimate in full', async () => {
    const used = fc.array(fc.tuple(fc.nat(300), fc.nat(300)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(used, async (calls) => {
        const probe = await open();
        let spent = 0;
        for (const [estimate, tokens] of calls) {
          const admitted = (await probe.take(rule, asking(estimate), 0)) === 0;
          expect(admitted).toBe(spent + estimate <= 1000);
          if (!admitted) continue;
          expect(probe.settle(probe.lastId, { tokens }, 0)).toBe(true);
          spent += tokens;
        }
        const left = Math.max(0, 1000 - spent);
        expect(await probe.take(rule, asking(left + 1), 0)).toBeGreaterThan(0);
        expect((await probe.take(rule, asking(left), 0)) === 0).toBe(spent <= 1000);
      }),
      { numRuns: Math.min(traits.runs, 50) },
    );
  });
}

function describeUsageOnce({ open }: RateLimiterSuite): void {
  it('settles once, however often it is told', async () => {
    const probe = await open();
    expect(await probe.take(rule, asking(1000), 0)).toBe(0);
    const id = probe.lastId;
    expect(probe.settle(id, { tokens: 400 }, 0)).toBe(true);
    for (const tokens of [0, 400, 9000]) expect(probe.settle(id, { tokens }, 0)).toBe(false);
    expect(probe.cancel(id, 0)).toBe(false);
    expect(await probe.take(rule, asking(601), 0)).toBeGreaterThan(0);
    expect(await probe.take(rule, asking(600), 0)).toBe(0);
  });

  it('keeps the reservation when the usage is left out or no amount', async () => {
    const values = [undefined, Number.NaN, -1, '5', null];
    for (const tokens of values) {
      const probe = await open();
      expect(await probe.take(rule, asking(600), 0)).toBe(0);
      const usage = (tokens === undefined ? {} : { tokens }) as LimitUsage;
      expect(probe.settle(probe.lastId, usage, 0)).toBe(true);
      expect(await probe.take(rule, asking(401), 0), String(tokens)).toBeGreaterThan(0);
      expect(await probe.take(rule, asking(400), 0), String(tokens)).toBe(0);
    }
  });
}

function describeCancelled({ open, traits }: RateLimiterSuite): void {
  it('gives back exactly what cancelled calls took', async () => {
    const calls = fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.boolean()), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(calls, async (steps) => {
        const probe = await open();
        let reserved = 0;
        const cancelled: [string, number][] = [];
        for (const [units, cancel] of steps) {
          if ((await probe.take(rule, asking(units), 0)) !== 0) continue;
          reserved += units;
          if (cancel) cancelled.push([probe.lastId, units]);
        }
        for (const [id, units] of cancelled) {
          expect(probe.cancel(id, 0)).toBe(true);
          expect(probe.cancel(id, 0)).toBe(false);
          reserved -= units;
        }
        expect(await probe.take(rule, asking(1000 - reserved + 1), 0)).toBeGreaterThan(0);
        expect(await probe.take(rule, asking(1000 - reserved), 0)).toBe(0);
      }),
      { numRuns: Math.min(traits.runs, 50) },
    );
  });
}

function describeFreeing({ open, traits }: RateLimiterSuite): void {
  it.each([60, 6000, 3_600_000, 400 * 86_400_000])(
    'frees units after a window of %i ms, never before',
    async (windowMs) => {
      const probe = await open();
      const rule = limitRule([tokenBudget(100, windowMs, 1)]);
      expect(await probe.take(rule, asking(100), 7)).toBe(0);
      for (const part of [0, 0.5, 0.99]) {
        expect(await probe.take(rule, asking(1), 7 + windowMs * part)).toBeGreaterThan(0);
      }
      expect(await probe.take(rule, asking(1), 7 + windowMs - 0.5)).toBeGreaterThan(0);
      const freeMs =
        7 + windowMs + Math.max(1, Math.ceil(windowMs / 60)) + windowMs * traits.freedLate;
      expect(await probe.take(rule, asking(100), freeMs)).toBe(0);
    },
  );

  it('never passes the budget in any stretch of the window', async () => {
    const steps = fc.array(fc.tuple(fc.nat(60), fc.nat(40)), { maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom(60, 600), async (calls, windowMs) => {
        const probe = await open();
        const rule = limitRule([tokenBudget(100, windowMs, 1)]);
        const admitted: [atMs: number, units: number][] = [];
        let nowMs = 0;
        for (const [advanceMs, units] of calls) {
          nowMs += advanceMs / 2;
          if ((await probe.take(rule, asking(units), nowMs)) === 0) admitted.push([nowMs, units]);
        }
        for (const [from] of admitted) {
          const inside = admitted.filter(([ms]) => ms >= from && ms - from < windowMs);
          expect(inside.reduce((sum, [, units]) => sum + units, 0)).toBeLessThanOrEqual(100);
        }
      }),
      { numRuns: traits.runs },
    );
  });
}
