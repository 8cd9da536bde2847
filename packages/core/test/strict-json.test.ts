import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonProblem, MAX_JSON_DEPTH, parseStrictJson } from '../src/index.ts';

function problemOf(text: string): string {
  try {
    parseStrictJson(text);
  } catch (error) {
    if (error instanceof JsonProblem) return error.message;
    throw error;
  }
  return 'accepted';
}

function nativeValue(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
}

describe('parseStrictJson', () => {
  it('gives the value that JSON.parse gives for every text that JSON.stringify makes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(0, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        if (/"(__proto__|constructor)"/.test(text)) return;
        expect(parseStrictJson(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  it('accepts no text that JSON.parse refuses, and refuses none that it accepts but for names and depth', () => {
    const fragment = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        '"',
        ',',
        ':',
        '\\',
        'u',
        '00',
        '1',
        '-',
        '.',
        'e',
        '+',
        '0',
        ' ',
        '\n',
      ],
      ...[
        'true',
        'false',
        'null',
        '"a"',
        '"b":',
        '\u0001',
        '\u2028',
        '\ud800',
        '\\u12',
        '\\n',
        '1e5',
      ],
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        const native = nativeValue(text);
        const problem = problemOf(text);
        if (native === null) expect(problem).not.toBe('accepted');
        else if (problem === 'accepted') expect(parseStrictJson(text)).toEqual(native.value);
        else expect(problem).toContain('repeated member name');
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['{"a":1,"a":2}', 'repeated member name at position 7'],
    ['{"a":1,"\\u0061":2}', 'repeated member name at position 7'],
    ['{"x":{"__proto__":{}}}', 'member named __proto__ at position 6'],
    ['{"\\u005f_proto__":1}', 'member named __proto__ at position 1'],
    ['[{"constructor":{"prototype":{}}}]', 'member named constructor at position 2'],
    ['{"a":}', 'unexpected character at position 5'],
    ['{"a":1', 'unexpected end at position 6'],
    ['', 'unexpected end at position 0'],
    ['  ', 'unexpected end at position 2'],
    ['01', 'unexpected character at position 1'],
    ['"a\u0000"', 'unexpected character at position 2'],
    ['"\\x"', 'unexpected character at position 1'],
    ['\ufeff{}', 'unexpected character at position 0'],
    ['{} {}', 'unexpected character at position 3'],
    ['NaN', 'unexpected character at position 0'],
    ['{a:1}', 'unexpected character at position 1'],
    ['[1,]', 'unexpected character at position 3'],
  ])('refuses %j: %s', (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  it('refuses nesting beyond its bound, and reads up to it', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(problemOf(nested(MAX_JSON_DEPTH))).toBe('accepted');
    expect(problemOf(nested(MAX_JSON_DEPTH + 1))).toContain('nested deeper');
    expect(problemOf('[{"a":'.repeat(100_000))).toContain('nested deeper');
  });

  it('does not let a member name reach the prototype', () => {
    const value = parseStrictJson('{"toString":1,"hasOwnProperty":2,"prototype":3}');
    expect(value).toEqual({ toString: 1, hasOwnProperty: 2, prototype: 3 });
    expect(({} as Record<string, unknown>)['prototype']).toBeUndefined();
  });
});
