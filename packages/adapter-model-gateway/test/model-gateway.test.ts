import type { Obligation } from '@cortex-governance/core';
import { describe, expect, it, vi } from 'vitest';
import { createModelGateway } from '../src/index.ts';
import { CALLER, chat, errorOf, GRANT, HELLO, openGateway, STOP } from './gateway.ts';
import { COMPLETION } from './upstream.ts';
import { openWorkspace, withAuthorize } from './workspace.ts';

describe('an allowed call', () => {
  it.each([
    ['/v1/chat/completions', '/v1/chat/completions', 'chat'],
    ['/chat/completions', '/v1/chat/completions', 'chat'],
    ['/v1/embeddings', '/v1/embeddings', 'embeddings'],
    ['/embeddings', '/v1/embeddings', 'embeddings'],
    ['/v1/rerank', '/v1/rerank', 'rerank'],
    ['/rerank?x=1', '/v1/rerank', 'rerank'],
  ])('on %s reaches %s as %s', async (path, url, action) => {
    const seen: unknown[] = [];
    const policy = {
      name: 'test',
      evaluate: (request: object) => {
        seen.push(request);
        return { effect: 'allow' as const, reason: '', obligations: [] };
      },
    };
    const { gateway, upstream } = await openGateway({ governor: { policy } });
    const response = await gateway.handle(chat(HELLO, { path }), CALLER);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(COMPLETION);
    expect(upstream.arrivals).toHaveLength(1);
    expect(upstream.arrivals[0]).toMatchObject({ method: 'POST', url });
    expect(JSON.parse(upstream.arrivals[0]?.body ?? '')).toEqual(HELLO);
    expect(seen).toEqual([
      {
        tenant: 'default',
        subject: { type: 'agent', id: 'planner' },
        action: { name: action, properties: { model: 'small', stream: false } },
        resource: { type: 'tool', id: 'model-gateway' },
        // 63 bytes of JSON; a chat without a cap says so.
        context: {
          estimate:
            action === 'chat' ? { tokens: 16, caps: { max_tokens: 'none', n: 1 } } : { tokens: 16 },
        },
      },
    ]);
  });

  it('may name a model with a slash', async () => {
    const { gateway, upstream } = await openGateway();
    const response = await gateway.handle(chat({ ...HELLO, model: 'org/large' }), CALLER);
    expect(response.status).toBe(200);
    expect(upstream.arrivals).toHaveLength(1);
  });

  it('uses the grant it is told', async () => {
    const { gateway } = await openGateway({ grant: { tool: 'llm' }, options: { tool: 'llm' } });
    expect((await gateway.handle(chat(HELLO), CALLER)).status).toBe(200);
  });

  it('keeps the path and the query of the base URL', async () => {
    const { upstream, governor } = await openGateway();
    const base = upstream.base.replace('/v1', '/openai/v1/?api-version=2026-01-01');
    const gateway = createModelGateway({ governor, upstream: base });
    await gateway.handle(chat(HELLO, { path: '/v1/chat/completions?api-version=evil' }), CALLER);
    expect(upstream.arrivals[0]?.url).toBe('/openai/v1/chat/completions?api-version=2026-01-01');
  });
});

describe('a denial', () => {
  it('has the shape of an OpenAI error, and the verdict', async () => {
    const { gateway, upstream } = await openGateway();
    const response = await gateway.handle(chat({ ...HELLO, model: 'huge' }), CALLER);
    expect(response.headers.get('content-type')).toBe('application/json');
    const denial = await errorOf(response);
    expect(denial.status).toBe(403);
    expect(denial.error).toEqual({
      message: 'argument does not match the grant: "model"',
      type: 'governance_denied',
      code: 'ARGUMENT_INVALID',
      param: null,
    });
    expect(denial.verdict).toMatchObject({ effect: 'deny', stage: 'arguments', httpStatus: 403 });
    expect(upstream.arrivals).toEqual([]);
  });

  it.each([
    [
      'an action that is not granted',
      { grant: { actions: ['chat'] } },
      CALLER,
      403,
      'ACTION_NOT_ALLOWED',
    ],
    ['no grant', { grant: { tool: 'other' } }, CALLER, 403, 'TOOL_UNKNOWN'],
    ['another tenant', {}, { ...CALLER, tenant: 'other' }, 403, 'TENANT_UNKNOWN'],
    ['no tenant', {}, { ...CALLER, tenant: '' }, 401, 'TENANT_MISSING'],
    ['no agent', {}, { ...CALLER, agent: '' }, 400, 'REQUEST_INVALID'],
    ['an agent of another type', {}, { ...CALLER, agent: 7 as never }, 400, 'REQUEST_INVALID'],
    [
      'an approval that is needed',
      { grant: { actionRules: { embeddings: { approval: true } } } },
      CALLER,
      403,
      'APPROVAL_REQUIRED',
    ],
    [
      'a stream that is not granted',
      { grant: { args: { ...(GRANT['args'] as object), stream: { type: 'string' } } } },
      CALLER,
      403,
      'ARGUMENT_INVALID',
    ],
  ])('for %s has its status and code', async (_name, setup, caller, status, code) => {
    const { gateway, upstream } = await openGateway(setup);
    const request = chat(HELLO, { path: '/v1/embeddings' });
    const denial = await errorOf(await gateway.handle(request, caller));
    expect(denial.status).toBe(status);
    expect(denial.error).toMatchObject({ type: 'governance_denied', code });
    expect(denial.verdict?.code).toBe(code);
    expect(upstream.arrivals).toEqual([]);
  });

  it('for a limit says when to try again', async () => {
    const { gateway, upstream } = await openGateway({ grant: { rate: { perMinute: 1 } } });
    expect((await gateway.handle(chat(HELLO), CALLER)).status).toBe(200);
    const denial = await errorOf(await gateway.handle(chat(HELLO), CALLER));
    expect(denial.status).toBe(429);
    expect(denial.error.code).toBe('RATE_LIMITED');
    const seconds = Number(denial.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(Number.isInteger(seconds)).toBe(true);
    expect(upstream.arrivals).toHaveLength(1);
  });

  it('for a stop is a 503', async () => {
    const { gateway, upstream, governor } = await openGateway();
    await governor.killSwitch.engage(STOP);
    const denial = await errorOf(await gateway.handle(chat(HELLO), CALLER));
    expect(denial.status).toBe(503);
    expect(denial.error.code).toBe('KILLED_AGENT');
    expect(denial.headers.get('retry-after')).toBeNull();
    expect(upstream.arrivals).toEqual([]);
  });

  it('is the answer to an obligation that the gateway cannot meet', async () => {
    const obligations: Obligation[] = [{ id: '1', type: 'redact' }];
    const policy = {
      name: 'test',
      evaluate: () => ({ effect: 'allow' as const, reason: '', obligations }),
    };
    const { gateway, upstream, governor } = await openGateway({ governor: { policy } });
    const denial = await errorOf(await gateway.handle(chat(HELLO), CALLER));
    expect(denial.status).toBe(403);
    expect(denial.error.code).toBe('OBLIGATION_UNSUPPORTED');
    expect(denial.error.message).toContain('redact');
    expect(upstream.arrivals).toEqual([]);
    const codes = [...governor.counters.counts()].map(({ code }) => code);
    expect(codes).toContain('OBLIGATION_UNSUPPORTED');
  });

  it('is not given in shadow mode, where the call goes on', async () => {
    const { gateway, upstream } = await openGateway({ grant: { mode: 'shadow' } });
    const response = await gateway.handle(chat({ ...HELLO, model: 'huge' }), CALLER);
    expect(response.status).toBe(200);
    expect(upstream.arrivals).toHaveLength(1);
  });

  it('is given by a closed governor', async () => {
    const { gateway, upstream, governor } = await openGateway();
    await governor.close();
    const denial = await errorOf(await gateway.handle(chat(HELLO), CALLER));
    expect(denial.status).toBe(503);
    expect(denial.error.code).toBe('GOVERNOR_CLOSED');
    expect(upstream.arrivals).toEqual([]);
  });
});

describe('the decision', () => {
  it('is awaited before anything is sent', async () => {
    const { governor, upstream } = await openGateway();
    let decided: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      decided = resolve;
    });
    const slow = withAuthorize(governor, async (decide) => {
      const authorization = await decide();
      await gate;
      return authorization;
    });
    const fetched = vi.fn(fetch);
    const gateway = createModelGateway({ governor: slow, upstream: upstream.base, fetch: fetched });
    const response = gateway.handle(chat(HELLO), CALLER);
    await vi.waitFor(() => expect(governor.counters.total).toBe(1));
    expect(fetched).not.toHaveBeenCalled();
    decided();
    expect((await response).status).toBe(200);
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['that rejects', () => Promise.reject(new Error('secret detail'))],
    [
      'that throws',
      () => {
        throw new Error('secret detail');
      },
    ],
    ['that answers nothing', () => Promise.resolve(undefined)],
    [
      'with an unknown effect',
      async (decide: () => Promise<{ verdict: object }>) => {
        const { verdict } = await decide();
        return { verdict: { ...verdict, effect: 'maybe' }, args: {} };
      },
    ],
  ])('of a governor %s lets nothing through', async (_name, authorize) => {
    const { governor, upstream } = await openGateway();
    const broken = withAuthorize(governor, authorize as never);
    const gateway = createModelGateway({ governor: broken, upstream: upstream.base });
    const response = await gateway.handle(chat(HELLO), CALLER);
    expect(response.ok && response.status !== 200).toBe(false);
    expect(await response.text()).not.toContain('secret');
    expect(upstream.arrivals).toEqual([]);
  });

  it('needs a caller', async () => {
    const { gateway, upstream } = await openGateway();
    const fault = await errorOf(await gateway.handle(chat(HELLO), undefined as never));
    expect(fault.status).toBe(500);
    expect(fault.error).toMatchObject({ type: 'governance_fault', code: 'ENGINE_FAULT' });
    expect(upstream.arrivals).toEqual([]);
  });
});

describe('routes', () => {
  it.each([
    '/',
    '/v1',
    '/v1/models',
    '/v1/completions',
    '/v1/responses',
    '/v1/chat/completions/',
    '/v1//chat/completions',
    '/v1/chat%2Fcompletions',
    '/v1/chat/completions%00',
    '/V1/chat/completions',
    '/v2/chat/completions',
    '/v1/v1/chat/completions',
    '/v1/chat/completions;x',
  ])('other than the three are unknown: %s', async (path) => {
    const { gateway, upstream, governor } = await openGateway();
    const refused = await errorOf(await gateway.handle(chat(HELLO, { path }), CALLER));
    expect(refused.status).toBe(404);
    expect(refused.error).toMatchObject({ type: 'invalid_request_error', code: 'ROUTE_UNKNOWN' });
    expect(refused.verdict).toBeUndefined();
    expect(upstream.arrivals).toEqual([]);
    expect(governor.counters.total).toBe(0);
  });

  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'post2'])(
    'take POST only, not %s',
    async (method) => {
      const { gateway, upstream } = await openGateway();
      const request = new Request('http://gateway.test/v1/chat/completions', { method });
      const response = await gateway.handle(request, CALLER);
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('POST');
      expect((await errorOf(response)).error.code).toBe('METHOD_NOT_ALLOWED');
      expect(upstream.arrivals).toEqual([]);
    },
  );
});

describe('options', () => {
  it.each([
    ['no upstream', { upstream: undefined }],
    ['an upstream that is no URL', { upstream: '127.0.0.1/s3cret' }],
    ['a file', { upstream: 'file:///s3cret' }],
    ['a URL with a user', { upstream: 'http://s3cret@127.0.0.1/' }],
    ['a URL with a password', { upstream: 'http://:s3cret@127.0.0.1/' }],
    ['a URL with a fragment', { upstream: 'http://127.0.0.1/#s3cret' }],
    ['a key that ends the header', { apiKey: 's3cret\r\nx: y' }],
    ['an empty key', { apiKey: '' }],
    ['a timeout of zero', { timeoutMs: 0 }],
    ['a bound of zero', { maxBodyBytes: 0 }],
    ['no governor', { governor: {} }],
    ['a fetch that is no function', { fetch: 1 }],
    ['an unknown member', { upstreams: [] }],
  ])('with %s are refused, without their secrets', async (_name, change) => {
    const { governor } = await openWorkspace([GRANT]);
    const options = { governor, upstream: 'http://127.0.0.1:1/v1', ...change };
    let thrown: unknown;
    try {
      createModelGateway(options as never);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'OPTIONS_INVALID' });
    expect(`${String(thrown)} ${JSON.stringify(thrown)}`).not.toContain('s3cret');
  });
});
