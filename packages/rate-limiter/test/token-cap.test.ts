import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findTokenCap } from '../src/index.ts';

describe('findTokenCap', () => {
  it.each<[string, unknown, ReturnType<typeof findTokenCap>]>([
    ['one cap', { max_tokens: 5 }, { largest: 5, bounded: true, choices: 1 }],
    [
      'the largest of two',
      { max_tokens: 1, max_completion_tokens: 30 },
      { largest: 30, bounded: true, choices: 1 },
    ],
    ['a cap of zero', { max_tokens: 0 }, { largest: 0, bounded: true, choices: 1 }],
    ['a fraction', { max_tokens: 0.5, n: 1.5 }, { largest: 1, bounded: true, choices: 2 }],
    ['no cap', { n: 3 }, { largest: 0, bounded: false, choices: 3 }],
    ['text', { max_tokens: '9', n: '2' }, { largest: 9, bounded: false, choices: 2 }],
    ['no number', { max_tokens: 'x', n: '' }, { largest: 0, bounded: false, choices: 1 }],
    [
      'a number beside no number',
      { max_tokens: null, a: { maxOutputTokens: 7 } },
      { largest: 7, bounded: false, choices: 1 },
    ],
    [
      'infinity',
      { max_tokens: Number.POSITIVE_INFINITY },
      { largest: 0, bounded: false, choices: 1 },
    ],
    ['no object', 'max_tokens', { largest: 0, bounded: false, choices: 1 }],
    [
      'too many members to look at',
      { max_tokens: 5, x: Array.from({ length: 30_000 }, () => 0) },
      { largest: 5, bounded: false, choices: 1 },
    ],
  ])('reads %s', (_name, body, cap) => {
    expect(findTokenCap(body)).toEqual(cap);
  });

  it('looks at no more of a body than can be believed', () => {
    let looked = 0;
    const list = new Proxy(new Array(1_000_000).fill(0), {
      get(target, name): unknown {
        looked += 1;
        return Reflect.get(target, name);
      },
      ownKeys(): never {
        throw new Error('listed');
      },
    });
    expect(findTokenCap({ max_tokens: 5, list }).bounded).toBe(false);
    expect(looked).toBeLessThan(100_000);
  });

  it('throws nothing, whatever the body', () => {
    fc.assert(
      fc.property(fc.object({ maxDepth: 5 }), (body) => {
        const { largest, choices } = findTokenCap(body);
        expect(Number.isSafeInteger(largest) && largest >= 0).toBe(true);
        expect(Number.isSafeInteger(choices) && choices >= 1).toBe(true);
      }),
    );
  });
});
