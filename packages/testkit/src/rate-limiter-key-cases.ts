import type { LimitDimension, LimitRule } from '@cortex-governance/core';
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

type Names = readonly [tenant: string, agent: string, tool: string, action: string];

function once(by: readonly LimitDimension[], parts: Partial<LimitRule> = {}): LimitRule {
  return limitRule([{ kind: 'window', by, limit: 1, windowMs: WINDOW_MS }], parts);
}

/** What is counted together, and what apart. */
export function describeKeyCases(suite: RateLimiterSuite): void {
  describeApart(suite);
  describeTogether(suite);
  describeShadow(suite);
}

function describeApart({ open }: RateLimiterSuite): void {
  it('counts tenants, subjects, tools and actions apart, whatever their names hold', async () => {
    const probe = await open();
    const by = ['tenant', 'subject', 'tool', 'action'] as const;
    const take = (...[tenant, agent, tool, action]: Names): Promise<number> =>
      probe.take(once(by, { tool, action }), limitedRequest({ tenant, agent }), 0);
    // Names that any joined key would confuse.
    const names = [
      'a',
      'a:b',
      ':',
      '1:a',
      'a\u0000b',
      '\u0000',
      '__proto__',
      'constructor',
      '["a"]',
    ];
    for (const [i, name] of names.entries()) {
      const each: readonly Names[] = [
        [name, 'x', 'y', 'z'],
        ['t', name, 'y', `z${i}`],
        ['t', 'x', name, 'z'],
        ['t', 'x', 'y', name],
      ];
      for (const parts of each) {
        expect(await take(...parts), JSON.stringify(parts)).toBe(0);
        expect(await take(...parts), JSON.stringify(parts)).toBeGreaterThan(0);
      }
    }
    expect(await take('a:b', 'c', 'd', 'e')).toBe(0);
    expect(await take('a', 'b:c', 'd', 'e')).toBe(0);
    expect(await take('a', 'b', 'c:d', 'e')).toBe(0);
    expect(await take('a', 'b', 'c', 'd:e')).toBe(0);
  });
}

function describeTogether({ open }: RateLimiterSuite): void {
  it('tells subjects of one id and different types apart', async () => {
    const probe = await open();
    const rule = once(['subject']);
    const user = { ...limitedRequest(), subject: { type: 'user', id: 'agent' } };
    expect(await probe.take(rule, limitedRequest(), 0)).toBe(0);
    expect(await probe.take(rule, user, 0)).toBe(0);
    expect(await probe.take(rule, user, 0)).toBeGreaterThan(0);
  });

  it('counts only by the dimensions that a limit names', async () => {
    for (const dimension of ['tenant', 'subject', 'tool', 'action'] as const) {
      const probe = await open();
      const rule = once([dimension], { tool: 'x', action: 'y' });
      const other: LimitRule = {
        ...rule,
        tool: dimension === 'tool' ? 'x' : 'other',
        action: dimension === 'action' ? 'y' : 'other',
      };
      expect(await probe.take(rule, limitedRequest(), 0), dimension).toBe(0);
      const request = limitedRequest({
        tenant: dimension === 'tenant' ? 't' : 'other',
        agent: dimension === 'subject' ? 'agent' : 'other',
      });
      expect(await probe.take(other, request, 0), dimension).toBeGreaterThan(0);
    }
  });

  it('counts everything together by no dimension', async () => {
    const probe = await open();
    expect(await probe.take(once([]), limitedRequest(), 0)).toBe(0);
    const other = once([], { tool: 'other', action: 'other' });
    const request = limitedRequest({ tenant: 'other', agent: 'other' });
    expect(await probe.take(other, request, 0)).toBeGreaterThan(0);
  });
}

function describeShadow({ open }: RateLimiterSuite): void {
  it('counts calls in shadow mode apart, for every kind of limit', async () => {
    const kinds = [
      windowLimit(2, WINDOW_MS),
      gcraLimit(2, WINDOW_MS, 2),
      concurrencyLimit(2, WINDOW_MS),
      tokenBudget(2, WINDOW_MS),
    ];
    for (const limit of kinds) {
      const probe = await open();
      const shadow = limitRule([limit], { shadow: true });
      expect(await probe.admit(5, shadow, limitedRequest(), 0), limit.kind).toBe(2);
      expect(await probe.admit(5, limitRule([limit]), limitedRequest(), 0), limit.kind).toBe(2);
    }
  });

  it('goes on counting under a new rule object that says the same', async () => {
    const probe = await open();
    for (let i = 0; i < 3; i++) {
      const rule = limitRule([windowLimit(3, WINDOW_MS)]);
      expect(await probe.take(rule, limitedRequest(), 0)).toBe(0);
    }
    const rule = limitRule([windowLimit(3, WINDOW_MS)]);
    expect(await probe.take(rule, limitedRequest(), 0)).toBeGreaterThan(0);
  });

  it('reports the number of keys', async () => {
    const probe = await open();
    expect(probe.limiter.size()).toBe(0);
    for (const tenant of ['a', 'a', 'b']) {
      await probe.take(limitRule([windowLimit(5, WINDOW_MS)]), limitedRequest({ tenant }), 0);
    }
    expect(probe.limiter.size()).toBe(2);
  });
}
