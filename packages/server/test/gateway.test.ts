import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TempWorkspaceFiles } from '@cortex-governance/testkit';
import { describe, expect, it, vi } from 'vitest';
import { createServer } from '../src/index.ts';
import { atEnd, makeGovernor, post, startServer } from './workspace.ts';

interface Seen {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** An upstream of our own; resolves with its base URL and what it has seen. */
async function startUpstream(
  answer: (response: ServerResponse, seen: Seen) => void,
): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createHttpServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      const one = { path: request.url ?? '', headers: request.headers, body };
      seen.push(one);
      answer(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, seen };
}

const json = (response: ServerResponse): void => {
  response.setHeader('content-type', 'application/json');
  response.end('{"id":"answer"}');
};

function files(upstream: string, more = '', grant: object = {}): TempWorkspaceFiles {
  return {
    grants: [
      {
        tool: 'model-gateway',
        actions: ['chat', 'embeddings'],
        args: { model: { type: 'string' }, stream: { type: 'boolean' } },
        rate: { perMinute: 100 },
        ...grant,
      },
    ],
    config: `gateway: { upstream: "${upstream}" }\n${more}`,
  };
}

const CHAT = { model: 'small', messages: [{ role: 'user', content: 'hello' }] };

describe('the model gateway', () => {
  it('is not there unless it is configured', async () => {
    const { url } = await startServer();
    expect((await post(`${url}/v1/chat/completions`, CHAT)).status).toBe(404);
  });

  it('passes an allowed call on, without the client’s credentials, and answers with what came back', async () => {
    const upstream = await startUpstream(json);
    const { url, governor } = await startServer(files(upstream.url));
    const answer = await post(`${url}/v1/chat/completions`, CHAT, { cookie: 'a=b' });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ id: 'answer' });
    expect(upstream.seen).toHaveLength(1);
    expect(upstream.seen[0]?.path).toBe('/v1/chat/completions');
    expect(JSON.parse(upstream.seen[0]?.body ?? '')).toMatchObject(CHAT);
    expect(upstream.seen[0]?.headers.cookie).toBeUndefined();
    expect(governor.counters.allowed).toBe(1);
  });

  it('sends nothing for a call that is denied, stopped or malformed', async () => {
    const upstream = await startUpstream(json);
    const { url, governor } = await startServer(files(upstream.url));
    const denied = await post(`${url}/v1/rerank`, { model: 'small' });
    expect(denied.status).toBe(403);
    expect(denied.body.error.code).toBe('ACTION_NOT_ALLOWED');
    expect((await post(`${url}/v1/chat/completions`, 'nonsense')).status).toBe(400);
    await governor.killSwitch.engage({ scope: 'global', actor: 'op', reason: 'drill' });
    const killed = await post(`${url}/v1/chat/completions`, CHAT);
    expect([killed.status, killed.body.error.code]).toEqual([503, 'KILLED_GLOBAL']);
    const malformed = await post(`${url}/v1/chat/completions`, 'nonsense');
    expect([malformed.status, malformed.body.error.code]).toEqual([503, 'KILLED_GLOBAL']);
    expect(upstream.seen).toEqual([]);
  });

  it('tells where the limits stand, and settles a call with what it used', async () => {
    const upstream = await startUpstream((response) => {
      response.setHeader('content-type', 'application/json');
      response.end('{"usage":{"total_tokens":7}}');
    });
    const rate = { perMinute: 2, tokens: { perMinute: 100, perCall: 60 } };
    const { url } = await startServer(files(upstream.url, '', { rate }));
    const first = await post(`${url}/v1/chat/completions`, CHAT);
    expect(first.headers.get('ratelimit-policy')).toBe(
      '"calls-60";q=2;w=60, "tokens-60";q=100;cortex-unit="tokens";w=60',
    );
    expect(first.headers.get('ratelimit')).toMatch(
      /^"calls-60";r=1;t=\d+, "tokens-60";r=40;t=\d+$/,
    );
    const second = await post(`${url}/v1/chat/completions`, CHAT);
    expect(second.headers.get('ratelimit')).toMatch(
      /"calls-60";r=0;t=\d+, "tokens-60";r=33;t=\d+$/,
    );
    const third = await post(`${url}/v1/chat/completions`, CHAT);
    expect(third.status).toBe(429);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(third.headers.get('ratelimit')).toContain('"tokens-60";r=86');
  });

  it('charges a cost limit what the configured price makes of the tokens used', async () => {
    const upstream = await startUpstream((response) => {
      response.setHeader('content-type', 'application/json');
      response.end('{"usage":{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14}}');
    });
    const rate = { perMinute: 100, cost: { perMinute: 1_000_000, perCall: 100_000 } };
    const prices =
      '  prices: { small: { input: 500, output: 2000 }, "org/free": { input: 0, output: 0 } }';
    const { config, ...rest } = files(upstream.url, '', { rate });
    const { url } = await startServer({
      ...rest,
      config: `gateway:\n  upstream: "${upstream.url}"\n${prices}\n`,
    });
    const remaining = async (body: object): Promise<number> => {
      const { headers } = await post(`${url}/v1/chat/completions`, body);
      return Number(/"cost-60";r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1]);
    };
    const few = { ...CHAT, max_tokens: 4 };
    await remaining(few);
    // Before this call 10 x 500 + 4 x 2000 millionths were charged; a free model's estimate is nothing.
    expect(await remaining({ ...few, model: 'org/free' })).toBe(1_000_000 - 13_000);
    // A model without a price holds the grant's perCall while it runs.
    expect(await remaining({ ...few, model: 'other' })).toBe(1_000_000 - 13_000 - 100_000);
  });

  it.each([
    ['gateway.prices.small.input', '{ small: { input: -1, output: 1 } }'],
    ['gateway.prices.small.output', '{ small: { input: 1, output: 1000001 } }'],
    ['gateway.prices.small', '{ small: { input: 1, output: 1, cached: 1 } }'],
    ['gateway.prices.small.output', '{ small: { input: 1 } }'],
    ['gateway.prices', '{ "": { input: 1, output: 1 } }'],
    ['gateway.prices', `{ ${'m'.repeat(257)}: { input: 1, output: 1 } }`],
    [
      'gateway.prices',
      `{ ${Array.from({ length: 1001 }, (_, i) => `m${i}: { input: 1, output: 1 }`).join(', ')} }`,
    ],
  ])('does not start with a bad price: %s', async (place, prices) => {
    const config = `gateway: { upstream: "http://127.0.0.1:9/v1", prices: ${prices} }\n`;
    await expect(makeGovernor({ config })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(place),
    });
  });

  it('streams, and lets go of the upstream when the client goes away', async () => {
    let upstreamClosed = false;
    const upstream = await startUpstream((response) => {
      response.setHeader('content-type', 'text/event-stream');
      response.write('data: {"n":1}\n\n');
      response.on('close', () => {
        upstreamClosed = true;
      });
    });
    const { url } = await startServer(files(upstream.url));
    const gone = new AbortController();
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...CHAT, stream: true }),
      signal: gone.signal,
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toContain('"n":1');
    gone.abort();
    await vi.waitFor(() => expect(upstreamClosed).toBe(true));
  });

  it('lets go of an upstream that has not answered when the client goes away', async () => {
    let upstreamClosed = false;
    const upstream = await startUpstream((response) => {
      response.on('close', () => {
        upstreamClosed = true;
      });
    });
    const { url } = await startServer(files(upstream.url));
    const gone = new AbortController();
    const call = fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(CHAT),
      signal: gone.signal,
    }).catch(() => 'gone');
    await vi.waitFor(() => expect(upstream.seen).toHaveLength(1));
    gone.abort();
    expect(await call).toBe('gone');
    await vi.waitFor(() => expect(upstreamClosed).toBe(true));
  });

  it('holds bodies to the configured limit', async () => {
    const upstream = await startUpstream(json);
    const { url } = await startServer(files(upstream.url, 'server: { bodyLimitBytes: 2048 }'));
    const large = { ...CHAT, messages: [{ role: 'user', content: 'x'.repeat(4_000) }] };
    expect((await post(`${url}/v1/chat/completions`, large)).status).toBe(413);
    expect(upstream.seen).toEqual([]);
  });

  it('takes the agent from a trusted peer’s header, and from no one else’s', async () => {
    const upstream = await startUpstream(json);
    const grant = { subjects: ['bot-7'] };
    const tenancy = (peer: string): string =>
      `tenancy: { tenants: [acme], header: { trustedPeers: [${peer}] } }`;
    const trusted = await startServer(files(upstream.url, tenancy('127.0.0.1'), grant));
    const call = (url: string, headers: Record<string, string>) =>
      post(`${url}/v1/chat/completions`, CHAT, { 'x-tenant-id': 'acme', ...headers });
    expect((await call(trusted.url, { 'x-agent-id': 'bot-7' })).status).toBe(200);
    expect((await call(trusted.url, {})).body.error.code).toBe('SUBJECT_NOT_GRANTED');
    const malformed = await call(trusted.url, { 'x-agent-id': 'bot-7, bot-8' });
    expect([malformed.status, malformed.body.error.code]).toEqual([400, 'REQUEST_INVALID']);
    const open = await startServer(files(upstream.url, '', grant));
    const claimed = await post(`${open.url}/v1/chat/completions`, CHAT, { 'x-agent-id': 'bot-7' });
    expect(claimed.body.error.code).toBe('SUBJECT_NOT_GRANTED');
    expect(upstream.seen).toHaveLength(1);
  });

  it('refuses callers without a tenant, with evidence', async () => {
    const upstream = await startUpstream(json);
    const { url, governor } = await startServer(
      files(upstream.url, 'tenancy: { tenants: [acme] }'),
    );
    const answer = await post(`${url}/v1/chat/completions`, CHAT);
    expect([answer.status, answer.body.error.code]).toEqual([401, 'TENANT_MISSING']);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(governor.counters.total).toBe(1);
    expect(upstream.seen).toEqual([]);
  });

  it('does not start without the API key that it is to send', async () => {
    const [governor] = await makeGovernor({
      config:
        'gateway: { upstream: "http://127.0.0.1:9/v1", apiKeyEnv: GOVERNANCE_TEST_NO_SUCH_VARIABLE }',
    });
    await expect(createServer(governor, { port: 0 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('GOVERNANCE_TEST_NO_SUCH_VARIABLE'),
    });
  });

  it('does not start with an upstream that it must not use', async () => {
    const [governor] = await makeGovernor({
      config: 'gateway: { upstream: "http://user:pass@127.0.0.1:9/v1" }',
    });
    await expect(createServer(governor, { port: 0 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.not.stringContaining('pass'),
    });
  });
});
