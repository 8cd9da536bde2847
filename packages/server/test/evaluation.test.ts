import { describe, expect, it, vi } from 'vitest';
import { EVALUATION_PATH, METADATA_PATH } from '../src/index.ts';
import { GIT_MAP, post, question, startServer } from './workspace.ts';

describe('POST /access/v1/evaluation', () => {
  it('answers an allow and a denial with 200 and the whole context', async () => {
    const { url, governor } = await startServer();
    const allowed = await post(url + EVALUATION_PATH, question('search', { path: 'docs/a.md' }));
    expect(allowed.status).toBe(200);
    expect(allowed.headers.get('content-type')).toMatch(/^application\/json/);
    expect(allowed.body).toEqual({
      decision: true,
      context: {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        effect: 'allow',
        code: 'ALLOWED',
        reason: 'allowed',
        stage: 'evidence',
        httpStatus: 200,
        retryAfterMs: 0,
        policyHash: governor.grants.current().policyHash,
        obligations: [],
        shadowed: false,
      },
    });
    const denied = await post(url + EVALUATION_PATH, question('search', { path: 'secret/a.md' }));
    expect(denied.status).toBe(200);
    expect(denied.body).toMatchObject({
      decision: false,
      context: { effect: 'deny', code: 'PATH_OUT_OF_SCOPE', httpStatus: 403, stage: 'arguments' },
    });
  });

  it('does not require context, takes context and callId, and ignores unknown members', async () => {
    const { url } = await startServer({
      grants: [{ ...GIT_MAP, rate: { perMinute: 1 } }],
    });
    const body = {
      ...question(),
      context: { time: 'now' },
      callId: 'call-1',
      unknown: { deep: [1] },
      evaluations: 'ignored here',
      subject: { type: 'agent', id: 'bot', extra: true },
    };
    for (let i = 0; i < 3; i += 1) {
      expect((await post(url + EVALUATION_PATH, body)).body.decision).toBe(true);
    }
    const other = await post(url + EVALUATION_PATH, { ...body, callId: 'call-2' });
    expect(other.body.context.code).toBe('RATE_LIMITED');
    expect(other.status).toBe(200);
    const wait = Number(other.headers.get('retry-after'));
    expect(wait).toBe(Math.ceil(other.body.context.retryAfterMs / 1000));
    expect(wait).toBeGreaterThan(0);
  });

  it.each([
    ['subject', { ...question(), subject: undefined }, 'subject'],
    ['subject null', { ...question(), subject: null }, 'subject'],
    ['subject.id', { ...question(), subject: { type: 'agent' } }, 'subject.id'],
    ['subject.type number', { ...question(), subject: { type: 1, id: 'x' } }, 'subject.type'],
    ['action', { ...question(), action: 'search' }, 'action'],
    ['action.name empty', { ...question(), action: { name: '' } }, 'action.name'],
    ['properties', { ...question(), action: { name: 'search', properties: [] } }, 'properties'],
    ['context', { ...question(), context: 'now' }, 'context'],
    ['callId', { ...question(), callId: 7 }, 'callId'],
    ['resource', { ...question(), resource: [] }, 'resource'],
    [
      'id of 257',
      { ...question(), resource: { type: 'tool', id: 'x'.repeat(257) } },
      'resource.id',
    ],
  ])('answers a wrong %s with 400 and a recorded denial', async (_name, body, place) => {
    const { url, governor } = await startServer();
    const answer = await post(url + EVALUATION_PATH, body);
    expect(answer.status).toBe(400);
    expect(answer.body.decision).toBe(false);
    expect(answer.body.context.code).toBe('REQUEST_INVALID');
    expect(answer.body.context.reason).toContain(place);
    expect(governor.counters.total).toBe(1);
  });

  it('echoes a printable X-Request-ID, and makes one otherwise', async () => {
    const { url } = await startServer();
    const sent = 'req 42/äö'.replace('äö', '~!');
    const known = await post(url + EVALUATION_PATH, question(), { 'x-request-id': sent });
    expect(known.headers.get('x-request-id')).toBe(sent);
    const refused = await post(url + EVALUATION_PATH, '{', { 'x-request-id': sent });
    expect(refused.headers.get('x-request-id')).toBe(sent);
    for (const bad of ['x'.repeat(257), 'a\tb', '\u00e9']) {
      const answer = await post(url + EVALUATION_PATH, question(), { 'x-request-id': bad });
      expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('gives the same answer to the same question again and again', async () => {
    const { url } = await startServer();
    const answers = [];
    for (let i = 0; i < 3; i += 1) {
      const { body } = await post(url + EVALUATION_PATH, question('unknown-action'));
      answers.push({ ...body, context: { ...body.context, id: '' } });
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it('answers everything with KILLED_GLOBAL and 503 while an operator has stopped everything', async () => {
    const { url, governor } = await startServer({ config: 'tenancy: { tenants: [acme] }' });
    const order = { scope: 'global', actor: 'op', reason: 'drill' } as const;
    await governor.killSwitch.engage(order);
    for (const body of [question(), {}, '[', '[]', '{"a":1,"a":2}']) {
      const answer = await post(url + EVALUATION_PATH, body);
      expect(answer.status).toBe(503);
      expect(answer.body).toMatchObject({ decision: false, context: { code: 'KILLED_GLOBAL' } });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    await governor.killSwitch.release(order);
    expect((await post(url + EVALUATION_PATH, question())).body.context.code).toBe(
      'TENANT_MISSING',
    );
  });

  it('answers a scoped stop with 503 as well', async () => {
    const { url, governor } = await startServer();
    await governor.killSwitch.engage({
      ...{ scope: 'tool', tool: 'git-map', actor: 'op', reason: 'drill' },
    } as never);
    const answer = await post(url + EVALUATION_PATH, question());
    expect([answer.status, answer.body.context.code]).toEqual([503, 'KILLED_TOOL']);
  });

  it('answers 503 when evidence cannot be written, and 500 when the engine fails; both are denials', async () => {
    const { url, governor } = await startServer();
    const ready = vi.spyOn(governor.evidence, 'ready').mockReturnValue(false);
    const unrecorded = await post(url + EVALUATION_PATH, question());
    expect(unrecorded.status).toBe(503);
    expect(unrecorded.headers.get('retry-after')).not.toBeNull();
    expect(unrecorded.body).toMatchObject({
      decision: false,
      context: { code: 'EVIDENCE_UNAVAILABLE', effect: 'deny' },
    });
    ready.mockRestore();
    const check = vi.spyOn(governor.tenants, 'check').mockImplementation(() => {
      throw new Error('secret detail');
    });
    const fault = await post(url + EVALUATION_PATH, question());
    expect(fault.status).toBe(500);
    expect(fault.body).toMatchObject({ decision: false, context: { code: 'ENGINE_FAULT' } });
    expect(JSON.stringify(fault.body)).not.toContain('secret');
    check.mockRestore();
    expect((await post(url + EVALUATION_PATH, question())).body.decision).toBe(true);
  });

  it('denies after the governor is closed', async () => {
    const { url, governor } = await startServer();
    await governor.close();
    const answer = await post(url + EVALUATION_PATH, question());
    expect([answer.status, answer.body.context.code]).toEqual([503, 'GOVERNOR_CLOSED']);
    expect(answer.body.decision).toBe(false);
  });
});

describe('GET /.well-known/authzen-configuration', () => {
  it('names the base that was used, and the two endpoints', async () => {
    const { url } = await startServer();
    const metadata = await (await fetch(url + METADATA_PATH)).json();
    expect(metadata).toEqual({
      policy_decision_point: url,
      access_evaluation_endpoint: `${url}/access/v1/evaluation`,
      access_evaluations_endpoint: `${url}/access/v1/evaluations`,
    });
  });

  it('names the public URL when there is one', async () => {
    const { url } = await startServer({}, { publicUrl: 'https://pdp.example.com/base/' });
    const metadata = (await (await fetch(url + METADATA_PATH)).json()) as Record<string, string>;
    expect(metadata['policy_decision_point']).toBe('https://pdp.example.com/base');
    expect(metadata['access_evaluation_endpoint']).toBe(
      'https://pdp.example.com/base/access/v1/evaluation',
    );
  });
});
