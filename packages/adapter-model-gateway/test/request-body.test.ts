import { describe, expect, it } from 'vitest';
import { CALLER, chat, errorOf, HELLO, openGateway } from './gateway.ts';

describe('content types', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
  ])('accepts %s', async (type) => {
    const { gateway } = await openGateway();
    const request = chat(HELLO, { headers: { 'content-type': type } });
    expect((await gateway.handle(request, CALLER)).status).toBe(200);
  });

  it.each([
    ['text', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['another charset', { 'content-type': 'application/json; charset=utf-16' }],
    ['a longer type', { 'content-type': 'application/json-seq' }],
    ['two types', { 'content-type': 'application/json, text/plain' }],
    ['a compressed body', { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
  ])('refuses %s', async (_name, headers) => {
    const { gateway, upstream } = await openGateway();
    const refused = await errorOf(await gateway.handle(chat(HELLO, { headers }), CALLER));
    expect(refused.status).toBe(415);
    expect(refused.error).toMatchObject({ type: 'invalid_request_error', code: 'BODY_INVALID' });
    expect(upstream.arrivals).toEqual([]);
  });

  it('refuses a missing one', async () => {
    const { gateway } = await openGateway();
    const body = new TextEncoder().encode(JSON.stringify(HELLO));
    const request = new Request('http://gateway.test/v1/chat/completions', {
      method: 'POST',
      body,
    });
    expect((await errorOf(await gateway.handle(request, CALLER))).status).toBe(415);
  });
});

describe('bodies', () => {
  it.each([
    ['nothing', ''],
    ['no JSON', '{"model":'],
    ['two values', '{"model":"small"}{}'],
    ['an array', '[{"model":"small"}]'],
    ['null', 'null'],
    ['a string', '"small"'],
    ['no model', '{}'],
    ['an empty model', '{"model":""}'],
    ['a model that is a list', '{"model":["small"]}'],
    ['a model that is null', '{"model":null}'],
    ['a model that is an object', '{"model":{"toString":"small"}}'],
    ['a model by prototype', '{"__proto__":{"model":"small"}}'],
    ['a stream that is a string', '{"model":"small","stream":"false"}'],
    ['a stream that is a number', '{"model":"small","stream":1}'],
    ['a stream that is null', '{"model":"small","stream":null}'],
  ])('with %s are refused', async (_name, body) => {
    const { gateway, upstream, governor } = await openGateway();
    const refused = await errorOf(await gateway.handle(chat(body), CALLER));
    expect(refused.status).toBe(400);
    expect(refused.error).toMatchObject({ type: 'invalid_request_error', code: 'BODY_INVALID' });
    expect(upstream.arrivals).toEqual([]);
    expect([...governor.counters.counts()]).toMatchObject([{ code: 'REQUEST_INVALID' }]);
    expect(governor.counters.total).toBe(1);
  });

  it('that are not UTF-8 are refused', async () => {
    const { gateway } = await openGateway();
    const body = Buffer.from('{"model":"small","x":"\xff"}', 'latin1');
    const request = new Request('http://gateway.test/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect((await errorOf(await gateway.handle(request, CALLER))).status).toBe(400);
  });

  it('nested without end are refused, or passed on whole', async () => {
    const { gateway, upstream } = await openGateway();
    const depth = 200_000;
    const body = `{"model":"small","x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    const response = await gateway.handle(chat(body), CALLER);
    if (response.status === 200) expect(upstream.arrivals[0]?.body).toBe(body);
    else expect((await errorOf(response)).status).toBe(400);
  });

  it('that break off are refused', async () => {
    const { gateway, upstream } = await openGateway();
    let pulls = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulls += 1;
        if (pulls > 1) controller.error(new Error('reset'));
        else controller.enqueue(new TextEncoder().encode('{"model":"small"'));
      },
    });
    const request = chat('', { body, duplex: 'half' } as RequestInit);
    expect((await errorOf(await gateway.handle(request, CALLER))).status).toBe(400);
    expect(upstream.arrivals).toEqual([]);
  });
});

describe('the size of a body', () => {
  const LIMIT = { options: { maxBodyBytes: 64 } };
  const ofSize = (bytes: number): string => {
    const start = '{"model":"small","x":"';
    return `${start}${'a'.repeat(bytes - start.length - 2)}"}`;
  };

  it('is bounded to the byte', async () => {
    const { gateway, upstream } = await openGateway(LIMIT);
    expect((await gateway.handle(chat(ofSize(64)), CALLER)).status).toBe(200);
    const refused = await errorOf(await gateway.handle(chat(ofSize(65)), CALLER));
    expect(refused.status).toBe(413);
    expect(refused.error.code).toBe('BODY_INVALID');
    expect(upstream.arrivals).toHaveLength(1);
  });

  it('is counted in bytes', async () => {
    const { gateway } = await openGateway(LIMIT);
    const response = await gateway.handle(
      chat(`{"model":"small","x":"${'ü'.repeat(25)}"}`),
      CALLER,
    );
    expect(response.status).toBe(413);
  });

  it('is enforced while it is read, whatever Content-Length says', async () => {
    const { gateway, upstream } = await openGateway(LIMIT);
    let pulled = 0;
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled += 1;
          controller.enqueue(new Uint8Array(10).fill(0x20));
        },
        cancel() {
          cancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { 'content-type': 'application/json', 'content-length': '10' };
    const request = chat('', { body, headers, duplex: 'half' } as RequestInit);
    expect((await gateway.handle(request, CALLER)).status).toBe(413);
    expect(pulled).toBeLessThan(20);
    expect(cancelled).toBe(true);
    expect(upstream.arrivals).toEqual([]);
  });

  it('is refused unread when it announces itself', async () => {
    const { gateway } = await openGateway(LIMIT);
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull() {
          pulled += 1;
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { 'content-type': 'application/json', 'content-length': '65' };
    const request = chat('', { body, headers, duplex: 'half' } as RequestInit);
    expect((await gateway.handle(request, CALLER)).status).toBe(413);
    expect(pulled).toBe(0);
  });
});

describe('the model that the upstream reads', () => {
  it('is the one decided on when a member is repeated', async () => {
    const { gateway, upstream } = await openGateway();
    const first = await gateway.handle(chat('{"model":"small","model":"huge"}'), CALLER);
    expect(first.status).toBe(403);
    const second = await gateway.handle(chat('{"model":"huge","model":"small","n":1}'), CALLER);
    expect(second.status).toBe(200);
    expect(upstream.arrivals.map(({ body }) => body)).toEqual(['{"model":"small","n":1}']);
  });

  it.each([
    'Model',
    'MODEL',
    'mod\u0435l'.replace('\u0435', 'E'),
    'ｍｏｄｅｌ',
    'model\u0000',
    ' model',
    'mo\u200bdel',
    'mo\u00addel',
    '\ufeffmodel',
    'Stream',
    'ſtream',
  ])('cannot be hidden under a name that some readers take for it: %j', async (name) => {
    const { gateway, upstream } = await openGateway();
    const body = { ...HELLO, [name]: name.toLowerCase().includes('tream') ? true : 'huge' };
    const refused = await errorOf(await gateway.handle(chat(body), CALLER));
    expect(refused.status).toBe(400);
    expect(refused.error.code).toBe('BODY_INVALID');
    expect(upstream.arrivals).toEqual([]);
  });

  it.each([
    'models',
    'fallbacks',
    'Fallbacks',
    'context_window_fallbacks',
    'model_list',
    'engine',
    'api_base',
    'base_url',
    'api_key',
    'extra_body',
    'custom_llm_provider',
    'user_config',
    'router_settings_override',
    'preset',
    'lora_path',
    'aws_bedrock_runtime_endpoint',
    'aws_sts_endpoint',
  ])('cannot be overridden by member %s', async (name) => {
    const { gateway, upstream } = await openGateway();
    const refused = await errorOf(
      await gateway.handle(chat({ ...HELLO, [name]: ['huge'] }), CALLER),
    );
    expect(refused.status).toBe(400);
    expect(upstream.arrivals).toEqual([]);
  });
});

describe('a request that is no model call', () => {
  it.each([
    ['malformed', () => chat('{')],
    ['overriding', () => chat({ ...HELLO, api_base: 'http://elsewhere' })],
    ['too large', () => chat({ ...HELLO, user: 'x'.repeat(2000) })],
    ['not JSON', () => chat(HELLO, { headers: { 'content-type': 'text/plain' } })],
  ])('is in the evidence: %s', async (_, request) => {
    const { gateway, governor, upstream } = await openGateway({ options: { maxBodyBytes: 1000 } });
    const before = governor.evidence.status().records;
    const { status, error } = await errorOf(await gateway.handle(request(), CALLER));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(error.code).toBe('BODY_INVALID');
    expect(governor.evidence.status().records).toBe(before + 1);
    expect([...governor.counters.counts()]).toMatchObject([{ code: 'REQUEST_INVALID' }]);
    expect(upstream.arrivals).toEqual([]);
  });
});

describe('what the upstream learns', () => {
  it('is the body and nothing else of the caller', async () => {
    const { gateway, upstream } = await openGateway({ options: { apiKey: 'upstream-key' } });
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      accept: 'text/html',
      authorization: 'Bearer callers-secret',
      'proxy-authorization': 'Basic callers-secret',
      cookie: 'session=callers-secret',
      'x-api-key': 'callers-secret',
      'api-key': 'callers-secret',
      'openai-organization': 'callers-secret',
      'x-forwarded-for': '10.0.0.1',
      'x-tenant-id': 'other',
      'user-agent': 'callers-agent',
      te: 'trailers',
      upgrade: 'websocket',
      'x-http-method-override': 'DELETE',
    };
    await gateway.handle(chat(HELLO, { headers }), CALLER);
    const seen = upstream.arrivals[0]?.headers ?? {};
    expect(JSON.stringify(seen)).not.toMatch(/callers-|10\.0\.0\.1/);
    const { host: _host, connection: _connection, ...rest } = seen;
    expect(rest).toEqual({
      accept: 'application/json',
      'accept-encoding': 'identity',
      'accept-language': '*',
      authorization: 'Bearer upstream-key',
      'content-length': String(JSON.stringify(HELLO).length),
      'content-type': 'application/json',
      'sec-fetch-mode': 'cors',
      'user-agent': 'cortex-governance',
    });
  });

  it('includes no Authorization without a key', async () => {
    const { gateway, upstream } = await openGateway();
    const headers = { 'content-type': 'application/json', authorization: 'Bearer callers-secret' };
    await gateway.handle(chat({ ...HELLO, stream: true }, { headers }), CALLER);
    expect(upstream.arrivals[0]?.headers.authorization).toBeUndefined();
    expect(upstream.arrivals[0]?.headers.accept).toBe('text/event-stream');
  });
});
