import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VerdictIdSource, verdictTime } from '../src/index.ts';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('VerdictIdSource', () => {
  it('makes UUIDv7 ids that carry the time', () => {
    const id = new VerdictIdSource().next(1_790_000_000_123.9);
    expect(id).toMatch(UUID_V7);
    expect(verdictTime(id)).toBe(1_790_000_000_123);
  });

  it('makes ids that are unique and sorted, whatever the clock does', () => {
    const clocks = fc.array(fc.integer({ min: 0, max: 2 ** 47 }), { minLength: 2, maxLength: 300 });
    fc.assert(
      fc.property(clocks, (times) => {
        const source = new VerdictIdSource();
        const ids = times.map((ms) => source.next(ms));
        expect(new Set(ids).size).toBe(ids.length);
        expect([...ids].sort()).toEqual(ids);
      }),
    );
  });

  it('runs ahead by a millisecond when 4096 ids fall into one', () => {
    const source = new VerdictIdSource();
    const ids = Array.from({ length: 10_000 }, () => source.next(1_000));
    expect(new Set(ids).size).toBe(10_000);
    expect([...ids].sort()).toEqual(ids);
    expect(ids.every((id) => UUID_V7.test(id))).toBe(true);
    expect(verdictTime(ids.at(-1) ?? '')).toBe(1_002);
  });

  it('differs between sources at the same time', () => {
    expect(new VerdictIdSource().next(5)).not.toBe(new VerdictIdSource().next(5));
    const fixed = new Uint8Array(8).fill(0xff);
    expect(new VerdictIdSource(fixed).next(5)).toBe('00000000-0005-7000-bfff-ffffffffffff');
  });
});
