import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  DecisionEngine,
  type DecisionRequest,
  EVIDENCE_DROPPED,
  findRequestProblem,
  KILL_BITS,
  KILL_SCOPES,
  LIMITER_FULL,
  LIMITER_UNAVAILABLE,
  REASON_CODES,
  STAGES,
  toolCall,
} from '../src/index.ts';
import { TestParts } from './engine-parts.ts';

const request = toolCall({
  tenant: 'acme',
  agent: 'a1',
  tool: 'git-map',
  action: 'tree',
  args: { path: 'docs' },
});
const at = '2026-01-01T00:00:00.000Z';

let parts: TestParts;
let engine: DecisionEngine;

beforeEach(() => {
  parts = new TestParts();
  engine = new DecisionEngine(parts);
});

function answer(...given: unknown[]): [string, string, string] {
  const asked = given.length === 0 ? request : given[0];
  const { effect, code, stage } = engine.decide(asked as DecisionRequest);
  return [effect, code, stage];
}

function boom(): never {
  throw new Error('boom');
}

describe('DecisionEngine, stage by stage', () => {
  it('allows what every stage allows', () => {
    expect(answer()).toEqual(['allow', 'ALLOWED', 'evidence']);
    expect(parts.taken).toBe(1);
  });

  it('stops everything by the global switch, before it looks at the request', () => {
    parts.engagedBits = KILL_BITS.global;
    expect(answer(null)).toEqual(['deny', 'KILLED_GLOBAL', 'kill_switch']);
  });

  it('stops everything while the switch cannot be read', () => {
    parts.engagedBits = KILL_BITS.UNREADABLE;
    expect(answer()).toEqual(['deny', 'KILL_SWITCH_UNREADABLE', 'kill_switch']);
  });

  it.each(KILL_SCOPES.filter((scope) => scope !== 'global'))(
    'stops by scope %s, after the tenant',
    (scope) => {
      parts.engagedBits = KILL_BITS[scope];
      parts.stop = { scope, actor: 'op', reason: 'r', at };
      expect(answer()).toEqual(['deny', `KILLED_${scope.toUpperCase()}`, 'scoped_kill_switch']);
      parts.tenantDenial = 'TENANT_UNKNOWN';
      expect(answer()).toEqual(['deny', 'TENANT_UNKNOWN', 'tenant']);
    },
  );

  it('goes on when another scope is stopped', () => {
    parts.engagedBits = KILL_BITS.tool;
    expect(answer()).toEqual(['allow', 'ALLOWED', 'evidence']);
  });

  it.each([undefined, null, 42, 'tree', [], { ...request, tenant: 5 }, { ...request, action: {} }])(
    'denies the malformed request %j',
    (malformed) => {
      expect(answer(malformed)).toEqual(['deny', 'REQUEST_INVALID', 'request']);
    },
  );

  it('denies unknown resource types, tools and actions', () => {
    expect(answer({ ...request, resource: { type: 'file', id: 'git-map' } })).toEqual([
      'deny',
      'RESOURCE_TYPE_UNKNOWN',
      'grant',
    ]);
    expect(answer({ ...request, resource: { type: 'tool', id: '__proto__' } })).toEqual([
      'deny',
      'TOOL_UNKNOWN',
      'grant',
    ]);
    expect(answer({ ...request, action: { name: 'push' } })).toEqual([
      'deny',
      'ACTION_NOT_ALLOWED',
      'grant',
    ]);
  });

  it('denies subjects and arguments that the grant does not cover, naming the argument', () => {
    parts.problem = { code: 'PATH_OUT_OF_SCOPE', argument: '"path"' };
    const verdict = engine.decide(request);
    expect(verdict).toMatchObject({
      code: 'PATH_OUT_OF_SCOPE',
      stage: 'arguments',
      httpStatus: 403,
    });
    expect(verdict.reason).toBe('path not within fsScope: "path"');
    parts.subjectDenial = 'TENANT_NOT_GRANTED';
    expect(answer()).toEqual(['deny', 'TENANT_NOT_GRANTED', 'grant']);
  });

  it('denies a path that leaves the scope only when links are followed', () => {
    const problem = { code: 'PATH_OUT_OF_SCOPE', argument: '"path"' } as const;
    expect(engine.decide(request, { args: null, problem }).code).toBe('PATH_OUT_OF_SCOPE');
    expect(engine.decide(request, { args: {}, problem: null }).code).toBe('ALLOWED');
  });

  it('escalates an action that needs approval, without charging the limit', () => {
    parts.approval = true;
    expect(answer()).toEqual(['escalate', 'APPROVAL_REQUIRED', 'arguments']);
    expect(parts.taken).toBe(0);
  });

  it('lets a policy backend narrow, with its reason and obligations', () => {
    const obligations = [{ id: 'o1', type: 'notification' }];
    parts.policy = {
      name: 'p',
      evaluate: () => ({ effect: 'deny', reason: 'night', obligations }),
    };
    engine = new DecisionEngine(parts);
    expect(engine.decide(request)).toMatchObject({
      code: 'POLICY_DENIED',
      reason: 'denied by policy: night',
      obligations,
    });
    parts.policy = {
      name: 'p',
      evaluate: () => ({ effect: 'escalate', reason: '', obligations: [] }),
    };
    engine = new DecisionEngine(parts);
    expect(answer()).toEqual(['escalate', 'APPROVAL_REQUIRED', 'policy']);
    parts.policy = { name: 'p', evaluate: () => ({ effect: 'allow', reason: '', obligations }) };
    engine = new DecisionEngine(parts);
    expect(engine.decide(request)).toMatchObject({ code: 'ALLOWED', obligations });
  });

  it('limits last, with the time to retry', () => {
    parts.wait = 1_234.2;
    expect(engine.decide(request)).toMatchObject({
      code: 'RATE_LIMITED',
      httpStatus: 429,
      retryAfterMs: 1_235,
    });
    parts.wait = LIMITER_FULL;
    expect(answer()).toEqual(['deny', 'LIMITER_FULL', 'limits']);
  });

  it('denies what evidence cannot record, before the limit is charged', () => {
    parts.evidenceReady = false;
    expect(answer()).toEqual(['deny', 'EVIDENCE_UNAVAILABLE', 'evidence']);
    expect(parts.taken).toBe(0);
  });

  it('names the policy in a denial that comes before any decision', () => {
    expect(engine.refuse(request, 'TENANT_CONFLICT', 'tenant').policyHash).toBe('hash');
  });

  it('records and counts a denial that an enforcer adds', () => {
    engine.decide(request);
    const verdict = engine.refuse(request, 'OBLIGATION_UNSUPPORTED', 'policy', 'notification');
    expect(verdict).toMatchObject({ effect: 'deny', stage: 'policy', policyHash: 'hash' });
    expect(verdict.reason).toBe('an obligation cannot be met here: notification');
    expect(engine.counters.total).toBe(2);
    expect(parts.recorded[1]?.verdict).toBe(verdict);
  });

  it('finds the stop that covers a running call', () => {
    expect(engine.findStop(request)).toBeNull();
    parts.engagedBits = KILL_BITS.tool;
    expect(engine.findStop(request)).toBeNull();
    parts.stop = { scope: 'tool', tool: 'git-map', actor: 'op', reason: 'r', at };
    expect(engine.findStop(request)).toBe('KILLED_TOOL');
    parts.engagedBits = KILL_BITS.UNREADABLE;
    expect(engine.findStop(request)).toBe('KILL_SWITCH_UNREADABLE');
    parts.killSwitch.engaged = () => {
      throw new Error('boom');
    };
    expect(engine.findStop(request)).toBe('KILL_SWITCH_UNREADABLE');
    expect(parts.faults).toHaveLength(1);
  });

  it('denies everything once closed', () => {
    engine.close();
    expect(answer()).toEqual(['deny', 'GOVERNOR_CLOSED', 'kill_switch']);
  });
});

describe('DecisionEngine, shadow mode', () => {
  it('allows and reports what would have been denied', () => {
    parts.shadow = true;
    parts.wait = 500;
    expect(engine.decide(request)).toMatchObject({
      effect: 'allow',
      code: 'RATE_LIMITED',
      shadowed: true,
      httpStatus: 200,
      retryAfterMs: 500,
    });
    parts.problem = { code: 'ARGUMENT_UNKNOWN', argument: '"x"' };
    expect(engine.decide(request)).toMatchObject({
      effect: 'allow',
      code: 'ARGUMENT_UNKNOWN',
      shadowed: true,
    });
  });

  it('lets no call pass unrecorded, wherever it would have been denied', () => {
    parts.shadow = true;
    parts.evidenceReady = false;
    expect(answer()).toEqual(['deny', 'EVIDENCE_UNAVAILABLE', 'evidence']);
    parts.problem = { code: 'PATH_OUT_OF_SCOPE', argument: '' };
    expect(answer()).toEqual(['deny', 'EVIDENCE_UNAVAILABLE', 'evidence']);
    parts.subjectDenial = 'SUBJECT_NOT_GRANTED';
    expect(answer()).toEqual(['deny', 'EVIDENCE_UNAVAILABLE', 'evidence']);
  });

  it('keeps the obligations of the policy on a call over the limit', () => {
    const obligations = [{ id: 'o', type: 'mask' }];
    parts.shadow = true;
    parts.policy = {
      name: 'p',
      evaluate: () => ({ effect: 'allow', reason: '', obligations }),
    };
    engine = new DecisionEngine(parts);
    parts.wait = 5;
    expect(engine.decide(request)).toMatchObject({ code: 'RATE_LIMITED', obligations });
    parts.wait = LIMITER_FULL;
    expect(engine.decide(request)).toMatchObject({ code: 'LIMITER_FULL', obligations });
  });

  it('never shadows the kill switch, the tenant, evidence or a fault', () => {
    parts.shadow = true;
    parts.evidenceReady = false;
    expect(answer()[0]).toBe('deny');
    parts.evidenceReady = true;
    parts.tenantDenial = 'TENANT_UNKNOWN';
    expect(answer()[0]).toBe('deny');
    parts.engagedBits = KILL_BITS.global;
    expect(answer()[0]).toBe('deny');
  });
});

describe('DecisionEngine, faults', () => {
  it.each([
    ['kill_switch', (p: TestParts) => (p.killSwitch.engaged = boom)],
    ['tenant', (p: TestParts) => (p.tenants.check = boom)],
    ['limits', (p: TestParts) => (p.limiter.take = boom)],
    ['evidence', (p: TestParts) => (p.evidence.ready = boom)],
    ['evidence', (p: TestParts) => (p.evidence.appendDecision = boom)],
    ['policy', (p: TestParts) => (p.policy = { name: 'p', evaluate: boom })],
    [
      'policy',
      (p: TestParts) => (p.policy = { name: 'p', evaluate: () => ({ effect: 'yes' }) as never }),
    ],
    ['policy', (p: TestParts) => (p.policy = { name: 'p', evaluate: () => undefined as never })],
  ] as const)('denies and reports a part that throws in stage %s', (stage, sabotage) => {
    sabotage(parts);
    engine = new DecisionEngine(parts);
    expect(answer()).toEqual(['deny', 'ENGINE_FAULT', stage]);
    expect(parts.faults).toHaveLength(1);
    expect(parts.faults[0]).toMatchObject([stage, expect.any(Error)]);
  });

  it.each([
    ['no obligations', { effect: 'allow', reason: '' }],
    ['null obligations', { effect: 'allow', reason: '', obligations: null }],
    ['an object of obligations', { effect: 'allow', reason: '', obligations: {} }],
    ['a null obligation', { effect: 'allow', reason: '', obligations: [null] }],
    ['an obligation without a type', { effect: 'allow', reason: '', obligations: [{ id: 'o' }] }],
    [
      'too many obligations',
      {
        effect: 'allow',
        reason: '',
        obligations: new Array(65).fill({ id: 'o', type: 't' }),
      },
    ],
    [
      'properties that are no JSON',
      {
        effect: 'allow',
        reason: '',
        obligations: [{ id: 'o', type: 't', properties: { f: boom } }],
      },
    ],
    ['no reason', { effect: 'deny', obligations: [] }],
  ])('denies a policy answer with %s', (_, malformed) => {
    parts.policy = { name: 'p', evaluate: () => malformed as never };
    engine = new DecisionEngine(parts);
    expect(answer()).toEqual(['deny', 'ENGINE_FAULT', 'policy']);
  });

  it('denies while a clock throws', () => {
    expect(answer()[0]).toBe('allow');
    parts.clock.monotonicMs = boom;
    expect(answer()).toEqual(['deny', 'ENGINE_FAULT', 'kill_switch']);
    parts.clock.wallMs = boom;
    engine = new DecisionEngine(parts);
    expect(answer()).toEqual(['deny', 'ENGINE_FAULT', 'kill_switch']);
    expect(engine.refuse(request, 'KILLED_TOOL', 'scoped_kill_switch').code).toBe('KILLED_TOOL');
  });

  it('denies even when the reporter of faults throws', () => {
    parts.limiter.take = boom;
    engine = new DecisionEngine({ ...parts, onFault: boom });
    expect(answer()).toEqual(['deny', 'ENGINE_FAULT', 'limits']);
  });

  it('denies a request whose members throw when they are read, and records a stand-in', () => {
    const hostile = new Proxy({}, { get: boom, getPrototypeOf: () => Object.prototype });
    expect(answer(hostile)).toEqual(['deny', 'ENGINE_FAULT', 'request']);
    expect(parts.recorded[0]?.request.subject.id).toBe('unknown');
  });
});

describe('DecisionEngine, evidence', () => {
  it('records every verdict once, denials and malformed requests included', () => {
    engine.decide(request);
    engine.decide(5 as never);
    parts.engagedBits = KILL_BITS.global;
    engine.decide(request);
    engine.decide(null as never);
    expect(
      parts.recorded.map(({ verdict, request: { tenant } }) => [verdict.code, tenant]),
    ).toEqual([
      ['ALLOWED', 'acme'],
      ['REQUEST_INVALID', ''],
      ['KILLED_GLOBAL', 'acme'],
      ['KILLED_GLOBAL', ''],
    ]);
    expect(engine.lastTicket).toBe(3);
  });

  it('denies an allow whose record was dropped, where evidence is required', () => {
    parts.dropRecords = true;
    expect(answer()).toEqual(['deny', 'EVIDENCE_UNAVAILABLE', 'evidence']);
    parts.evidenceRequired = false;
    expect(answer()).toEqual(['allow', 'ALLOWED', 'evidence']);
    expect(engine.lastTicket).toBe(EVIDENCE_DROPPED);
  });

  it('cuts a detail so that a record has room for it', () => {
    const detail = `${'x'.repeat(511)}\u{1f600}${'y'.repeat(100_000)}`;
    const { reason } = engine.refuse(request, 'OBLIGATION_UNSUPPORTED', 'policy', detail);
    expect(reason.length).toBeLessThan(600);
    expect(reason.isWellFormed()).toBe(true);
  });

  it('tells the limiter the id of the verdict to come', () => {
    const verdict = engine.decide(request);
    expect(parts.takenIds).toEqual([verdict.id]);
    parts.wait = 5;
    const limited = engine.decide(request);
    expect(limited).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 5 });
    expect(new Set([verdict.id, limited.id, engine.decide(request).id]).size).toBe(3);
  });

  it('gives the limit back when the call could not be recorded', () => {
    parts.dropRecords = true;
    expect(engine.decide(request).code).toBe('EVIDENCE_UNAVAILABLE');
    expect(parts.takenIds).toHaveLength(1);
    expect(parts.cancelledIds).toEqual(parts.takenIds);
    parts.evidence.appendDecision = boom;
    expect(engine.decide(request).code).toBe('ENGINE_FAULT');
    expect(parts.cancelledIds).toEqual(parts.takenIds);
    parts.limiter.cancel = boom;
    expect(engine.decide(request).code).toBe('ENGINE_FAULT');
  });

  it('says how a call was counted when the shared store did not count it', () => {
    parts.limiter.notice = 'limit store unavailable: local share';
    expect(engine.decide(request)).toMatchObject({
      code: 'ALLOWED',
      reason: 'allowed: limit store unavailable: local share',
    });
    parts.wait = LIMITER_UNAVAILABLE;
    expect(engine.decide(request)).toMatchObject({
      effect: 'deny',
      code: 'LIMITER_UNAVAILABLE',
      stage: 'limits',
      httpStatus: 503,
    });
  });

  it('has no ticket for a decision that could not be recorded', () => {
    parts.evidence.appendDecision = () => EVIDENCE_DROPPED;
    engine.decide(request);
    expect(engine.lastTicket).toBe(EVIDENCE_DROPPED);
  });

  it('follows the wall clock within a second of monotonic time', () => {
    const first = engine.decide(request).id;
    parts.epochMs += 3_600_000;
    parts.nowMs += 1_000;
    const second = engine.decide(request).id;
    expect(
      Number.parseInt(second.slice(0, 8), 16) - Number.parseInt(first.slice(0, 8), 16),
    ).toBeGreaterThan(50);
  });
});

describe('DecisionEngine, invariants', () => {
  it('answers any value with a verdict of one shape, from the table, and counts it', () => {
    const shape = Object.keys(engine.decide(request)).join();
    const valid = fc.record({
      tenant: fc.string(),
      subject: fc.record({ type: fc.string(), id: fc.string() }),
      action: fc.record({ name: fc.constantFrom('tree', 'push', ''), properties: fc.object() }),
      resource: fc.record({
        type: fc.constantFrom('tool', 'x'),
        id: fc.constantFrom('git-map', 'y'),
      }),
    });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), valid), (value) => {
        const before = engine.counters.total;
        const verdict = engine.decide(value as DecisionRequest);
        expect(Object.keys(verdict).join()).toBe(shape);
        expect(verdict.effect).toBe(REASON_CODES[verdict.code].effect);
        expect(STAGES).toContain(verdict.stage);
        expect(engine.counters.total).toBe(before + 1);
      }),
    );
    const counted = [...engine.counters.counts()].reduce((sum, { count }) => sum + count, 0);
    expect(counted).toBe(engine.counters.total);
    expect(parts.recorded).toHaveLength(engine.counters.total);
  });

  it('refuses as malformed exactly what findRequestProblem finds a problem in, and says which', () => {
    const nasty = fc.oneof(
      fc.anything(),
      fc.constantFrom('', 'x'.repeat(256), 'x'.repeat(257), '\ud800', '__proto__', new Date(0), []),
      fc.object({ withNullPrototype: true, withDate: true, withBigInt: true, withMap: true }),
      fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: false }),
    );
    const places = ['tenant', 'subject', 'action', 'resource', 'context', 'callId'] as const;
    const inner = ['type', 'id', 'name', 'properties'] as const;
    const place = fc.tuple(
      fc.constantFrom(...places),
      fc.option(fc.constantFrom(...inner), { nil: null }),
    );
    fc.assert(
      fc.property(place, nasty, ([outer, member], value) => {
        const whole = request[outer as keyof DecisionRequest] as object | undefined;
        const changed = member === null ? value : { ...whole, [member]: value };
        const asked = { ...request, [outer]: changed } as DecisionRequest;
        const problem = findRequestProblem(asked);
        const { code, reason } = new DecisionEngine(new TestParts()).decide(asked);
        expect(code === 'REQUEST_INVALID').toBe(problem !== null);
        if (problem !== null) expect(reason).toBe(`the request is not well formed: ${problem}`);
      }),
      { numRuns: 2000 },
    );
  });

  it('charges the limit only for what it allows', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), fc.boolean(), (problem, approval, ready) => {
        parts.problem = problem ? { code: 'PATH_INVALID', argument: '' } : null;
        parts.approval = approval;
        parts.evidenceReady = ready;
        const before = parts.taken;
        const { effect } = engine.decide(request);
        expect(parts.taken - before).toBe(effect === 'allow' ? 1 : 0);
      }),
    );
  });

  it('counts by effect, code, stage and shadow', () => {
    engine.decide(request);
    parts.shadow = true;
    parts.wait = 5;
    engine.decide(request);
    expect([...engine.counters.counts()]).toEqual([
      { result: 'allow', stage: 'evidence', code: 'ALLOWED', shadowed: false, count: 1 },
      { result: 'allow', stage: 'limits', code: 'RATE_LIMITED', shadowed: true, count: 1 },
    ]);
    expect(engine.counters.allowed).toBe(2);
  });
});
