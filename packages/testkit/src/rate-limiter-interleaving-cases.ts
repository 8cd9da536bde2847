import type { Limit } from '@cortex-governance/core';
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

/** A call that was admitted, and when it ended. */
interface Admitted {
  readonly id: string;
  readonly atMs: number;
  /** Units that it holds of a budget: its estimate, then what it used. */
  units: number;
  endedMs: number;
  cancelled: boolean;
}

const stepsArbitrary = fc.array(
  fc.record({
    op: fc.constantFrom('take', 'take', 'take', 'settle', 'cancel'),
    units: fc.integer({ min: 0, max: 30 }),
    advanceMs: fc.oneof(fc.double({ min: 0, max: 30, noNaN: true }), fc.constant(0)),
    pick: fc.nat(),
  }),
  { maxLength: 150 },
);

const limitsArbitrary: fc.Arbitrary<readonly Limit[]> = fc
  .record({
    windowMs: fc.constantFrom(60, 120, 300),
    most: fc.integer({ min: 1, max: 6 }),
    rate: fc.integer({ min: 1, max: 12 }),
    burst: fc.integer({ min: 1, max: 6 }),
    tokens: fc.integer({ min: 20, max: 60 }),
    kinds: fc.subarray(['window', 'gcra', 'concurrency', 'budget'] as const, { minLength: 1 }),
  })
  .map(({ windowMs, most, rate, burst, tokens, kinds }) => {
    const all: readonly Limit[] = [
      windowLimit(most, windowMs),
      gcraLimit(rate, windowMs, burst),
      concurrencyLimit(most, windowMs),
      tokenBudget(tokens, windowMs),
    ];
    return all.filter(({ kind }) => kinds.includes(kind));
  });

/** Takes, settles and cancels in any order: the promised bounds hold, whatever the store. */
export function describeInterleavingCases({ open, traits }: RateLimiterSuite): void {
  it('never admits more than the limits in any window', async () => {
    await fc.assert(
      fc.asyncProperty(limitsArbitrary, stepsArbitrary, async (limits, steps) => {
        const probe = await open();
        const rule = limitRule(limits);
        const calls: Admitted[] = [];
        let nowMs = 0;
        for (const { op, units, advanceMs, pick } of steps) {
          nowMs += advanceMs;
          const call = calls[pick % Math.max(1, calls.length)];
          if (op === 'take') {
            const request = limitedRequest({ context: { estimate: { tokens: units } } });
            if ((await probe.take(rule, request, nowMs)) !== 0) continue;
            const endedMs = Number.POSITIVE_INFINITY;
            calls.push({ id: probe.lastId, atMs: nowMs, units, endedMs, cancelled: false });
          } else if (call !== undefined && op === 'settle') {
            // At most the estimate: what is above it is a debt, which passes the limit by intent.
            const used = Math.min(units, call.units);
            if (!probe.settle(call.id, { tokens: used }, nowMs)) continue;
            call.units = used;
            call.endedMs = nowMs;
          } else if (call !== undefined && probe.cancel(call.id, nowMs)) {
            call.cancelled = true;
          }
          for (const limit of limits) expectBound(limit, calls, nowMs);
        }
      }),
      { numRuns: traits.runs },
    );
  });

  it('is free again when everything has left its window', async () => {
    await fc.assert(
      fc.asyncProperty(limitsArbitrary, stepsArbitrary, async (limits, steps) => {
        const probe = await open();
        const rule = limitRule(limits);
        let nowMs = 0;
        for (const { op, units, advanceMs } of steps) {
          nowMs += advanceMs;
          const request = limitedRequest({ context: { estimate: { tokens: units } } });
          await probe.take(rule, request, nowMs);
          if (op === 'settle') probe.settle(probe.lastId, { tokens: Math.min(units, 5) }, nowMs);
        }
        // A burst as long as the window, at most, and what is freed late.
        nowMs += 300 * 7 * (1 + traits.freedLate) + 10;
        expect(await probe.take(rule, limitedRequest(), nowMs)).toBe(0);
      }),
      { numRuns: traits.runs },
    );
  });
}

/** Whether the calls that stand now are within a limit, in the stretch that ends now. */
function expectBound(limit: Limit, all: readonly Admitted[], nowMs: number): void {
  const calls = all.filter(({ cancelled }) => !cancelled);
  if (limit.kind === 'concurrency') {
    const running = calls.filter((c) => c.endedMs > nowMs && nowMs - c.atMs < limit.leaseMs);
    expect(running.length).toBeLessThanOrEqual(limit.limit);
    return;
  }
  const inside = calls.filter(({ atMs }) => nowMs - atMs < limit.windowMs);
  if (limit.kind === 'budget') {
    const units = inside.reduce((sum, call) => sum + call.units, 0);
    expect(units).toBeLessThanOrEqual(limit.limit);
  } else {
    const burst = limit.kind === 'gcra' ? limit.burst : 0;
    expect(inside.length).toBeLessThanOrEqual(limit.limit + burst);
  }
}
