import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalDigest, canonicalJson, MAX_CANONICAL_DEPTH, sha256Hex } from '../src/index.ts';

const vectors = new URL('./vectors/jcs/', import.meta.url);

describe('canonicalJson', () => {
  const names = readdirSync(new URL('input/', vectors));

  it('has vectors to check', () => {
    expect(names).toHaveLength(6);
  });

  it.each(names)('reproduces the RFC 8785 vector %s byte by byte', (name) => {
    const input: unknown = JSON.parse(readFileSync(new URL(`input/${name}`, vectors), 'utf8'));
    const output = readFileSync(new URL(`output/${name}`, vectors));
    expect(Buffer.from(canonicalJson(input)).equals(output)).toBe(true);
  });

  it('sorts members by UTF-16 code units, not by code points', () => {
    expect(canonicalJson({ '\u{1f600}': 1, '\ufb33': 2 })).toBe('{"\u{1f600}":1,"\ufb33":2}');
  });

  it('leaves out members that are undefined and writes -0 as 0', () => {
    expect(canonicalJson({ a: undefined, b: -0 })).toBe('{"b":0}');
  });

  it.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate in a name', { '\udc00': 1 }],
    ['a bigint', 1n],
    ['a function', () => 1],
    ['undefined', undefined],
    ['undefined in an array', [undefined]],
    ['a hole in an array', new Array(1)],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });

  it('refuses cycles and over-deep nesting with an error, not a stack overflow', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(() => canonicalJson(cycle)).toThrow(`nested deeper than ${MAX_CANONICAL_DEPTH}`);
  });

  it('is the inverse of JSON.parse and does not depend on the order of members', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(canonicalJson(reversed(value))).toBe(text);
      }),
    );
  });
});

describe('canonicalDigest', () => {
  it('is the SHA-256 of the canonical text', () => {
    expect(canonicalDigest({ b: 1, a: 'é' })).toBe(sha256Hex('{"a":"é","b":1}'));
    expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}
