import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JSONWebKeySet } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TenantGuard } from '../src/index.ts';
import { STRANGER, TestClock, TestLogger, tokenGuard } from './guard-parts.ts';
import { createIssuer, type TokenIssuer } from './token-issuer.ts';

let issuer: TokenIssuer;
let rotated: TokenIssuer;
beforeAll(async () => {
  issuer = await createIssuer('EdDSA', 'old');
  rotated = await createIssuer('EdDSA', 'new');
});

let server: Server;
let requests: number;
let answer: RequestListener;
let clock: TestClock;
let logger: TestLogger;
let guard: TenantGuard;

function serve(jwks: JSONWebKeySet): RequestListener {
  return (_, response) => response.end(JSON.stringify(jwks));
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  requests = 0;
  answer = serve(issuer.jwks);
  server = createServer((request, response) => {
    requests += 1;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  clock = new TestClock();
  logger = new TestLogger();
  const jwksUri = `http://127.0.0.1:${port}/keys`;
  guard = tokenGuard({ jwksUri, jwksTimeoutMs: 500 }, { clock, logger });
});

afterEach(async () => {
  vi.useRealTimers();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function codeOf(token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` };
  const outcome = await guard.derive({ headers, remoteAddress: STRANGER });
  return outcome.ok ? outcome.tenant : outcome.code;
}

describe('keys from a URL', () => {
  it('are fetched once for many requests, and not before the first', async () => {
    expect(requests).toBe(0);
    const token = await issuer.token();
    const codes = await Promise.all(Array.from({ length: 20 }, () => codeOf(token)));
    expect(new Set(codes)).toEqual(new Set(['acme']));
    expect(await codeOf(token)).toBe('acme');
    expect(requests).toBe(1);
  });

  it('are waited for no longer than the options say', async () => {
    const timeout = vi.spyOn(AbortSignal, 'timeout');
    await codeOf(await issuer.token());
    expect(timeout).toHaveBeenCalledExactlyOnceWith(500);
    timeout.mockRestore();
  });

  it('are taken up to their largest size', async () => {
    answer = (_, response) => response.end(JSON.stringify(issuer.jwks).padEnd(262_144));
    expect(await codeOf(await issuer.token())).toBe('acme');
  });

  it('are fetched anew for an unknown key id, but at most once in the cooldown', async () => {
    expect(await codeOf(await issuer.token())).toBe('acme');
    answer = serve(rotated.jwks);
    const token = await rotated.token();
    expect(await codeOf(token)).toBe('TENANT_TOKEN_INVALID');
    expect(requests).toBe(1);
    vi.setSystemTime(Date.now() + 30_000);
    expect(await codeOf(token)).toBe('acme');
    for (const kid of ['a', 'b', 'c', 'd']) await codeOf(await issuer.token({}, { kid }));
    expect(requests).toBe(2);
    expect(await codeOf(await issuer.token())).toBe('TENANT_TOKEN_INVALID');
  });

  it('are not used past their age when they cannot be fetched again', async () => {
    expect(await codeOf(await issuer.token())).toBe('acme');
    answer = (_, response) => response.writeHead(503).end();
    vi.setSystemTime(Date.now() + 599_999);
    expect(await codeOf(await issuer.token())).toBe('acme');
    vi.setSystemTime(Date.now() + 1);
    expect(await codeOf(await issuer.token())).toBe('TENANT_TOKEN_INVALID');
    expect(guard.counters().keysUnavailable).toBe(1);
  });
});

describe('keys that cannot be had', () => {
  const failures: [string, RequestListener][] = [
    ['an error', (_, response) => response.writeHead(500).end()],
    ['a redirect', (_, response) => response.writeHead(302, { location: '/keys' }).end()],
    ['no JSON', (_, response) => response.end('<html>')],
    ['no key set', (_, response) => response.end('{"keys":7}')],
    ['an empty key set', (_, response) => response.end('{"keys":[]}')],
    ['a symmetric key', (_, response) => response.end('{"keys":[{"kty":"oct","k":"AA"}]}')],
    ['an endless body', (_, response) => response.end(JSON.stringify(issuer.jwks).padEnd(262_145))],
    ['a connection that breaks', (request) => request.destroy()],
    ['a body that breaks', (_, response) => void response.write('{', () => response.destroy())],
    ['silence', () => {}],
    ['half an answer', (_, response) => void response.write('{"keys":')],
  ];

  it.each(failures)('deny and say whose fault it is: %s', async (_, failure) => {
    answer = failure;
    expect(await codeOf(await issuer.token())).toBe('TENANT_TOKEN_INVALID');
    expect(guard.counters()).toMatchObject({ keysUnavailable: 1, missingContext: 0 });
    expect(logger.lines).toEqual([
      {
        level: 'error',
        event: 'TENANT_KEYS_UNAVAILABLE',
        fields: { problem: expect.any(String), suppressed: 0 },
      },
    ]);
  });

  it('are asked for again only after a while, and then serve again', async () => {
    const good = answer;
    answer = (_, response) => response.writeHead(500).end();
    const token = await issuer.token();
    for (let i = 0; i < 10; i += 1) expect(await codeOf(token)).toBe('TENANT_TOKEN_INVALID');
    expect(requests).toBe(1);
    answer = good;
    clock.elapsedMs = 4999;
    expect(await codeOf(token)).toBe('TENANT_TOKEN_INVALID');
    clock.elapsedMs = 5000;
    expect(await codeOf(token)).toBe('acme');
    expect(requests).toBe(2);
    expect(guard.counters().keysUnavailable).toBe(11);
  });

  it('do not stand in the way of keys that are still fresh', async () => {
    expect(await codeOf(await issuer.token())).toBe('acme');
    answer = (_, response) => response.writeHead(500).end();
    vi.setSystemTime(Date.now() + 31_000);
    expect(await codeOf(await rotated.token())).toBe('TENANT_TOKEN_INVALID');
    expect(await codeOf(await issuer.token())).toBe('acme');
  });

  it('are never asked for by a token that is refused by its shape', async () => {
    expect(await codeOf('a.b')).toBe('TENANT_TOKEN_INVALID');
    expect(await codeOf('x'.repeat(20_000))).toBe('TENANT_TOKEN_INVALID');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.AA`;
    expect(await codeOf(none)).toBe('TENANT_TOKEN_INVALID');
    expect(requests).toBe(0);
  });
});
