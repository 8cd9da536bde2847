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
const ONE = limitRule([windowLimit(1, WINDOW_MS)]);

const withId = limitedRequest({ callId: 'id' });

/** The same call asked about again consumes nothing. */
export function describeCallIdCases(suite: RateLimiterSuite): void {
  describeRepeats(suite);
  describeUncharged(suite);
  if (!suite.traits.ownTime) return;
  describeMemory(suite);
}

function describeRepeats({ open }: RateLimiterSuite): void {
  it('admits a call id again for free, even when the limit is reached', async () => {
    const kinds = [
      windowLimit(2, WINDOW_MS),
      gcraLimit(2, WINDOW_MS, 2),
      concurrencyLimit(2, WINDOW_MS),
      tokenBudget(2, WINDOW_MS),
    ];
    for (const limit of kinds) {
      const probe = await open();
      const rule = limitRule([limit]);
      expect(await probe.admit(10, rule, withId, 0), limit.kind).toBe(10);
      expect(await probe.admit(5, rule, limitedRequest(), 0), limit.kind).toBe(1);
      expect(await probe.admit(10, rule, withId, 0), limit.kind).toBe(10);
    }
  });

  it('does not know an id of another tenant, subject, tool, action or mode', async () => {
    const probe = await open();
    const roomy = limitRule([{ kind: 'window', by: [], limit: 6, windowMs: WINDOW_MS }]);
    const take = (rule: typeof roomy, request: typeof withId): Promise<number> =>
      probe.take(rule, request, 0);
    expect(await take(roomy, withId)).toBe(0);
    expect(await take(roomy, limitedRequest({ callId: 'id', tenant: 'u' }))).toBe(0);
    expect(await take(roomy, limitedRequest({ callId: 'id', agent: 'b' }))).toBe(0);
    expect(await take({ ...roomy, tool: 'other' }, withId)).toBe(0);
    expect(await take({ ...roomy, action: 'other' }, withId)).toBe(0);
    // Five were charged, so one is left.
    expect(await probe.admit(3, roomy, limitedRequest(), 0)).toBe(1);
    expect(await probe.admit(7, { ...roomy, shadow: true }, withId, 0)).toBe(7);
    expect(await probe.admit(7, { ...roomy, shadow: true }, limitedRequest(), 0)).toBe(5);
  });

  it('does not remember an id that was rejected', async () => {
    const probe = await open();
    expect(await probe.take(ONE, limitedRequest(), 0)).toBe(0);
    for (let i = 0; i < 3; i++) expect(await probe.take(ONE, withId, 0)).toBeGreaterThan(0);
  });
}

function describeUncharged({ open }: RateLimiterSuite): void {
  it('forgets an id whose call was cancelled', async () => {
    const probe = await open();
    const rule = limitRule([tokenBudget(1, WINDOW_MS)]);
    expect(await probe.take(rule, withId, 0)).toBe(0);
    expect(probe.cancel(probe.lastId, 0)).toBe(true);
    expect(await probe.take(rule, limitedRequest(), 0)).toBe(0);
    expect(await probe.take(rule, withId, 0)).toBeGreaterThan(0);
  });

  it('has nothing to settle or cancel for a call that was free', async () => {
    const probe = await open();
    const rule = limitRule([tokenBudget(5, WINDOW_MS)]);
    expect(await probe.take(rule, withId, 0)).toBe(0);
    expect(await probe.take(rule, withId, 0)).toBe(0);
    expect(probe.cancel(probe.lastId, 0)).toBe(false);
    expect(probe.settle(probe.lastId, { tokens: 100 }, 0)).toBe(false);
    expect(await probe.admit(9, rule, limitedRequest(), 0)).toBe(4);
  });

  it('charges an empty id and one that is too long', async () => {
    for (const callId of ['', 'x'.repeat(257), 7 as unknown as string]) {
      const probe = await open();
      expect(await probe.admit(3, ONE, limitedRequest({ callId }), 0)).toBe(1);
    }
  });
}

function describeMemory({ open }: RateLimiterSuite): void {
  it('remembers an id for the longest window, and charges it anew after that', async () => {
    const probe = await open();
    const rule = limitRule([windowLimit(2, 100), windowLimit(10, 1000)]);
    expect(await probe.take(rule, withId, 0)).toBe(0);
    expect(await probe.admit(9, rule, withId, 999)).toBe(9);
    expect(await probe.admit(3, rule, withId, 1000)).toBe(3);
    // The id was charged once more, so one place of the short window is left.
    expect(await probe.admit(3, rule, limitedRequest(), 1000)).toBe(1);
  });
}
