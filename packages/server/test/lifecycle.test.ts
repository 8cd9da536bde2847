import { Agent, request } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createServer, EVALUATION_PATH } from '../src/index.ts';
import { openRaw } from './raw-http.ts';
import { GIT_MAP, makeGovernor, post, question, startServer } from './workspace.ts';

describe('listen', () => {
  it('says when the port is in use, and leaves the first server alone', async () => {
    const first = await startServer();
    const [governor] = await makeGovernor();
    const second = await createServer(governor, { port: first.port });
    await expect(second.listen()).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: `cannot listen on 127.0.0.1:${first.port}: the port is in use`,
    });
    await second.close();
    expect((await post(first.url + EVALUATION_PATH, question())).body.decision).toBe(true);
  });

  it('says when the address is not one of this machine', async () => {
    const [governor] = await makeGovernor();
    const server = await createServer(governor, { host: '203.0.113.7', port: 0 });
    await expect(server.listen()).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    await server.close();
  });

  it('takes host and port from the configuration, and tells where it listens', async () => {
    const [governor] = await makeGovernor({ config: 'server: { host: "::1", port: 0 }' });
    const server = await createServer(governor);
    const address = await server.listen();
    expect(address).toEqual({
      host: '::1',
      port: address.port,
      url: `http://[::1]:${address.port}`,
    });
    expect((await fetch(`${address.url}/health/live`)).status).toBe(200);
    await server.close();
  });

  it.each([
    [{ port: 70_000 }, 'port'],
    [{ publicUrl: 'ftp://x' }, 'publicUrl'],
    [{ publicUrl: 'https://x/?q' }, 'publicUrl'],
    [{ headersTimeoutMs: 0 }, 'headersTimeoutMs'],
    [{ maxConnections: 1.5 }, 'maxConnections'],
    [{ unknown: true }, 'createServer'],
  ])('refuses the options %j', async (options, place) => {
    const [governor] = await makeGovernor();
    await expect(createServer(governor, options as never)).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      message: expect.stringContaining(place),
    });
  });
});

describe('close', () => {
  it('finishes requests in flight, closes idle connections and takes no new ones', async () => {
    const { governor, server, url, port } = await startServer();
    let goOn = (): void => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const evaluate = governor.evaluate.bind(governor);
    const spy = vi.spyOn(governor, 'evaluate').mockImplementation(async (asked) => {
      await held;
      return evaluate(asked);
    });
    const idle = await openRaw(port);
    idle.socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await vi.waitFor(() => expect(idle.received()).toContain('200 OK'));
    const inFlight = post(url + EVALUATION_PATH, question());
    await vi.waitFor(() => expect(spy).toHaveBeenCalled());
    const closing = server.close();
    await idle.closed;
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
    goOn();
    expect((await inFlight).body.decision).toBe(true);
    await closing;
    await server.close();
    expect(governor.decide(question() as never).code).toBe('REQUEST_INVALID');
  });

  it('does not wait longer than closeTimeoutMs for a client that does not read', async () => {
    const { governor, server, url } = await startServer({}, { closeTimeoutMs: 50 });
    const spy = vi.spyOn(governor, 'evaluate').mockImplementation(() => new Promise(() => {}));
    const stuck = post(url + EVALUATION_PATH, question()).catch(() => 'cut off');
    await vi.waitFor(() => expect(spy).toHaveBeenCalled());
    await server.close();
    expect(await stuck).toBe('cut off');
  });

  it('is fine before listen', async () => {
    const [governor] = await makeGovernor();
    const server = await createServer(governor, { port: 0 });
    await server.close();
    await server.close();
  });
});

describe('under load', () => {
  it('admits exactly the limit, however many ask at once', async () => {
    const { url } = await startServer({
      grants: Array.from({ length: 12 }, (_, i) => ({
        ...GIT_MAP,
        tool: `tool-${i}`,
        rate: { perMinute: 5 },
      })),
    });
    let used = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), async (parallel) => {
        const tool = `tool-${used++}`;
        const body = { ...question(), resource: { type: 'tool', id: tool } };
        const answers = await Promise.all(
          Array.from({ length: parallel }, () => post(url + EVALUATION_PATH, body)),
        );
        const admitted = answers.filter((answer) => answer.body.decision).length;
        expect(admitted).toBe(Math.min(5, parallel));
        const limited = answers.filter((answer) => answer.body.context.code === 'RATE_LIMITED');
        expect(limited).toHaveLength(parallel - admitted);
        for (const answer of limited) {
          expect(answer.status).toBe(200);
          expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
        }
      }),
      { numRuns: 12 },
    );
  });

  it('closes a connection after maxRequestsPerSocket', async () => {
    const { port } = await startServer({}, { maxRequestsPerSocket: 2 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const get = (): Promise<string | undefined> =>
      new Promise((resolve, reject) => {
        const call = request({ port, agent, path: '/health/live' }, (response) => {
          response.resume();
          response.on('end', () => resolve(response.headers.connection));
        });
        call.on('error', reject);
        call.end();
      });
    expect(await get()).toBe('keep-alive');
    expect(await get()).toBe('close');
    agent.destroy();
  });
});

describe('GET /metrics', () => {
  it('shows request durations by route, method and status, with bounded labels', async () => {
    const { url } = await startServer();
    await post(url + EVALUATION_PATH, question());
    await post(`${url}/no/such/route-${'x'.repeat(50)}`, question());
    await fetch(`${url}/access/v1/evaluation`, { method: 'PROPFIND' });
    let text = '';
    await vi.waitFor(async () => {
      const response = await fetch(`${url}/metrics`);
      expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=/);
      text = await response.text();
      expect(text).toContain('method="OTHER"');
    });
    const counts = text
      .split('\n')
      .filter((line) => line.startsWith('http_request_duration_seconds_count'));
    const count = (labels: readonly string[]): string | undefined =>
      counts
        .find((line) => labels.every((label) => line.includes(label)))
        ?.split(' ')
        .at(-1);
    const governance = 'middleware="governance"';
    const decided = ['route="/access/v1/evaluation"', 'method="POST"', 'status_code="200"'];
    expect(count([governance, ...decided])).toBe('1');
    expect(count([governance, 'route="unknown"', 'method="POST"', 'status_code="404"'])).toBe('1');
    expect(text).not.toContain('no/such/route');
    expect(text).toContain('governance_decision_count');
  });

  it('is shared by two servers of one governor', async () => {
    const { governor, url } = await startServer();
    const second = await createServer(governor, { port: 0 });
    const { url: other } = await second.listen();
    await fetch(`${other}/health/live`);
    await vi.waitFor(async () => {
      expect(await (await fetch(`${url}/metrics`)).text()).toContain('route="/health/live"');
    });
    await second.close();
  });
});
