import { GovernanceError, type LimitRule } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import {
  createRateLimiter,
  findLimitRuleProblem,
  INVALID_RULE_WAIT_MS,
  MAX_BUDGET,
  MAX_LEASE_MS,
  MAX_LIMIT,
  MAX_LIMITS,
  MAX_RATE,
  MAX_WINDOW_MS,
  type RateLimiterOptions,
} from '../src/index.ts';
import { concurrency, gcra, requestOf, ruleOf, tokens, window } from './limit-samples.ts';

const GOOD = window(1, 1000);
const T = requestOf('t');

const NO_NUMBERS = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null, undefined, 5n];
const NO_SPANS = [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1000', null];

function rulesWith(
  sample: object,
  member: string,
  values: readonly unknown[],
): (readonly [string, unknown])[] {
  return values.map((value) => [
    `${member} ${String(value)}`,
    ruleOf([GOOD, { ...sample, [member]: value } as never]),
  ]);
}

const BAD_RULES: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['undefined', undefined],
  ['a string', 'rule'],
  ['no tool', { ...ruleOf([GOOD]), tool: undefined }],
  ['an empty tool', { ...ruleOf([GOOD]), tool: '' }],
  ['an action that is a number', { ...ruleOf([GOOD]), action: 1 }],
  ['no shadow', { ...ruleOf([GOOD]), shadow: undefined }],
  ['no limits', { ...ruleOf([GOOD]), limits: undefined }],
  ['limits that are no array', ruleOf({ length: 1, 0: GOOD } as never)],
  ['an empty list of limits', ruleOf([])],
  ['too many limits', ruleOf(Array.from({ length: MAX_LIMITS + 1 }, (_, i) => window(1, 1 + i)))],
  ['a limit that is null', ruleOf([null as never])],
  ['a hole in the limits', ruleOf(new Array(1))],
  ['two limits that count the same', ruleOf([GOOD, { ...GOOD, limit: 5 }])],
  [
    'the same dimensions in another order',
    ruleOf([GOOD, { ...GOOD, by: ['action', 'tenant', 'tool'] }]),
  ],
  ...rulesWith(GOOD, 'by', [
    undefined,
    'tenant',
    ['all'],
    ['tenant', 'tenant'],
    [null],
    new Array(1),
  ]),
  ...rulesWith(GOOD, 'kind', ['windows', undefined, null, 'constructor']),
  ...rulesWith(window(1, 7), 'limit', [...NO_NUMBERS, MAX_LIMIT + 1]),
  ...rulesWith(window(1, 7), 'windowMs', [...NO_SPANS, MAX_WINDOW_MS + 1]),
  ...rulesWith(gcra(1, 7, 1), 'limit', [...NO_NUMBERS, MAX_RATE + 1]),
  ...rulesWith(gcra(1, 7, 1), 'burst', [...NO_NUMBERS, MAX_RATE + 1]),
  ...rulesWith(gcra(1, 7, 1), 'windowMs', [...NO_SPANS, MAX_WINDOW_MS + 1]),
  ...rulesWith(concurrency(1, 7), 'limit', [...NO_NUMBERS, MAX_LIMIT + 1]),
  ...rulesWith(concurrency(1, 7), 'leaseMs', [...NO_SPANS, MAX_LEASE_MS + 1]),
  ...rulesWith(tokens(1, 7, 1), 'limit', [...NO_NUMBERS, MAX_BUDGET + 1]),
  ...rulesWith(tokens(1, 7, 1), 'perCall', [...NO_NUMBERS, MAX_BUDGET + 1]),
  ...rulesWith(tokens(1, 7, 1), 'windowMs', [...NO_SPANS, MAX_WINDOW_MS + 1]),
  ...rulesWith(tokens(1, 7, 1), 'unit', ['bytes', undefined, 'toString']),
];

describe('a rule that cannot be enforced', () => {
  it.each(BAD_RULES)('with %s: refuses, does not throw, and holds nothing', (_, bad) => {
    const limiter = createRateLimiter();
    const rule = bad as LimitRule;
    expect(limiter.take(rule, T, 'id', 0)).toBe(INVALID_RULE_WAIT_MS);
    expect(limiter.take(rule, T, 'id', MAX_WINDOW_MS * 2)).toBe(INVALID_RULE_WAIT_MS);
    expect(limiter.inspect(rule, T, 0)).toEqual([]);
    expect(limiter.stats()).toMatchObject({ keys: 0, slots: 0, refusedInvalidRule: 2 });
    expect(findLimitRuleProblem(rule)).toMatch(/^(rule|tool|action|shadow|limits)/);
  });

  it('whose members throw is refused too', () => {
    const rule = Object.defineProperty({ ...ruleOf([GOOD]) }, 'limits', {
      get: () => {
        throw new Error('hostile');
      },
    });
    expect(createRateLimiter().take(rule, T, 'id', 0)).toBe(INVALID_RULE_WAIT_MS);
  });

  it('names the limit and the member that is wrong', () => {
    expect(findLimitRuleProblem(ruleOf([GOOD, { ...gcra(1, 7, 1), burst: 0 }]))).toBe(
      'limits.1.burst: must be an integer from 1 to 1000000000',
    );
    expect(findLimitRuleProblem(ruleOf([GOOD, GOOD]))).toBe(
      'limits.1: counts the same as limits.0',
    );
    expect(findLimitRuleProblem(ruleOf([GOOD]))).toBeNull();
  });
});

describe('a request that cannot be counted', () => {
  const requests: readonly [string, unknown][] = [
    ['null', null],
    ['no tenant', { ...T, tenant: undefined }],
    ['a tenant that is too long', { ...T, tenant: 'x'.repeat(257) }],
    ['no subject', { ...T, subject: undefined }],
    ['a subject without id', { ...T, subject: { type: 'agent' } }],
    ['a subject type that is an object', { ...T, subject: { type: {}, id: 'a' } }],
  ];
  it.each(requests)('with %s: refuses, and holds nothing', (_, bad) => {
    const limiter = createRateLimiter();
    const bySubject = ruleOf([{ ...GOOD, by: ['tenant', 'subject'] }]);
    for (const rule of [bySubject, ruleOf([concurrency(5, 1000)])]) {
      expect(limiter.take(rule, bad as never, 'id', 0)).toBe(INVALID_RULE_WAIT_MS);
      expect(limiter.inspect(rule, bad as never, 0)).toEqual([]);
    }
    expect(limiter.size()).toBe(0);
  });

  it('has no place under a limit that is settled without a usable id', () => {
    const limiter = createRateLimiter();
    for (const id of ['', undefined, 5, 'x'.repeat(257)]) {
      const answer = limiter.take(ruleOf([concurrency(5, 1000)]), T, id as never, 0);
      expect(answer).toBe(INVALID_RULE_WAIT_MS);
    }
    expect(limiter.size()).toBe(0);
  });
});

describe('the largest values', () => {
  it('counts a million in a window of 400 days', () => {
    const limiter = createRateLimiter();
    const rule = ruleOf([window(MAX_LIMIT, MAX_WINDOW_MS)]);
    let admitted = 0;
    for (let i = 0; i < MAX_LIMIT + 10; i++) {
      if (limiter.take(rule, T, 'id', 1000) === 0) admitted += 1;
    }
    expect(admitted).toBe(MAX_LIMIT);
    expect(limiter.take(rule, T, 'id', 1001)).toBe(MAX_WINDOW_MS - 1);
    expect(limiter.take(rule, T, 'id', 1000 + MAX_WINDOW_MS)).toBe(0);
  });

  it.each([window(1, 1000), gcra(1, 1000, 1), concurrency(1, 1000)])(
    'waits exactly at the end of time: $kind',
    (limit) => {
      const limiter = createRateLimiter();
      const end = 2 ** 52 - 5000;
      expect(limiter.take(ruleOf([limit]), T, '1', end)).toBe(0);
      expect(limiter.take(ruleOf([limit]), T, '2', end + 1)).toBe(999);
      expect(limiter.take(ruleOf([limit]), T, '3', end + 1000)).toBe(0);
    },
  );

  it('never lets a rate pass whose period is lost in the sum of times', () => {
    // A billionth of a millisecond, at a time when numbers are half a millisecond apart.
    const limiter = createRateLimiter();
    const rule = ruleOf([gcra(MAX_RATE, 1, 1000)]);
    let admitted = 0;
    for (let i = 0; i < 5000; i++) {
      if (limiter.take(rule, T, 'id', 2 ** 51) === 0) admitted += 1;
    }
    expect(admitted).toBeGreaterThan(0);
    expect(admitted).toBeLessThanOrEqual(1000);
  });

  it('charges any usage, and locks no longer than the window', () => {
    for (const used of [1e15, 2 ** 53, 1e300, Number.POSITIVE_INFINITY, Number.MAX_VALUE]) {
      const limiter = createRateLimiter();
      const rule = ruleOf([tokens(MAX_BUDGET, 6000, 1)]);
      expect(limiter.take(rule, T, 'id', 0)).toBe(0);
      expect(limiter.settle('id', { tokens: used }, 0)).toBe(true);
      const wait = limiter.take(rule, T, 'other', 1);
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(6100);
      expect(limiter.take(rule, T, 'other', 6100)).toBe(0);
    }
  });

  it('settles whatever it is told', () => {
    const limiter = createRateLimiter();
    const rule = ruleOf([tokens(100, 6000, 10)]);
    for (const usage of [null, undefined, 5, { tokens: {} }, { tokens: 5n }]) {
      const id = `id-${String(usage)}-${typeof usage}`;
      if (limiter.take(rule, T, id, 0) === 0) {
        expect(limiter.settle(id, usage as never, 0)).toBe(true);
      }
    }
    expect(limiter.inspect(rule, T, 0)[0]?.remaining).toBe(50);
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
    { maxCallIds: 0 },
    { maxCallIds: 8_000_001 },
    { maxReservations: 0 },
    { maxReservations: 8_000_001 },
    { unknown: 1 },
    'text',
    [],
  ])('are refused: %j', (options) => {
    const create = (): unknown => createRateLimiter(options as RateLimiterOptions);
    expect(create).toThrow(GovernanceError);
    expect(create).toThrow(/^createRateLimiter\(options\)/);
  });
});
