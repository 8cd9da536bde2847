import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { errorMessage, parseOptions, silentLogger, systemClock } from '../src/index.ts';

const schema = z.strictObject({
  max: z.int().min(1).default(64),
  nested: z.strictObject({ ttlMs: z.number() }).optional(),
});

describe('parseOptions', () => {
  it('fills in defaults, for no options too', () => {
    expect(parseOptions(schema, undefined, 'f(options)')).toEqual({ max: 64 });
    expect(parseOptions(schema, { max: 2 }, 'f(options)')).toEqual({ max: 2 });
  });

  it('names the place of the first wrong member', () => {
    const parse = (options: unknown) => () => parseOptions(schema, options, 'f(options)');
    expect(parse({ max: 0 })).toThrow(/^f\(options\)\.max: /);
    expect(parse({ nested: { ttlMs: 'x' } })).toThrow(/^f\(options\)\.nested\.ttlMs: /);
    expect(parse({ maximum: 1 })).toThrow(/^f\(options\): .*maximum/);
    expect(parse(7)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }));
  });
});

describe('small parts', () => {
  it('has a clock that moves forward, a logger that says nothing, and one line for any throw', () => {
    const before = systemClock.monotonicMs();
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(before);
    expect(systemClock.wallMs()).toBeGreaterThan(1_700_000_000_000);
    expect(silentLogger.error('EVENT')).toBeUndefined();
    expect(errorMessage(new Error('e'))).toBe('e');
    expect(errorMessage('s')).toBe('s');
  });
});
