import { describe, expect, it } from 'vitest';
import {
  createVerdict,
  GovernanceError,
  isReasonCode,
  REASON_CODES,
  type ReasonCode,
} from '../src/index.ts';

const codes = Object.entries(REASON_CODES);

describe('REASON_CODES', () => {
  it('is frozen, in upper case, and has this many codes', () => {
    expect(Object.isFrozen(REASON_CODES)).toBe(true);
    expect(codes.every(([code]) => /^[A-Z]+(_[A-Z]+)*$/.test(code))).toBe(true);
    // A pin: a new code is a change of the public contract.
    expect(codes).toHaveLength(59);
  });

  it('keeps the messages that existing callers of enforce rely on', () => {
    expect(new GovernanceError('ACTION_NOT_ALLOWED').message).toBe('action not allowed');
    expect(new GovernanceError('PATH_OUT_OF_SCOPE').message).toBe('path not within fsScope');
    expect(new GovernanceError('RATE_LIMITED').message).toBe('rate limit exceeded');
  });

  it('gives no denial or escalation the status of a success, and every verdict message no hole', () => {
    for (const [code, { effect, httpStatus, message }] of codes) {
      if (effect === 'allow') expect(httpStatus, code).toBe(200);
      else expect(httpStatus, code).toBeGreaterThanOrEqual(400);
      if (effect !== null) expect(message, code).not.toContain('{');
    }
  });

  it('tells codes from other strings', () => {
    expect(isReasonCode('ALLOWED')).toBe(true);
    for (const other of ['allowed', 'toString', '__proto__', '', 5, null]) {
      expect(isReasonCode(other)).toBe(false);
    }
  });
});

describe('createVerdict', () => {
  it('gives every verdict the same members in the same order', () => {
    const shapes = [
      createVerdict('i', 'ALLOWED', 'evidence', 'h'),
      createVerdict('i', 'RATE_LIMITED', 'limits', 'h', '', 12),
      createVerdict('i', 'ARGUMENT_UNKNOWN', 'arguments', 'h', '"x"', 0, [], true),
    ].map((verdict) => Object.keys(verdict).join());
    expect(new Set(shapes).size).toBe(1);
  });

  it('turns a shadowed denial into an allow that says why', () => {
    const verdict = createVerdict(
      'i',
      'PATH_OUT_OF_SCOPE',
      'arguments',
      'h',
      '"path"',
      0,
      [],
      true,
    );
    expect(verdict).toMatchObject({
      effect: 'allow',
      httpStatus: 200,
      shadowed: true,
      code: 'PATH_OUT_OF_SCOPE',
    });
    expect(verdict.reason).toBe('path not within fsScope: "path"');
  });
});

describe('GovernanceError', () => {
  it('carries code, status, details, cause and verdict', () => {
    const cause = new Error('disk');
    const error = new GovernanceError(
      'GRANT_INVALID',
      { file: 'git.json', place: '3:5', problem: 'bad' },
      { cause },
    );
    expect(error.message).toBe('git.json: 3:5: bad');
    expect(error).toMatchObject({
      name: 'GovernanceError',
      code: 'GRANT_INVALID',
      httpStatus: 500,
      verdict: null,
    });
    expect(error.cause).toBe(cause);
    expect(error).toBeInstanceOf(Error);
  });

  it('is recognised across copies of the package, and nothing else is', () => {
    const foreign = Object.assign(new Error('x'), {
      [Symbol.for('cortex-governance.error')]: true,
    });
    expect(foreign).toBeInstanceOf(GovernanceError);
    for (const other of [new Error('x'), null, undefined, 'GovernanceError', { code: 'ALLOWED' }]) {
      expect(GovernanceError.isInstance(other)).toBe(false);
    }
  });

  it('does not fill holes from the prototype or from another hole', () => {
    const error = new GovernanceError('METHOD_NOT_ALLOWED', { method: '{constructor}' });
    expect(error.message).toBe('method "{constructor}" is not governed and is refused');
    const code: ReasonCode = 'GRANT_NOT_FOUND';
    expect(new GovernanceError(code).message).toBe('no grant file {file}');
  });
});
