import type { Limit } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import { compileGrant, Grant, MAX_RATE } from '../src/index.ts';

function limits(rate: unknown, members: object = {}): readonly Limit[] {
  const grant = Grant.parse({ tool: 't', actions: ['go'], rate, ...members });
  return compileGrant(grant).action('go')?.limit?.limits ?? [];
}

function problems(rate: unknown): string[] {
  const result = Grant.safeParse({ tool: 't', actions: ['go'], rate });
  if (result.success) return [];
  return result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

const EACH = ['tenant', 'tool', 'action'];
const MINUTE = 60_000;
const DAY = 86_400_000;

describe('the rate of a grant', () => {
  it('counts single calls exactly, many in sixtieths, and a burst by GCRA', () => {
    expect(limits({ perMinute: 10_000, perDay: 10_001 })).toEqual([
      { kind: 'window', by: EACH, limit: 10_000, windowMs: MINUTE },
      { kind: 'budget', by: EACH, unit: 'calls', limit: 10_001, windowMs: DAY, perCall: 1 },
    ]);
    expect(limits({ perMinute: MAX_RATE, burst: 50, perDay: 5 })).toEqual([
      { kind: 'gcra', by: EACH, limit: MAX_RATE, windowMs: MINUTE, burst: 50 },
      { kind: 'window', by: EACH, limit: 5, windowMs: DAY },
    ]);
  });

  it('combines calls, tokens, cost and concurrency, counted in several ways', () => {
    const rate = {
      perMinute: 30,
      tokens: { perMinute: 1000, perDay: 50_000, perCall: 200 },
      cost: { perDay: 5_000_000, perCall: 10_000 },
      concurrency: { limit: 4 },
      limits: [
        { by: ['tenant', 'subject'], perHour: 100, concurrency: { limit: 1, leaseSeconds: 30 } },
        { by: ['tenant'], perMinute: 600, burst: 60 },
      ],
    };
    expect(limits(rate)).toEqual([
      { kind: 'window', by: EACH, limit: 30, windowMs: MINUTE },
      { kind: 'budget', by: EACH, unit: 'tokens', limit: 1000, windowMs: MINUTE, perCall: 200 },
      { kind: 'budget', by: EACH, unit: 'tokens', limit: 50_000, windowMs: DAY, perCall: 200 },
      { kind: 'budget', by: EACH, unit: 'cost', limit: 5_000_000, windowMs: DAY, perCall: 10_000 },
      { kind: 'concurrency', by: EACH, limit: 4, leaseMs: 300_000 },
      { kind: 'window', by: ['tenant', 'subject'], limit: 100, windowMs: 3_600_000 },
      { kind: 'concurrency', by: ['tenant', 'subject'], limit: 1, leaseMs: 30_000 },
      { kind: 'gcra', by: ['tenant'], limit: 600, windowMs: MINUTE, burst: 60 },
    ]);
  });

  it.each([
    [
      'a burst without a rate',
      { perMinute: 1, limits: [{ by: [], perDay: 1, burst: 2 }] },
      /burst: needs perMinute/,
    ],
    [
      'a budget without a window',
      { perMinute: 1, tokens: { perCall: 1 } },
      /tokens: needs at least one/,
    ],
    ['a budget without a ceiling', { perMinute: 1, tokens: { perMinute: 1 } }, /tokens\.perCall/],
    [
      'a further limit that limits nothing',
      { perMinute: 1, limits: [{ by: ['tenant'] }] },
      /limits\.0: limits nothing/,
    ],
    [
      'a dimension twice',
      { perMinute: 1, limits: [{ by: ['tool', 'tool'], perDay: 1 }] },
      /limits\.0\.by: names a dimension twice/,
    ],
    [
      'an unknown dimension',
      { perMinute: 1, limits: [{ by: ['planet'], perDay: 1 }] },
      /limits\.0\.by\.0/,
    ],
    [
      'too many further limits',
      { perMinute: 1, limits: Array(5).fill({ by: [], perDay: 1 }) },
      /limits/,
    ],
    [
      'a further limit that counts what stands beside it',
      { perMinute: 9, limits: [{ by: ['action', 'tenant', 'tool'], perMinute: 5 }] },
      /limits\.0\.by: counts the same calls/,
    ],
    [
      'two further limits that count the same',
      {
        perMinute: 9,
        limits: [
          { by: ['tenant'], perDay: 5 },
          { by: ['tenant'], perHour: 5 },
        ],
      },
      /limits\.1\.by: counts the same calls/,
    ],
    ['no rate per minute', { perDay: 1 }, /rate\.perMinute/],
    ['a fraction', { perMinute: 1, concurrency: { limit: 1.5 } }, /concurrency\.limit/],
    ['an unknown member', { perMinute: 1, perWeek: 1 }, /perWeek/],
  ])('refuses %s', (_what, rate, problem) => {
    expect(problems(rate).join('\n')).toMatch(problem);
  });

  it('refuses more limits than a limiter takes', () => {
    const windows = { perMinute: 9, perHour: 9, perDay: 9 };
    const all = { ...windows, tokens: { ...windows, perCall: 1 } };
    expect(problems({ ...all, limits: [{ by: [], ...all }] })).toEqual([]);
    const further = { by: [], ...all };
    const other = { by: ['tenant'], ...all };
    expect(problems({ ...all, limits: [further, other] }).join()).toMatch(/more than 16 limits/);
  });
});
