import { GovernanceError, type LimitRule } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import {
  createRateLimiter,
  findLimitRuleProblem,
  INVALID_RULE_WAIT_MS,
  MAX_LIMIT,
  MAX_WINDOW_MS,
  MAX_WINDOWS,
  type RateLimiterOptions,
} from '../src/index.ts';

const GOOD = { limit: 1, windowMs: 1000 };

function ruleOf(windows: unknown): LimitRule {
  return { tool: 't', action: 'a', windows } as LimitRule;
}

const BAD_RULES: readonly [string, unknown][] = [
  ['null', null],
  ['undefined', undefined],
  ['a string', 'rule'],
  ['no tool', { action: 'a', windows: [GOOD] }],
  ['an empty tool', { tool: '', action: 'a', windows: [GOOD] }],
  ['an action that is a number', { tool: 't', action: 1, windows: [GOOD] }],
  ['no windows', { tool: 't', action: 'a' }],
  ['windows that are no array', ruleOf({ length: 1, 0: GOOD })],
  ['an empty list of windows', ruleOf([])],
  ['too many windows', ruleOf(Array.from({ length: MAX_WINDOWS + 1 }, () => GOOD))],
  ['a window that is null', ruleOf([null])],
  ['a hole in the windows', ruleOf(new Array(1))],
  ...[
    0,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    MAX_LIMIT + 1,
    '5',
    null,
    undefined,
    5n,
  ].map((limit): [string, unknown] => [
    `limit ${String(limit)}`,
    ruleOf([GOOD, { limit, windowMs: 1000 }]),
  ]),
  ...[0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, MAX_WINDOW_MS + 1, '1000', null].map(
    (windowMs): [string, unknown] => [
      `windowMs ${String(windowMs)}`,
      ruleOf([{ limit: 1, windowMs }]),
    ],
  ),
];

describe('a rule that cannot be enforced', () => {
  it.each(BAD_RULES)('with %s: refuses, does not throw, and holds nothing', (_, bad) => {
    const limiter = createRateLimiter();
    const rule = bad as LimitRule;
    expect(limiter.take(rule, 't', undefined, 0)).toBe(INVALID_RULE_WAIT_MS);
    expect(limiter.take(rule, 't', 'id', MAX_WINDOW_MS * 2)).toBe(INVALID_RULE_WAIT_MS);
    expect(limiter.stats()).toMatchObject({ keys: 0, slots: 0, refusedInvalidRule: 2 });
    expect(findLimitRuleProblem(rule)).toMatch(/^(rule|tool|action|windows)/);
  });

  it('refuses a key that had a good rule, and remembers its counts', () => {
    const limiter = createRateLimiter();
    expect(limiter.take(ruleOf([GOOD]), 't', undefined, 0)).toBe(0);
    expect(limiter.take(ruleOf([{ ...GOOD, limit: 0 }]), 't', undefined, 1)).toBe(
      INVALID_RULE_WAIT_MS,
    );
    expect(limiter.take(ruleOf([GOOD]), 't', undefined, 2)).toBe(998);
  });

  it('names the window that is wrong', () => {
    expect(findLimitRuleProblem(ruleOf([GOOD, { limit: 0, windowMs: 1 }]))).toMatch(
      /^windows\.1: limit/,
    );
    expect(findLimitRuleProblem(ruleOf([GOOD]))).toBeNull();
  });
});

describe('the largest values', () => {
  it('counts a million in a window of 400 days', () => {
    const limiter = createRateLimiter();
    const rule = ruleOf([{ limit: MAX_LIMIT, windowMs: MAX_WINDOW_MS }]);
    let admitted = 0;
    for (let i = 0; i < MAX_LIMIT + 10; i++) {
      if (limiter.take(rule, 't', undefined, 1000) === 0) admitted += 1;
    }
    expect(admitted).toBe(MAX_LIMIT);
    expect(limiter.take(rule, 't', undefined, 1001)).toBe(MAX_WINDOW_MS - 1);
    expect(limiter.take(rule, 't', undefined, 1000 + MAX_WINDOW_MS)).toBe(0);
  });

  it('waits exactly at the end of time', () => {
    const limiter = createRateLimiter();
    const end = 2 ** 52 - 5000;
    expect(limiter.take(ruleOf([GOOD]), 't', undefined, end)).toBe(0);
    expect(limiter.take(ruleOf([GOOD]), 't', undefined, end + 1)).toBe(999);
    expect(limiter.take(ruleOf([GOOD]), 't', undefined, end + 1000)).toBe(0);
  });
});

describe('options', () => {
  it.each([
    { maxKeys: 0 },
    { maxKeys: 1.5 },
    { maxKeys: Number.NaN },
    { maxKeys: '5' },
    { maxKeys: 10_000_001 },
    { maxSlots: 7 },
    { maxSlots: 2 ** 31 + 1 },
    { unknown: 1 },
    'text',
    [],
  ])('are refused: %j', (options) => {
    const create = (): unknown => createRateLimiter(options as RateLimiterOptions);
    expect(create).toThrow(GovernanceError);
    expect(create).toThrow(/^createRateLimiter\(options\)/);
  });
});
