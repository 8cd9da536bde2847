import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leastWhole } from '../src/least-whole.ts';

const MOST = 2 ** 52;

describe('leastWhole', () => {
  it('finds the least number from any guess, in few questions', () => {
    const number = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: MOST }));
    fc.assert(
      fc.property(number, fc.double(), (least, guess) => {
        let asked = 0;
        const holds = (n: number): boolean => {
          asked += 1;
          return n >= least;
        };
        expect(leastWhole(Math.round(guess) || 0, MOST, holds)).toBe(least);
        expect(asked).toBeLessThan(120);
      }),
      { numRuns: 2000 },
    );
  });

  it('asks twice when the guess is right', () => {
    const asked: number[] = [];
    leastWhole(500, MOST, (n) => asked.push(n) > 0 && n >= 500);
    expect(asked).toEqual([500, 499]);
  });

  it('gives the most when it holds for none', () => {
    expect(leastWhole(3, 1000, () => false)).toBe(1000);
  });
});
