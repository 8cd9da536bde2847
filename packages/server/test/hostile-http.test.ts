import { request } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { EVALUATION_PATH, EVALUATIONS_PATH, METADATA_PATH } from '../src/index.ts';
import { exchangeRaw, openRaw } from './raw-http.ts';
import { post, question, startServer } from './workspace.ts';

const LIMIT = 2_048;
const small = { config: `server: { bodyLimitBytes: ${LIMIT} }` };

/** A request with exactly these header fields. */
function rawPost(body: string, headers: readonly string[]): string {
  return [
    `POST ${EVALUATION_PATH} HTTP/1.1`,
    ...headers,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

describe('bodies', () => {
  it.each([
    ['{"subject":', 'unexpected end at position 11'],
    ['', 'the body is empty'],
    ['[]', 'not a JSON object'],
    ['"x"', 'not a JSON object'],
    ['null', 'not a JSON object'],
    ['{"subject":{},"subject":{}}', 'repeated member name at position 14'],
    ['{"context":{"__proto__":{"admin":true}}}', 'member named __proto__ at position 12'],
    ['{"context":{"constructor":{"prototype":{}}}}', 'member named constructor at position 12'],
    ['\ufeff{}', 'unexpected character at position 0'],
  ])('refuses %j with 400 BODY_INVALID: %s', async (body, problem) => {
    const { url } = await startServer();
    const answer = await post(url + EVALUATION_PATH, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      decision: false,
      context: { effect: 'deny', code: 'BODY_INVALID', httpStatus: 400, stage: 'request' },
    });
    expect(answer.body.context.reason).toContain(problem);
  });

  it('refuses bytes that are not UTF-8, and nesting without end', async () => {
    const { url } = await startServer();
    const bytes = await post(url + EVALUATION_PATH, Buffer.from('{"a":"\xff"}', 'latin1'));
    expect([bytes.status, bytes.body.context.reason]).toEqual([400, 'the body is not UTF-8']);
    const deep = await post(url + EVALUATION_PATH, `{"context":${'['.repeat(100_000)}`);
    expect([deep.status, deep.body.context.code]).toEqual([400, 'BODY_INVALID']);
  });

  it('refuses a body over the limit with 413, whether its length is told or not', async () => {
    const { url, port } = await startServer(small);
    const large = JSON.stringify({ ...question(), context: { filler: 'x'.repeat(LIMIT) } });
    const told = await post(url + EVALUATION_PATH, large);
    expect([told.status, told.body.context.code]).toEqual([413, 'BODY_INVALID']);
    expect(told.body.decision).toBe(false);
    const chunk = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`;
    const answer = await exchangeRaw(
      port,
      `POST ${EVALUATION_PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
        `Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunk}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it.each([
    ['text/plain', false],
    ['application/x-www-form-urlencoded', false],
    ['application/jsonx', false],
    ['application/json; charset=latin1', false],
    ['application/json; charset', false],
    ['application/json', true],
    ['application/json; charset=utf-8', true],
    ['Application/JSON;charset="UTF-8"', true],
    ['application/json; profile=x', true],
  ])('takes Content-Type %s: %s', async (type, accepted) => {
    const { url } = await startServer();
    const answer = await post(url + EVALUATION_PATH, question(), { 'content-type': type });
    expect(answer.status).toBe(accepted ? 200 : 400);
    expect(answer.body.decision).toBe(accepted);
    if (!accepted) expect(answer.body.context.code).toBe('BODY_INVALID');
  });

  it('refuses a body without Content-Type, and one that is compressed', async () => {
    const { url, port } = await startServer();
    const body = JSON.stringify(question());
    const none = await exchangeRaw(port, rawPost(body, ['Host: localhost']));
    expect(none).toMatch(/^HTTP\/1\.1 400 /);
    expect(none).toContain('Content-Type is missing');
    const gzip = await post(url + EVALUATION_PATH, body, { 'content-encoding': 'gzip' });
    expect([gzip.status, gzip.body.context.code]).toEqual([400, 'BODY_INVALID']);
  });
});

describe('routes and methods', () => {
  it.each([
    ['GET', EVALUATION_PATH, 'POST'],
    ['PUT', EVALUATIONS_PATH, 'POST'],
    ['DELETE', EVALUATION_PATH, 'POST'],
    ['OPTIONS', EVALUATION_PATH, 'POST'],
    ['PROPFIND', EVALUATION_PATH, 'POST'],
    ['POST', METADATA_PATH, 'GET, HEAD'],
    ['POST', '/health/live', 'GET, HEAD'],
    ['GET', '/v1/operator/kill', 'POST'],
  ])('answers %s %s with 405 and Allow: %s', async (method, path, allow) => {
    const { url } = await startServer();
    const response = await fetch(`${url}${path}?q=1`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allow);
    expect(await response.json()).toMatchObject({ error: { code: 'ROUTE_UNKNOWN', status: 405 } });
  });

  it.each([
    '/',
    '/access/v1/evaluation/',
    '/access/v1//evaluation',
    '/ACCESS/v1/evaluation',
    '/access/v1/search/subject',
    '/access/v1/evaluation%2f..',
    '/%00',
    '/__proto__',
    '/v1/chat/completions',
  ])('answers POST %s with 404', async (path) => {
    const { url } = await startServer();
    const answer = await post(url + path, question());
    expect([answer.status, answer.body.error.code]).toEqual([404, 'ROUTE_UNKNOWN']);
    expect(JSON.stringify(answer.body)).not.toContain(path.length > 1 ? path : 'stack');
  });

  it('answers a malformed URL with an error of its own', async () => {
    const { port } = await startServer();
    const answer = await exchangeRaw(
      port,
      'GET /%zz HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: me\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('ROUTE_UNKNOWN');
    expect(answer).toMatch(/^x-request-id: me\r$/m);
    expect(answer).not.toMatch(/stack|node_modules|fastify/i);
  });
});

describe('what the server tells about itself', () => {
  it('is nothing: no banner, no stack, no inner message', async () => {
    const { url, governor } = await startServer();
    const live = await fetch(`${url}/health/live`);
    expect(live.headers.get('server')).toBeNull();
    expect(live.headers.get('x-powered-by')).toBeNull();
    vi.spyOn(governor, 'status').mockImplementation(() => {
      throw new Error('secret detail in /etc/passwd');
    });
    const failed = await fetch(`${url}/health/ready`);
    expect(failed.status).toBe(500);
    expect(await failed.json()).toEqual({
      error: { status: 500, code: 'ENGINE_FAULT', message: 'a part of the server failed' },
    });
  });

  it('is a denial when the decision routes themselves fail', async () => {
    const { url, governor } = await startServer();
    vi.spyOn(governor.tenants, 'derive').mockRejectedValue(new Error('secret detail'));
    const answer = await post(url + EVALUATION_PATH, question());
    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ decision: false, context: { code: 'ENGINE_FAULT' } });
    expect(JSON.stringify(answer.body)).not.toContain('secret');
  });
});

describe('Host', () => {
  function statusFor(port: number, host: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const call = request({ port, host: '127.0.0.1', path: '/health/live', headers: { host } });
      call.on('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      call.on('error', reject);
      call.end();
    });
  }

  it('must be a loopback name on loopback: a page that was re-bound to 127.0.0.1 gets nothing', async () => {
    const { port } = await startServer();
    for (const host of ['localhost', `localhost:${port}`, '127.0.0.1', '[::1]:1', 'LOCALHOST']) {
      expect(await statusFor(port, host)).toBe(200);
    }
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'a b',
      '@',
    ]) {
      expect(await statusFor(port, host)).toBe(421);
    }
  });

  it('may be a name that is allowed', async () => {
    const { port } = await startServer({}, { allowedHosts: ['PDP.example'] });
    expect(await statusFor(port, 'pdp.example:443')).toBe(200);
    expect(await statusFor(port, 'other.example')).toBe(421);
  });
});

describe('connections', () => {
  it('answers what is not HTTP with 400 and closes', async () => {
    const { port } = await startServer();
    const answer = await exchangeRaw(port, 'this is not http\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Length: 0\r\n/);
  });

  it('answers a head that is too large with 431 and closes', async () => {
    const { port } = await startServer();
    const answer = await exchangeRaw(
      port,
      `GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(32_768)}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('refuses two ways of telling one body length', async () => {
    const { port } = await startServer();
    const answer = await exchangeRaw(
      port,
      `POST ${EVALUATION_PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
        'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('closes on a client that sends its head byte by byte, by headersTimeoutMs', async () => {
    const { port } = await startServer({}, { headersTimeoutMs: 100, requestTimeoutMs: 100 });
    const raw = await openRaw(port);
    raw.socket.write('POST / HTTP/1.1\r\nHost: loc');
    await raw.closed;
    expect(raw.received()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('closes on a client that never sends anything', async () => {
    const { port } = await startServer({}, { headersTimeoutMs: 100, requestTimeoutMs: 100 });
    const raw = await openRaw(port);
    await raw.closed;
    expect(raw.received()).not.toMatch(/ 200 /);
  });

  it('closes on a client that sends half a body, by requestTimeoutMs', async () => {
    const { port } = await startServer({}, { headersTimeoutMs: 100, requestTimeoutMs: 150 });
    const raw = await openRaw(port);
    raw.socket.write(
      `POST ${EVALUATION_PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
        'Content-Length: 100\r\n\r\n{"subject":',
    );
    await raw.closed;
    expect(raw.received()).not.toMatch(/"decision":true/);
  });

  it('goes on after clients that vanish in the middle', async () => {
    const { url, port } = await startServer();
    for (let i = 0; i < 20; i += 1) {
      const raw = await openRaw(port);
      raw.socket.write(
        `POST ${EVALUATION_PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
          'Content-Length: 5000\r\n\r\n{',
      );
      raw.socket.resetAndDestroy();
    }
    expect((await post(url + EVALUATION_PATH, question())).body.decision).toBe(true);
  });

  it('drops connections beyond maxConnections, and counts them', async () => {
    const { url, port, governor } = await startServer({}, { maxConnections: 2 });
    const first = await openRaw(port);
    const second = await openRaw(port);
    const third = await openRaw(port);
    await third.closed;
    first.socket.destroy();
    second.socket.destroy();
    await vi.waitFor(async () => {
      expect((await fetch(`${url}/health/live`)).status).toBe(200);
    });
    const { body } = await governor.metrics.expose();
    expect(body).toMatch(/^http_connections_dropped_total(\{\})? [1-9]/m);
  });
});
