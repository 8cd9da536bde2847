import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { LogFields } from '@cortex-governance/core';
import { silentLogger } from '@cortex-governance/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createModelGateway } from '../src/index.ts';
import { CALLER, chat, errorOf, HELLO, openGateway, STOP } from './gateway.ts';
import { answerJson, COMPLETION } from './upstream.ts';

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('an upstream that is not there', () => {
  it('is a 502 that names no address', async () => {
    const logged: [string, LogFields | undefined][] = [];
    const warn = (event: string, fields?: LogFields): void => void logged.push([event, fields]);
    const { governor } = await openGateway({ governor: { logger: { ...silentLogger, warn } } });
    const port = await closedPort();
    const upstream = `http://127.0.0.1:${port}/s3cret-path?key=s3cret`;
    const gateway = createModelGateway({ governor, upstream, apiKey: 's3cret-key' });
    const response = await gateway.handle(chat(HELLO), CALLER);
    const failed = await errorOf(response);
    expect(failed.status).toBe(502);
    expect(failed.error).toEqual({
      message: 'upstream failed: no connection (ECONNREFUSED)',
      type: 'upstream_error',
      code: 'UPSTREAM_UNAVAILABLE',
      param: null,
    });
    expect(logged.map(([event]) => event)).toContain('GATEWAY_UPSTREAM_FAILED');
    expect(JSON.stringify(logged)).not.toMatch(/s3cret|127\.0\.0\.1/);
  });

  it.each([
    ['that resets the connection', (socket: import('node:net').Socket) => socket.resetAndDestroy()],
    ['that hangs up', (socket: import('node:net').Socket) => socket.end()],
    ['that speaks no HTTP', (socket: import('node:net').Socket) => socket.end('SSH-2.0-x\r\n')],
  ])('or one %s is a 502', async (_name, act) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => act(socket));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { governor } = await openGateway();
    const { port } = server.address() as AddressInfo;
    const gateway = createModelGateway({ governor, upstream: `http://127.0.0.1:${port}` });
    const failed = await errorOf(await gateway.handle(chat(HELLO), CALLER));
    expect(failed.status).toBe(502);
    expect(failed.error.code).toBe('UPSTREAM_UNAVAILABLE');
    expect(failed.error.message).not.toContain(String(port));
  });
});

describe('an upstream whose failure', () => {
  it.each([
    ['names an address', new TypeError('http://s3cret', { cause: new Error('http://s3cret') })],
    ['has a code that is none', new TypeError('x', { cause: { code: 'http://s3cret/' } })],
    ['has a code that is no text', new TypeError('x', { cause: { code: ['s3cret'] } })],
    ['is not an error', 's3cret'],
  ])('%s says only that there is no connection', async (_name, failure) => {
    const { governor } = await openGateway();
    const gateway = createModelGateway({
      governor,
      upstream: 'http://127.0.0.1:9/v1',
      fetch: () => Promise.reject(failure),
    });
    const failed = await errorOf(await gateway.handle(chat(HELLO), CALLER));
    expect(failed.status).toBe(502);
    expect(failed.error.message).toBe('upstream failed: no connection');
  });
});

describe('an upstream that is slow', () => {
  it.each([
    ['never answers', () => {}],
    [
      'sends a head and no body',
      ({ response }: { response: import('node:http').ServerResponse }) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
      },
    ],
  ])('and %s is a 504, and is let go', async (_name, answer) => {
    const { gateway, upstream } = await openGateway({ answer, options: { timeoutMs: 60 } });
    const failed = await errorOf(await gateway.handle(chat(HELLO), CALLER));
    expect(failed.status).toBe(504);
    expect(failed.error.code).toBe('UPSTREAM_UNAVAILABLE');
    expect(failed.error.message).toContain('60 ms');
    await upstream.arrivals[0]?.closed;
  });
});

describe('an upstream that answers', () => {
  it.each([301, 302, 303, 307, 308])('with a redirect (%i) is not followed', async (status) => {
    const { gateway, upstream } = await openGateway({
      answer: ({ response, url }) => {
        if (url === '/elsewhere') response.end('stolen');
        else response.writeHead(status, { location: '/elsewhere' }).end();
      },
    });
    const failed = await errorOf(await gateway.handle(chat(HELLO), CALLER));
    expect(failed.status).toBe(502);
    expect(failed.error.code).toBe('UPSTREAM_UNAVAILABLE');
    expect(failed.headers.get('location')).toBeNull();
    expect(upstream.arrivals).toHaveLength(1);
  });

  it.each([401, 407])('with %i about the key does not show it', async (status) => {
    const { gateway } = await openGateway({
      options: { apiKey: 'upstream-key' },
      answer: ({ response, headers }) => {
        response.writeHead(status).end(`wrong key: ${headers.authorization}`);
      },
    });
    const response = await gateway.handle(chat(HELLO), CALLER);
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain('upstream-key');
  });

  it.each([400, 403, 404, 429, 500, 503])('with %i is passed on', async (status) => {
    const body = '{"error":{"message":"from the model","type":"x","code":null,"param":null}}';
    const { gateway } = await openGateway({
      answer: ({ response }) => {
        const headers = { 'content-type': 'application/json', 'retry-after': '7' };
        response.writeHead(status, headers).end(body);
      },
    });
    const response = await gateway.handle(chat(HELLO), CALLER);
    expect(response.status).toBe(status);
    expect(response.headers.get('retry-after')).toBe('7');
    expect(await response.text()).toBe(body);
  });

  it('with nothing is passed on', async () => {
    const { gateway } = await openGateway({
      answer: ({ response }) => void response.writeHead(204).end(),
    });
    const response = await gateway.handle(chat(HELLO), CALLER);
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
  });

  it('has only its allowed headers passed on', async () => {
    const { gateway } = await openGateway({
      answer: ({ response }) => {
        response.setHeader('set-cookie', 'session=1');
        response.setHeader('server', 'model-server');
        response.setHeader('x-request-id', 'req-1');
        response.setHeader('ratelimit', '"theirs";r=1');
        response.setHeader('openai-processing-ms', '12');
        response.setHeader('openai-model', 'small');
        response.setHeader('access-control-allow-origin', '*');
        response.setHeader('link', '<http://elsewhere>');
        answerJson({ response } as never);
      },
    });
    const response = await gateway.handle(chat(HELLO), CALLER);
    expect(Object.fromEntries(response.headers)).toEqual({
      'content-type': 'application/json',
      'openai-model': 'small',
      'openai-processing-ms': '12',
      // The gateway's own, not the upstream's.
      ratelimit: expect.stringMatching(/^"calls-60";r=999999;t=\d+$/),
      'ratelimit-policy': '"calls-60";q=1000000;w=60',
      'x-request-id': 'req-1',
    });
    expect(await response.json()).toEqual(COMPLETION);
  });

  it('with a huge body is passed on whole', async () => {
    const chunk = Buffer.alloc(1_048_576, 'x');
    const chunks = 48;
    const { gateway } = await openGateway({
      answer: async ({ response }) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        for (let i = 0; i < chunks; i += 1) {
          if (!response.write(chunk)) await once(response, 'drain');
        }
        response.end();
      },
    });
    const response = await gateway.handle(chat(HELLO), CALLER);
    let bytes = 0;
    for await (const part of response.body ?? []) bytes += part.byteLength;
    expect(bytes).toBe(chunks * chunk.length);
  });

  it('and breaks off leaves a body that fails, never one that looks whole', async () => {
    const { gateway } = await openGateway({
      answer: ({ response }) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"id":"chat', () => response.destroy());
      },
    });
    const response = await gateway.handle(chat(HELLO), CALLER);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
  });

  it('with a status that is none is a 502', async () => {
    const { governor } = await openGateway();
    const odd = Object.create(new Response('x'), {
      status: { value: 799 },
      type: { value: 'basic' },
    });
    const gateway = createModelGateway({
      governor,
      upstream: 'http://127.0.0.1:9/v1',
      fetch: async () => odd as Response,
    });
    expect((await gateway.handle(chat(HELLO), CALLER)).status).toBe(502);
  });
});

describe('a stop before the answer', () => {
  it('is a 503, and the upstream is let go', async () => {
    const { gateway, upstream, governor } = await openGateway({ answer: () => {} });
    const response = gateway.handle(chat(HELLO), CALLER);
    const { closed } = await arrival(upstream);
    await governor.killSwitch.engage(STOP);
    const denial = await errorOf(await response);
    expect(denial.status).toBe(503);
    expect(denial.error).toMatchObject({ type: 'governance_denied', code: 'KILLED_AGENT' });
    await closed;
  });

  it('that is not heeded by fetch is a 503 all the same', async () => {
    const { governor } = await openGateway();
    let called: () => void = () => {};
    const calling = new Promise<void>((resolve) => {
      called = resolve;
    });
    const deaf = (): Promise<Response> => {
      called();
      return new Promise(() => {});
    };
    const gateway = createModelGateway({ governor, upstream: 'http://127.0.0.1:9', fetch: deaf });
    const response = gateway.handle(chat(HELLO), CALLER);
    await calling;
    await governor.killSwitch.engage(STOP);
    expect((await errorOf(await response)).error.code).toBe('KILLED_AGENT');
  });

  it('between the decision and the call keeps the call from being sent', async () => {
    const { governor, upstream } = await openGateway();
    const { withAuthorize } = await import('./workspace.ts');
    const late = withAuthorize(governor, async (decide) => {
      const authorization = await decide();
      await governor.killSwitch.engage(STOP);
      return authorization;
    });
    const gateway = createModelGateway({ governor: late, upstream: upstream.base });
    expect((await errorOf(await gateway.handle(chat(HELLO), CALLER))).error.code).toBe(
      'KILLED_AGENT',
    );
    expect(upstream.arrivals).toEqual([]);
  });
});

describe('a client that goes away before the answer', () => {
  it('takes the upstream with it', async () => {
    const { gateway, upstream } = await openGateway({ answer: () => {} });
    const controller = new AbortController();
    const response = gateway.handle(chat(HELLO, { signal: controller.signal }), CALLER);
    const { closed } = await arrival(upstream);
    controller.abort();
    expect((await response).status).toBe(499);
    await closed;
  });

  it('before the call is sent keeps it from being sent', async () => {
    const { gateway, upstream } = await openGateway();
    const request = chat(HELLO, { signal: AbortSignal.abort() });
    expect((await gateway.handle(request, CALLER)).ok).toBe(false);
    expect(upstream.arrivals).toEqual([]);
  });
});

async function arrival({ arrivals }: { arrivals: { closed: Promise<unknown> }[] }) {
  const { vi } = await import('vitest');
  return vi.waitFor(() => {
    const first = arrivals[0];
    if (first === undefined) throw new Error('nothing arrived yet');
    return first;
  });
}
