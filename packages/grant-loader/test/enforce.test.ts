import { GovernanceError } from '@cortex-governance/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { enforce, type Grant, resetEnforceLimits } from '../src/index.ts';
import { GIT_GRANT, grantOf } from './grant-files.ts';

const MINUTE_MS = 60_000;
let now = 0;

beforeEach(() => {
  now = 1_000_000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  resetEnforceLimits();
});
afterEach(() => {
  vi.restoreAllMocks();
});

function frozen(members: Record<string, unknown>): Grant {
  const freeze = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    Object.values(value).forEach(freeze);
    return Object.freeze(value);
  };
  return freeze(grantOf(members)) as Grant;
}

const GIT = frozen(GIT_GRANT);

function codeOf(grant: Grant, action: string, args?: unknown): string {
  try {
    return String(enforce(grant, action, args));
  } catch (error) {
    if (!GovernanceError.isInstance(error)) throw error;
    return error.code;
  }
}

describe('enforce', () => {
  it('returns true for what the grant allows', () => {
    expect(enforce(GIT, 'tree', { repo: 'r', path: 'packages/core' })).toBe(true);
    expect(enforce(GIT, 'snippet', {})).toBe(true);
    expect(enforce(GIT, 'search')).toBe(true);
    expect(enforce(GIT, 'tree', { path: `${process.cwd()}/docs/x` })).toBe(true);
  });

  it('throws at once, with the messages that its callers rely on', () => {
    expect(() => enforce(GIT, 'push', {})).toThrowError(/^action not allowed$/);
    expect(() => enforce(GIT, 'tree', { path: '../x' })).toThrowError(/^path not within fsScope$/);
    for (let i = 0; i < 30; i += 1) enforce(GIT, 'tree', {});
    expect(() => enforce(GIT, 'tree', {})).toThrowError(/^rate limit exceeded$/);
  });

  it.each([
    ['ACTION_NOT_ALLOWED', 'constructor', {}],
    ['ACTION_NOT_ALLOWED', '', {}],
    ['ACTION_NOT_ALLOWED', 'Tree', {}],
    ['PATH_OUT_OF_SCOPE', 'tree', { path: '/etc/passwd' }],
    ['PATH_INVALID', 'tree', { path: 'docs/\u0000' }],
    ['ARGUMENT_UNKNOWN', 'tree', { targetPath: 'docs' }],
    ['ARGUMENT_INVALID', 'tree', { repo: 1 }],
    ['ARGUMENT_INVALID', 'tree', null],
    ['ARGUMENT_INVALID', 'tree', 'docs'],
    ['ARGUMENT_INVALID', 'tree', []],
    ['ARGUMENT_INVALID', 'tree', new Map()],
  ])('throws %s for %s %j', (code, action, args) => {
    expect(codeOf(GIT, action, args)).toBe(code);
  });

  it('takes an action that is no string for one that is not there', () => {
    for (const action of [undefined, null, 1, ['tree'], { toString: () => 'tree' }]) {
      expect(codeOf(GIT, action as never)).toBe('ACTION_NOT_ALLOWED');
    }
  });

  it('names the argument in the details, and not in the message', () => {
    const error = (() => {
      try {
        return enforce(GIT, 'tree', { path: '../x' });
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toMatchObject({
      details: { argument: '"path"' },
      httpStatus: 403,
      retryable: false,
    });
  });

  it('denies what it cannot know: a tenant, a subject, an approval', () => {
    expect(codeOf(frozen({ tenants: ['a'] }), 'go')).toBe('TENANT_NOT_GRANTED');
    expect(codeOf(frozen({ subjects: ['a'] }), 'go')).toBe('SUBJECT_NOT_GRANTED');
    expect(codeOf(frozen({ actionRules: { go: { approval: true } } }), 'go')).toBe(
      'APPROVAL_REQUIRED',
    );
  });

  it('lets everything pass in shadow mode, and warns once of each tool and code', () => {
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const shadow = frozen({ mode: 'shadow', rate: { perMinute: 1 } });
    for (let i = 0; i < 3; i += 1) expect(enforce(shadow, 'go', { path: '/etc' })).toBe(true);
    for (let i = 0; i < 3; i += 1) expect(enforce(shadow, 'other')).toBe(true);
    for (let i = 0; i < 3; i += 1) expect(enforce(shadow, 'go')).toBe(true);
    const codes = emit.mock.calls.map(([, options]) => options);
    expect(codes).toEqual(
      ['PATH_OUT_OF_SCOPE', 'ACTION_NOT_ALLOWED', 'RATE_LIMITED'].map((code) => ({
        type: 'GovernanceWarning',
        code,
      })),
    );
    expect(emit.mock.calls[1]?.[0]).toBe(
      'the grant is in shadow mode; "other" of the tool "t" would have been refused: ACTION_NOT_ALLOWED',
    );
    enforce(frozen({ tool: 'u', mode: 'shadow' }), 'go', { path: '/etc' });
    expect(emit).toHaveBeenCalledTimes(4);
  });

  it('warns of nothing that is allowed, nor of what it refuses', () => {
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    enforce(frozen({ mode: 'shadow' }), 'go');
    expect(codeOf(frozen({}), 'other')).toBe('ACTION_NOT_ALLOWED');
    expect(emit).not.toHaveBeenCalled();
  });

  it('names what is no string, or long, safely in a warning', () => {
    const emit = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    for (const action of [{ toString: () => '\u001b[31m' }, 'x'.repeat(10_000)]) {
      resetEnforceLimits();
      expect(enforce(frozen({ mode: 'shadow' }), action as never)).toBe(true);
    }
    for (const [message] of emit.mock.calls)
      expect(String(message)).toMatch(/^[\x20-\x7e]{1,200}$/);
  });

  it('throws GRANT_INVALID for what is not a grant', () => {
    for (const grant of [
      undefined,
      null,
      {},
      'git',
      { ...GIT_GRANT, extra: 1 },
      Promise.resolve(GIT),
    ]) {
      expect(codeOf(grant as never, 'tree')).toBe('GRANT_INVALID');
    }
  });

  it('judges a grant as it is now when it was not frozen', () => {
    const grant = grantOf({ fsScope: ['docs'] });
    expect(codeOf(grant, 'go', { path: 'docs/x' })).toBe('true');
    grant.fsScope = [];
    expect(codeOf(grant, 'go', { path: 'docs/x' })).toBe('PATH_OUT_OF_SCOPE');
    grant.actions.push('more');
    expect(codeOf(grant, 'more')).toBe('true');
  });
});

describe('a frozen grant', () => {
  it('gets the defaults that it leaves out', () => {
    const rate = Object.freeze({ perMinute: 9 });
    const bare = Object.freeze({ tool: 'bare', actions: Object.freeze(['go']), rate });
    expect(enforce(bare as unknown as Grant, 'go')).toBe(true);
    expect(codeOf(bare as unknown as Grant, 'stay')).toBe('ACTION_NOT_ALLOWED');
  });

  it('is read again while a getter can change it', () => {
    let actions = ['go'];
    const rate = Object.freeze({ perMinute: 9 });
    const moody = Object.freeze({
      tool: 'moody',
      get actions() {
        return actions;
      },
      rate,
    }) as unknown as Grant;
    expect(enforce(moody, 'go')).toBe(true);
    actions = ['other'];
    expect(codeOf(moody, 'go')).toBe('ACTION_NOT_ALLOWED');
  });
});

describe('the limit of enforce', () => {
  it('slides, and frees each call a minute after it', () => {
    const grant = frozen({ rate: { perMinute: 2 } });
    enforce(grant, 'go');
    now += 30_000;
    enforce(grant, 'go');
    expect(codeOf(grant, 'go')).toBe('RATE_LIMITED');
    now += 29_999;
    expect(codeOf(grant, 'go')).toBe('RATE_LIMITED');
    now += 1;
    expect(codeOf(grant, 'go')).toBe('true');
    expect(codeOf(grant, 'go')).toBe('RATE_LIMITED');
  });

  it('counts each tool and action apart, and denied calls not at all', () => {
    const grant = frozen({ actions: ['go', 'stop'], rate: { perMinute: 1 } });
    const other = frozen({ tool: 'other', rate: { perMinute: 1 } });
    for (let i = 0; i < 5; i += 1) {
      expect(codeOf(grant, 'go', { path: '/etc' })).toBe('PATH_OUT_OF_SCOPE');
    }
    expect(codeOf(grant, 'go')).toBe('true');
    expect(codeOf(grant, 'stop')).toBe('true');
    expect(codeOf(other, 'go')).toBe('true');
    for (const [each, action] of [
      [grant, 'go'],
      [grant, 'stop'],
      [other, 'go'],
    ] as const) {
      expect(codeOf(each, action)).toBe('RATE_LIMITED');
    }
  });

  it.each([
    ['calls with a burst', { perMinute: 9, burst: 2 }],
    ['tokens', { perMinute: 9, tokens: { perDay: 9, perCall: 1 } }],
    ['cost', { perMinute: 9, cost: { perDay: 9, perCall: 1 } }],
    ['calls that run', { perMinute: 9, concurrency: { limit: 1 } }],
    ['calls in other ways', { perMinute: 9, limits: [{ by: ['tenant'], perDay: 9 }] }],
    ['more than 1000000 calls', { perMinute: 1_000_001 }],
  ])('refuses a grant that limits %s, which it does not count', (what, rate) => {
    expect(() => enforce(frozen({ rate }), 'go')).toThrow(what);
    expect(codeOf(frozen({ rate }), 'go')).toBe('GRANT_INVALID');
  });

  it('keeps the longer windows too, and charges all or none', () => {
    const grant = frozen({ rate: { perMinute: 2, perHour: 3 } });
    for (let i = 0; i < 3; i += 1) {
      expect(codeOf(grant, 'go')).toBe('true');
      now += MINUTE_MS;
    }
    expect(codeOf(grant, 'go')).toBe('RATE_LIMITED');
    now += 57 * MINUTE_MS;
    expect(codeOf(grant, 'go')).toBe('true');
  });

  it('carries the calls over to a grant with another rate', () => {
    expect(codeOf(frozen({ rate: { perMinute: 1 } }), 'go')).toBe('true');
    expect(codeOf(frozen({ rate: { perMinute: 2 } }), 'go')).toBe('true');
    expect(codeOf(frozen({ rate: { perMinute: 2 } }), 'go')).toBe('RATE_LIMITED');
    expect(codeOf(frozen({ rate: { perMinute: 1 } }), 'go')).toBe('RATE_LIMITED');
    expect(codeOf(frozen({ rate: { perMinute: 3 } }), 'go')).toBe('true');
    expect(codeOf(frozen({ rate: { perMinute: 3 } }), 'go')).toBe('RATE_LIMITED');
    for (let i = 0; i < 97; i += 1) {
      expect(codeOf(frozen({ rate: { perMinute: 100 } }), 'go')).toBe('true');
    }
    expect(codeOf(frozen({ rate: { perMinute: 100 } }), 'go')).toBe('RATE_LIMITED');
  });

  it('remembers the calls of an hour while grants with and without that limit take turns', () => {
    const hourly = frozen({ rate: { perMinute: 100, perHour: 10 } });
    const minutely = frozen({ rate: { perMinute: 100 } });
    const codes: string[] = [];
    for (let i = 0; i < 25; i += 1) {
      expect(codeOf(minutely, 'go')).toBe('true');
      codes.push(codeOf(hourly, 'go'));
    }
    // Calls under either grant are calls of the action.
    expect(codes.filter((code) => code === 'true')).toHaveLength(5);
    expect(codes.at(-1)).toBe('RATE_LIMITED');
    now += 60 * MINUTE_MS;
    expect(codeOf(hourly, 'go')).toBe('true');
  });

  it('does not grow when the clock goes back', () => {
    const grant = frozen({ rate: { perMinute: 1 } });
    enforce(grant, 'go');
    now -= 10 * MINUTE_MS;
    expect(codeOf(grant, 'go')).toBe('RATE_LIMITED');
    now += 11 * MINUTE_MS;
    expect(codeOf(grant, 'go')).toBe('true');
  });

  it('is forgotten by resetEnforceLimits', () => {
    const grant = frozen({ rate: { perMinute: 1 } });
    enforce(grant, 'go');
    resetEnforceLimits();
    expect(codeOf(grant, 'go')).toBe('true');
  });

  it('has room for a bounded number of tools and actions', () => {
    const actions = Array.from({ length: 1000 }, (_, i) => `a${i}`);
    for (let tool = 0; tool < 10; tool += 1) {
      const grant = frozen({ tool: `tool${tool}`, actions });
      for (const action of actions) expect(codeOf(grant, action)).toBe('true');
    }
    expect(codeOf(frozen({ tool: 'one more' }), 'go')).toBe('LIMITER_FULL');
    expect(codeOf(frozen({ tool: 'tool0', actions }), 'a0')).toBe('true');
  });

  it('never admits more than the limit in any minute, and denies no call without need', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 30_000 }), { minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), steps, (perMinute, gaps) => {
        resetEnforceLimits();
        const grant = frozen({ rate: { perMinute } });
        const admitted: number[] = [];
        for (const gap of gaps) {
          now += gap;
          const recent = admitted.filter((time) => now - time < MINUTE_MS).length;
          expect(codeOf(grant, 'go')).toBe(recent < perMinute ? 'true' : 'RATE_LIMITED');
          if (recent < perMinute) admitted.push(now);
        }
      }),
    );
  });
});
