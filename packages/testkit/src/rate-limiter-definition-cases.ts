import type { LimitRule } from '@cortex-governance/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  concurrencyLimit,
  gcraLimit,
  type LimiterProbe,
  limitedRequest,
  limitRule,
  type RateLimiterSuite,
  tokenBudget,
  windowLimit,
} from './rate-limiter-fixture.ts';
import { ReferenceLimiter } from './reference-limiter.ts';

/** One step of a random history. */
interface Step {
  readonly op: 'take' | 'settle' | 'cancel' | 'undo';
  readonly tenant: string;
  readonly callId: string | undefined;
  readonly units: number;
  readonly advanceMs: number;
  /** Which of the calls so far, for settle and cancel. */
  readonly pick: number;
}

const small = fc.integer({ min: 1, max: 9 });
const span = fc.integer({ min: 1, max: 150 });

const ruleArbitrary: fc.Arbitrary<LimitRule> = fc
  .record({
    windows: fc.uniqueArray(fc.tuple(small, span), { maxLength: 2, selector: ([, ms]) => ms }),
    leases: fc.option(fc.tuple(small, span)),
    budget: fc.option(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.constantFrom(60, 120, 7, 90))),
  })
  .filter(({ windows, leases, budget }) => windows.length > 0 || leases !== null || budget !== null)
  .map(({ windows, leases, budget }) =>
    limitRule([
      ...windows.map(([limit, windowMs]) => windowLimit(limit, windowMs)),
      ...(leases === null ? [] : [concurrencyLimit(...leases)]),
      ...(budget === null ? [] : [tokenBudget(...budget)]),
    ]),
  );

const rateArbitrary = fc
  .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 200 }), small)
  .map(([limit, windowMs, burst]) => limitRule([gcraLimit(limit, windowMs, burst)]));

const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  op: fc.constantFrom('take', 'take', 'take', 'settle', 'cancel', 'undo'),
  tenant: fc.constantFrom('a', 'b', 'c'),
  callId: fc.option(fc.constantFrom('1', '2', '3', '4'), { nil: undefined, freq: 2 }),
  units: fc.integer({ min: 0, max: 30 }),
  // Mostly small steps, some past every window, some of an hour either way.
  advanceMs: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 20 }) },
    { weight: 1, arbitrary: fc.integer({ min: -3_600_000, max: 0 }) },
    { weight: 1, arbitrary: fc.constantFrom(200, 3_600_000) },
  ),
  pick: fc.nat(),
});

/** For limiters that are exact: every answer equals that of the definition, for any history. */
export function describeDefinitionCases({ open, traits }: RateLimiterSuite): void {
  const check = (rules: fc.Arbitrary<LimitRule>, ops: readonly Step['op'][]): Promise<void> =>
    fc.assert(
      fc.asyncProperty(rules, fc.array(stepArbitrary, { maxLength: 80 }), async (rule, steps) => {
        const known = steps.filter(({ op }) => ops.includes(op));
        await compare(await open(), new ReferenceLimiter(rule), rule, known);
      }),
      { numRuns: traits.runs },
    );

  it('answers as the definition does: windows, leases and budgets, settled and cancelled', async () => {
    await check(ruleArbitrary, ['take', 'settle', 'cancel']);
  });

  it('answers as the definition does: rates, and calls that are taken back at once', async () => {
    await check(rateArbitrary, ['take', 'undo']);
  });
}

async function compare(
  probe: LimiterProbe,
  reference: ReferenceLimiter,
  rule: LimitRule,
  steps: readonly Step[],
): Promise<void> {
  const ids: string[] = [];
  let nowMs = 0;
  for (const { op, tenant, callId, units, advanceMs, pick } of steps) {
    nowMs += advanceMs;
    const id = ids[pick % Math.max(1, ids.length)] ?? 'none';
    if (op === 'settle') {
      expect(probe.settle(id, { tokens: units }, nowMs)).toBe(reference.settle(id, units, nowMs));
    } else if (op === 'cancel' && hasReservations(rule)) {
      expect(probe.cancel(id, nowMs)).toBe(reference.cancel(id, nowMs));
    } else {
      const request = limitedRequest({ tenant, callId, context: { estimate: { tokens: units } } });
      const answer = await probe.take(rule, request, nowMs);
      expect(answer).toBe(reference.take(probe.lastId, tenant, callId, units, nowMs));
      if (op === 'undo' && answer === 0) {
        if (probe.cancel(probe.lastId, nowMs)) reference.undo(probe.lastId);
      } else ids.push(probe.lastId);
    }
  }
}

function hasReservations(rule: LimitRule): boolean {
  return rule.limits.some(({ kind }) => kind === 'concurrency' || kind === 'budget');
}
