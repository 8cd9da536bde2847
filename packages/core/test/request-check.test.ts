import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  copyRequest,
  type DecisionRequest,
  findRequestProblem,
  MAX_ATTRIBUTE_DEPTH,
  MAX_ATTRIBUTE_VALUES,
  toolCall,
} from '../src/index.ts';

const call = { tenant: 'acme', agent: 'a1', tool: 'git-map', action: 'tree' };

/** A request whose member at `place` is `value`. */
function withMember(place: string, value: unknown): unknown {
  const request = structuredClone(toolCall({ ...call, args: { path: 'docs' } })) as never;
  const names = place.split('.');
  const last = names.pop() ?? '';
  const owner = names.reduce<Record<string, unknown>>((o, name) => o[name] as never, request);
  owner[last] = value;
  return request;
}

function nested(depth: number): unknown {
  return depth === 0 ? 1 : { a: nested(depth - 1) };
}

describe('findRequestProblem', () => {
  it('accepts what toolCall makes', () => {
    expect(findRequestProblem(toolCall(call))).toBeNull();
    const full = toolCall({
      ...call,
      args: { path: 'a', n: [1, null, { x: true }] },
      callId: 'c',
      context: {},
    });
    expect(findRequestProblem(full)).toBeNull();
  });

  it('accepts an empty tenant, which is answered by the tenant stage', () => {
    expect(findRequestProblem(toolCall({ ...call, tenant: '' }))).toBeNull();
  });

  it.each([undefined, null, 0, 'x', [], new Date(0), () => 1])(
    'refuses %s as a request',
    (value) => {
      expect(findRequestProblem(value)).toBe('request: not a plain object');
    },
  );

  it.each([
    ['tenant', 7, 'tenant: not a string'],
    ['tenant', 'x'.repeat(257), 'tenant: longer than 256 characters'],
    ['subject', null, 'subject: not a plain object'],
    ['subject.type', '', 'subject.type: empty'],
    ['subject.id', { toString: () => 'a' }, 'subject.id: not a string'],
    ['subject.properties', [], 'subject.properties: not a plain object'],
    ['action', 'tree', 'action: not a plain object'],
    ['action.name', undefined, 'action.name: not a string'],
    ['action.properties', 'path', 'action.properties: not a plain object'],
    ['action.properties', { n: Number.NaN }, 'action.properties: number that is not finite'],
    ['action.properties', { n: 2 ** 53 }, 'action.properties: integer beyond 2^53 - 1'],
    ['action.properties', { s: '\ud800' }, 'action.properties: string with a lone surrogate'],
    ['action.properties', { f: () => 1 }, 'action.properties: function value'],
    ['action.properties', { d: new Date(0) }, 'action.properties: not a plain object'],
    [
      'action.properties',
      { a: nested(40) },
      `action.properties: nested deeper than ${MAX_ATTRIBUTE_DEPTH}`,
    ],
    [
      'action.properties',
      JSON.parse('{"__proto__":{}}'),
      'action.properties: member named __proto__',
    ],
    ['resource.type', 1, 'resource.type: not a string'],
    ['resource.id', '\udfff', 'resource.id: lone surrogate'],
    ['context', new Map(), 'context: not a plain object'],
    ['callId', '', 'callId: empty'],
    ['callId', 5, 'callId: not a string'],
  ])('names the place when %s is wrong', (place, value, problem) => {
    expect(findRequestProblem(withMember(place, value))).toBe(problem);
  });

  it('bounds the number of values and survives cycles', () => {
    const many = { list: new Array(MAX_ATTRIBUTE_VALUES).fill(0) };
    expect(findRequestProblem(withMember('action.properties', many))).toContain('more than');
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(findRequestProblem(withMember('context', cycle))).toContain('nested deeper');
  });

  it('counts an undefined member as absent', () => {
    expect(findRequestProblem(withMember('action.properties', { path: undefined }))).toBeNull();
  });

  it('accepts JSON of bounded size and never throws on any value', () => {
    fc.assert(
      fc.property(
        fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }),
        (value) => {
          const problem = findRequestProblem(withMember('action.properties', value));
          expect(problem === null || typeof problem === 'string').toBe(true);
        },
      ),
    );
  });
});

describe('copyRequest', () => {
  it('is equal as JSON and shares no object with the original', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (args) => {
        const request = toolCall({ ...call, args, context: args, callId: 'c' });
        if (findRequestProblem(request) !== null) return;
        const copy = copyRequest(request);
        expect(JSON.stringify(copy)).toBe(JSON.stringify(request));
        expect(sharedObjects(request, copy)).toBe(0);
      }),
    );
  });

  it('leaves out what is absent', () => {
    const request = toolCall({ ...call, args: { path: 'a', other: undefined } });
    expect(copyRequest(request)).toEqual({
      ...request,
      action: { name: 'tree', properties: { path: 'a' } },
    });
    expect(Object.keys(copyRequest(request).action.properties ?? {})).toEqual(['path']);
    expect(Object.keys(copyRequest(toolCall(call)))).toEqual([
      'tenant',
      'subject',
      'action',
      'resource',
    ]);
  });
});

function sharedObjects(a: DecisionRequest, b: DecisionRequest): number {
  const objects = new Set(objectsOf(a));
  return objectsOf(b).filter((object) => objects.has(object)).length;
}

function objectsOf(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(objectsOf)];
}
