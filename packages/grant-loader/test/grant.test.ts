import { describe, expect, it } from 'vitest';
import { Grant } from '../src/index.ts';
import { GIT_GRANT, grantOf } from './grant-files.ts';

const BASE = { tool: 't', actions: ['go'], rate: { perMinute: 1 } };

function problemsOf(members: Record<string, unknown>): string[] {
  const result = Grant.safeParse({ ...BASE, ...members });
  return result.success
    ? []
    : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

describe('Grant', () => {
  it('accepts the public example unchanged, and fills in the defaults', () => {
    expect(Grant.parse(GIT_GRANT)).toEqual({
      ...GIT_GRANT,
      actionRules: {},
      risk: 'medium',
      mode: 'enforce',
    });
  });

  it('needs a tool, actions and a rate, and nothing else', () => {
    expect(grantOf()).toEqual({
      ...BASE,
      rate: { perMinute: 60 },
      args: {},
      actionRules: {},
      dataClass: 'internal',
      fsScope: [],
      risk: 'medium',
      mode: 'enforce',
    });
    for (const member of Object.keys(BASE)) {
      expect(problemsOf({ [member]: undefined }), member).not.toEqual([]);
    }
  });

  it('accepts every member of the format', () => {
    const full = {
      description: 'd',
      args: {
        a: { type: 'string', format: 'text', enum: ['x'], maxLength: 3, required: true },
        b: { type: 'array', items: { type: 'integer', minimum: 1, maximum: 2 } },
      },
      actionRules: { go: { effect: 'read', approval: true, args: {}, rate: { perMinute: 2 } } },
      rate: { perMinute: 1, perHour: 2, perDay: 3 },
      egress: { hosts: ['api.example.com', '*.example.com', 'localhost:8080', '[::1]'] },
      tenants: ['a'],
      subjects: [],
      risk: 'high',
      mode: 'shadow',
      fsScope: ['.', 'docs/', './src/**/*.ts', 'a b'],
    };
    expect(Grant.parse({ ...BASE, ...full })).toMatchObject(full);
  });

  it.each([
    { extra: 1 },
    { rate: { perMinute: 1, perWeek: 2 } },
    { args: { a: { type: 'string', pattern: '.' } } },
    { actionRules: { go: { level: 1 } } },
    { egress: { hosts: [], ports: [] } },
  ])('refuses unknown members: %j', (members) => {
    expect(problemsOf(members)).toEqual([expect.stringContaining('Unrecognized key')]);
  });

  it.each([
    { tool: '' },
    { tool: ' t' },
    { tool: 'a\u0000b' },
    { tool: 'x'.repeat(257) },
    { actions: [] },
    { actions: ['go', 'go'] },
    { actions: ['go', ''] },
    { actions: 'go' },
    { rate: {} },
    { rate: { perHour: 1 } },
    { rate: { perMinute: 0 } },
    { rate: { perMinute: 1.5 } },
    { rate: { perMinute: 1_000_000_001 } },
    { rate: { perMinute: '1' } },
    { dataClass: 'secret' },
    { risk: 'none' },
    { mode: 'off' },
    { tenants: ['a', 'a'] },
    { actionRules: { other: {} } },
    { actionRules: { go: { effect: 'delete' } } },
    { actionRules: { go: { rate: { perDay: 1 } } } },
    { args: { '': { type: 'string' } } },
    { args: { a: 'string' } },
    { args: { a: { type: 'date' } } },
    { args: { a: { type: 'integer', format: 'path' } } },
    { args: { a: { type: 'number', maxLength: 1 } } },
    { args: { a: { type: 'string', minimum: 1 } } },
    { args: { a: { type: 'string', items: { type: 'string' } } } },
    { args: { a: { type: 'array', items: { type: 'string', required: true } } } },
    { args: { a: { type: 'number', minimum: 2, maximum: 1 } } },
    { args: { a: { type: 'integer', enum: [1.5] } } },
    { args: { a: { type: 'string', enum: [] } } },
  ])('refuses %j', (members) => {
    expect(problemsOf(members)).not.toEqual([]);
  });

  it.each([
    '',
    '/etc',
    '../x',
    'a/../b',
    'a\\b',
    'C:/x',
    'c:x',
    '~',
    '~/x',
    '!docs',
    'a\u0000b',
    'a\nb',
    '{..,a}/x',
    '.{.,x}/etc',
    'docs./x',
    'docs /x',
    'file:///etc',
    'docs/%2e%2e/x',
    'docs\uff0fx',
  ])('refuses the scope entry %j', (entry) => {
    expect(problemsOf({ fsScope: [entry] })).toEqual([expect.stringContaining('fsScope.0')]);
  });

  it.each([
    '',
    'https://api.example.com',
    'api.example.com/path',
    'api.example.com.',
    'user@example.com',
    'a b',
    '*',
    '*.com',
    'api.*.com',
    '**.example.com',
    '*.1.2.3.4',
    'a:99999',
    '::1',
    'x'.repeat(300),
  ])('refuses the host %j', (host) => {
    expect(problemsOf({ egress: { hosts: [host] } })).toEqual([
      expect.stringContaining('egress.hosts.0'),
    ]);
  });

  it('keeps names in maps that inherit nothing', () => {
    const grant = grantOf({
      args: { constructor: { type: 'string' } },
      actions: ['constructor', 'toString'],
      actionRules: { constructor: { effect: 'read' } },
    });
    expect(Object.keys(grant.args)).toEqual(['constructor']);
    for (const map of [grant.args, grant.actionRules, grantOf().args, grantOf().actionRules]) {
      expect(Object.getPrototypeOf(map)).toBeNull();
      expect('toString' in map).toBe(false);
    }
  });
});
