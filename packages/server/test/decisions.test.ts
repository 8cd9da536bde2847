import { describe, expect, it, vi } from 'vitest';
import { EVALUATION_PATH } from '../src/index.ts';
import { type Answer, GIT_MAP, post, question, type Running, startServer } from './workspace.ts';

const RATE = {
  perMinute: 5,
  concurrency: { limit: 1 },
  tokens: { perMinute: 100, perCall: 40 },
};
const LIMITED = { grants: [{ ...GIT_MAP, rate: RATE }] };
const TENANTS = {
  ...LIMITED,
  config: `
tenancy:
  tenants: [acme, globex]
  header: { trustedPeers: [127.0.0.1] }
`,
};
const ACME = { 'x-tenant-id': 'acme' };
const GLOBEX = { 'x-tenant-id': 'globex' };

type Headers = Record<string, string>;

function evaluate({ url }: Running, headers: Headers = {}): Promise<Answer> {
  return post(url + EVALUATION_PATH, question(), headers);
}

function end(
  { url }: Running,
  id: string,
  ending: 'settle' | 'cancel',
  body: unknown = {},
  headers: Headers = {},
): Promise<Answer> {
  return post(`${url}/v1/decisions/${id}/${ending}`, body, headers);
}

function left({ governor }: Running, name: string, tenant = 'default'): number | undefined {
  const states = governor.limits({
    tenant,
    subject: { type: 'agent', id: 'bot' },
    action: { name: 'search' },
    resource: { type: 'tool', id: 'git-map' },
  });
  return states.find((state) => state.name === name)?.remaining;
}

async function allowedId(running: Running, headers: Headers = {}): Promise<string> {
  const { body } = await evaluate(running, headers);
  expect(body.decision).toBe(true);
  return body.context.id;
}

describe('POST /v1/decisions/:id/settle', () => {
  it('ends a call: its place is free, and it is charged what it used', async () => {
    const running = await startServer(LIMITED);
    const id = await allowedId(running);
    expect((await evaluate(running)).body.context).toMatchObject({ code: 'RATE_LIMITED' });
    const appendEvent = vi.spyOn(running.governor.evidence, 'appendEvent');
    const answer = await end(running, id, 'settle', { tokens: 7, cost: 3 });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ settled: true });
    expect(left(running, 'concurrency')).toBe(1);
    expect(left(running, 'tokens-60')).toBe(93);
    expect(left(running, 'calls-60')).toBe(4);
    expect(appendEvent).toHaveBeenCalledWith({
      type: 'usage',
      properties: { decision: id, tokens: 7, cost: 3 },
    });
  });

  it('charges as reserved what the body does not say', async () => {
    const running = await startServer(LIMITED);
    await end(running, await allowedId(running), 'settle');
    expect(left(running, 'tokens-60')).toBe(60);
  });

  it('is done once', async () => {
    const running = await startServer(LIMITED);
    const id = await allowedId(running);
    expect((await end(running, id, 'settle', { tokens: 1 })).status).toBe(200);
    for (const ending of ['settle', 'cancel'] as const) {
      const again = await end(running, id, ending);
      expect(again.status).toBe(404);
      expect(again.body).toEqual({
        error: {
          status: 404,
          code: 'RESERVATION_UNKNOWN',
          message: `no call ${id} has anything to settle`,
        },
      });
    }
    expect(left(running, 'tokens-60')).toBe(99);
  });

  it.each<[string, unknown, string]>([
    ['a negative number', { tokens: -1 }, 'tokens'],
    ['a fraction', { tokens: 0.5 }, 'tokens'],
    ['a text', { tokens: '7' }, 'tokens'],
    ['null', { cost: null }, 'cost'],
    ['more than 2^52', { cost: 2 ** 52 + 1 }, 'cost'],
    ['more than a number holds', '{"tokens":1e999}', ''],
    ['an unknown member', { tokens: 1, calls: 1 }, ''],
    ['an array', [], ''],
    ['no JSON', '{', ''],
    ['a member twice', '{"tokens":1,"tokens":0}', ''],
  ])('refuses %s and settles nothing', async (_name, body, place) => {
    const running = await startServer(LIMITED);
    const id = await allowedId(running);
    const answer = await end(running, id, 'settle', body);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatchObject({
      code: 'BODY_INVALID',
      message: expect.stringContaining(place),
    });
    expect(left(running, 'concurrency')).toBe(0);
  });

  it('takes up to 2^52', async () => {
    const running = await startServer(LIMITED);
    const id = await allowedId(running);
    expect((await end(running, id, 'settle', { tokens: 2 ** 52 })).status).toBe(200);
    expect(left(running, 'tokens-60')).toBe(0);
  });

  it('works while everything is stopped', async () => {
    const running = await startServer(LIMITED);
    const id = await allowedId(running);
    await running.governor.killSwitch.engage({ scope: 'global', actor: 'op', reason: 'drill' });
    expect((await end(running, id, 'settle')).status).toBe(200);
  });

  it.each(['none', '%00', 'a%2Fb', '..', 'x'.repeat(100)])('has no call %j', async (id) => {
    const running = await startServer(LIMITED);
    expect((await end(running, id, 'settle')).status).toBe(404);
  });

  it('takes only POST and JSON', async () => {
    const { url } = await startServer(LIMITED);
    const plain = await fetch(`${url}/v1/decisions/x/settle`, { method: 'POST', body: '{}' });
    expect(plain.status).toBe(400);
    expect((await fetch(`${url}/v1/decisions/x/settle`)).status).not.toBe(200);
  });
});

describe('POST /v1/decisions/:id/cancel', () => {
  it('gives back everything that a call took', async () => {
    const running = await startServer(LIMITED);
    const answer = await end(running, await allowedId(running), 'cancel');
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ cancelled: true });
    expect(left(running, 'concurrency')).toBe(1);
    expect(left(running, 'tokens-60')).toBe(100);
    expect(left(running, 'calls-60')).toBe(5);
  });

  it('takes no usage', async () => {
    const running = await startServer(LIMITED);
    const id = await allowedId(running);
    expect((await end(running, id, 'cancel', { tokens: 1 })).status).toBe(400);
    expect(left(running, 'concurrency')).toBe(0);
  });
});

describe.each(['settle', 'cancel'] as const)('the caller of %s', (ending) => {
  it('must be of the tenant of the call; another learns nothing', async () => {
    const running = await startServer(TENANTS);
    const id = await allowedId(running, ACME);
    const stranger = await end(running, id, ending, {}, GLOBEX);
    const unknown = await end(running, id.replace(/.$/, '_'), ending, {}, GLOBEX);
    expect(stranger.status).toBe(404);
    expect(stranger.body.error.code).toBe(unknown.body.error.code);
    expect(left(running, 'concurrency', 'acme')).toBe(0);
    expect((await end(running, id, ending, { tenant: 'acme' }, ACME)).status).toBe(200);
    expect(left(running, 'concurrency', 'acme')).toBe(1);
  });

  it.each<[string, Headers, unknown, number, string]>([
    ['no tenant', {}, {}, 401, 'TENANT_MISSING'],
    ['an unknown tenant', { 'x-tenant-id': 'nobody' }, {}, 403, 'TENANT_UNKNOWN'],
    ['another tenant in the body', ACME, { tenant: 'globex' }, 403, 'TENANT_CONFLICT'],
  ])(
    'with %s is denied, and the denial is recorded',
    async (_name, headers, body, status, code) => {
      const running = await startServer(TENANTS);
      const id = await allowedId(running, ACME);
      const records = running.governor.evidence.status().records;
      const answer = await end(running, id, ending, body, headers);
      expect(answer.status).toBe(status);
      expect(answer.body.error).toMatchObject({ status, code });
      expect(answer.headers.has('www-authenticate')).toBe(status === 401);
      await vi.waitFor(() =>
        expect(running.governor.evidence.status().records).toBeGreaterThan(records),
      );
      expect(left(running, 'concurrency', 'acme')).toBe(0);
    },
  );
});

describe('the RateLimit fields of an evaluation', () => {
  it('say where the limits stand when it is allowed or limited', async () => {
    const running = await startServer({ grants: [{ ...GIT_MAP, rate: { perMinute: 1 } }] });
    const allowed = await evaluate(running);
    expect(allowed.headers.get('ratelimit-policy')).toBe('"calls-60";q=1;w=60');
    expect(allowed.headers.get('ratelimit')).toMatch(/^"calls-60";r=0;t=\d+$/);
    const limited = await evaluate(running);
    expect(limited.body.context.code).toBe('RATE_LIMITED');
    const reset = /r=0;t=(\d+)$/.exec(limited.headers.get('ratelimit') ?? '')?.[1];
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThanOrEqual(Number(reset));
  });

  it('are not sent with other denials, in shadow mode, or with a batch', async () => {
    const running = await startServer(LIMITED);
    const denied = await post(running.url + EVALUATION_PATH, question('push'));
    expect(denied.headers.get('ratelimit')).toBeNull();
    const batch = await post(`${running.url}/access/v1/evaluations`, { evaluations: [question()] });
    expect(batch.body.evaluations[0].decision).toBe(true);
    expect(batch.headers.get('ratelimit')).toBeNull();
    const shadow = await startServer({ grants: [{ ...GIT_MAP, mode: 'shadow' }] });
    const watched = await post(shadow.url + EVALUATION_PATH, question('push'));
    expect(watched.headers.get('ratelimit')).toBeNull();
  });
});
