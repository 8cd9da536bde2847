import { GovernanceError } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createModelGateway } from '../src/index.ts';
import { CALLER, chat, HELLO, openGateway, STOP, type TestGateway } from './gateway.ts';
import { type Arrival, answerEvents, event } from './upstream.ts';

const STREAM = { ...HELLO, stream: true };

interface OpenStream extends TestGateway {
  readonly response: Response;
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  /** The next chunk as text; null at the end. */
  readonly next: () => Promise<string | null>;
  readonly arrival: Arrival;
}

async function openStream(
  setup: Parameters<typeof openGateway>[0] = {},
  init: RequestInit = {},
): Promise<OpenStream> {
  const opened = await openGateway({ answer: answerEvents, ...setup });
  const response = await opened.gateway.handle(chat(STREAM, init), CALLER);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const next = async (): Promise<string | null> => {
    const { done, value } = await reader.read();
    return done ? null : Buffer.from(value).toString();
  };
  const arrival = opened.upstream.arrivals[0];
  if (arrival === undefined) throw new Error('nothing arrived');
  return { ...opened, response, reader, next, arrival };
}

/** A governor that counts the watches that were not ended. */
function watched(opened: TestGateway) {
  const open = new Set<symbol>();
  const governor = new Proxy(opened.governor, {
    get(target, name) {
      if (name === 'onStop') {
        return (...watch: Parameters<typeof target.onStop>) => {
          const id = Symbol('watch');
          open.add(id);
          const end = target.onStop(...watch);
          return () => {
            open.delete(id);
            end();
          };
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { governor, open };
}

describe('a stream', () => {
  it('passes on each event as it comes', async () => {
    const { next, arrival } = await openStream();
    expect(await next()).toBe(event('first'));
    arrival.response.write(event('second'));
    expect(await next()).toBe(event('second'));
    arrival.response.end('data: [DONE]\n\n');
    expect(await next()).toBe('data: [DONE]\n\n');
    expect(await next()).toBeNull();
  });

  it('is read only as fast as the client reads', async () => {
    const { governor } = await openGateway();
    let pulls = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulls += 1;
          controller.enqueue(Buffer.from(event(String(pulls))));
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { 'content-type': 'text/event-stream' };
    const gateway = createModelGateway({
      governor,
      upstream: 'http://127.0.0.1:9/v1',
      fetch: async () => new Response(body, { headers }),
    });
    const response = await gateway.handle(chat(STREAM), CALLER);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (let i = 1; i <= 5; i += 1) {
      const { value } = await reader.read();
      expect(Buffer.from(value ?? []).toString()).toBe(event(String(i)));
      expect(pulls).toBe(i);
    }
    await reader.cancel();
  });

  it('has the bytes of the upstream, however they are cut', async () => {
    const { governor } = await openGateway();
    const line = fc.constantFrom('data: x', ': comment', 'event: a', 'id: é', '', 'data: {"a":1}');
    const end = fc.constantFrom('\n', '\r\n', '\r', '\n\n', '\r\n\r\n', '\r\r');
    const text = fc.array(fc.tuple(line, end), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        async (lines, cuts) => {
          const bytes = Buffer.from(lines.flat().join(''));
          const chunks: Uint8Array[] = [];
          for (let at = 0; at < bytes.length; ) {
            const size = cuts.next().value ?? 1;
            chunks.push(bytes.subarray(at, at + size));
            at += size;
          }
          const body = new ReadableStream<Uint8Array>({
            start(controller) {
              for (const chunk of chunks) controller.enqueue(chunk);
              controller.close();
            },
          });
          const headers = { 'content-type': 'text/event-stream; charset=utf-8' };
          const gateway = createModelGateway({
            governor,
            upstream: 'http://127.0.0.1:9/v1',
            fetch: async () => new Response(body, { headers }),
          });
          const response = await gateway.handle(chat(STREAM), CALLER);
          const parts: string[] = [];
          for await (const part of response.body ?? [])
            parts.push(Buffer.from(part).toString('latin1'));
          expect(parts.join('')).toBe(bytes.toString('latin1'));
          // All but the last part end with a blank line.
          for (const part of parts.slice(0, -1)) expect(part).toMatch(/(?:^|\n|\r)(?:\n|\r)$/);
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each(['\n', '\r', '\r\n'])(
    'is cut behind the blank line that ends an event: %j',
    async (end) => {
      const { governor } = await openGateway();
      const text = `data: a${end}${end}data: b`;
      const gateway = createModelGateway({
        governor,
        upstream: 'http://127.0.0.1:9/v1',
        fetch: async () => new Response(text, { headers: { 'content-type': 'text/event-stream' } }),
      });
      const response = await gateway.handle(chat(STREAM), CALLER);
      const parts: string[] = [];
      for await (const part of response.body ?? []) parts.push(Buffer.from(part).toString());
      expect(parts).toEqual([`data: a${end}${end}`, 'data: b']);
    },
  );

  it('passes on an event without end in pieces', async () => {
    const { gateway } = await openGateway({
      answer: ({ response }) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(`data: ${'x'.repeat(5_000_000)}`);
      },
    });
    const response = await gateway.handle(chat(STREAM), CALLER);
    const parts: number[] = [];
    for await (const part of response.body ?? []) parts.push(part.byteLength);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.reduce((sum, bytes) => sum + bytes, 0)).toBe(5_000_006);
  });
});

describe('a stop during a stream', () => {
  it('ends it with an error event, and lets the upstream go', async () => {
    const { next, arrival, governor } = await openStream();
    expect(await next()).toBe(event('first'));
    const waiting = next();
    await governor.killSwitch.engage(STOP);
    const last = await waiting;
    expect(last).toMatch(/^data: \{"error":.*\}\n\n$/);
    const body = JSON.parse((last ?? '').slice('data: '.length));
    expect(body.error).toMatchObject({
      type: 'governance_denied',
      code: 'KILLED_AGENT',
      param: null,
    });
    expect(body.verdict).toMatchObject({ effect: 'deny', code: 'KILLED_AGENT' });
    expect(await next()).toBeNull();
    await arrival.closed;
    const codes = [...governor.counters.counts()].map(({ code }) => code);
    expect(codes).toEqual(expect.arrayContaining(['ALLOWED', 'KILLED_AGENT']));
  });

  it('ends it also while the client does not read', async () => {
    const { next, arrival, governor } = await openStream();
    arrival.response.write(event('second'));
    await governor.killSwitch.engage({ actor: 'op', reason: 'test', scope: 'global' });
    await arrival.closed;
    expect(await next()).toContain('KILLED_GLOBAL');
    expect(await next()).toBeNull();
  });

  it('cuts between events: half of one is never sent', async () => {
    const { next, arrival, governor } = await openStream();
    expect(await next()).toBe(event('first'));
    const waiting = next();
    await new Promise<void>((resolve) => {
      arrival.response.write('data: {"choices":[{"del', () => resolve());
    });
    await governor.killSwitch.engage(STOP);
    expect(await waiting).toMatch(/^data: \{"error"/);
  });

  it('breaks off inside an event too long to be held back: nothing is appended to it', async () => {
    const { next, reader, arrival, governor } = await openStream();
    expect(await next()).toBe(event('first'));
    arrival.response.write(`data: ${'x'.repeat(3_000_000)}`);
    expect(await next()).toMatch(/^data: x+$/);
    await governor.killSwitch.engage(STOP);
    const read = async (): Promise<void> => {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        expect(Buffer.from(part.value).toString()).toMatch(/^x+$/);
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'KILLED_AGENT' });
    await arrival.closed;
  });

  it('that covers other calls does nothing', async () => {
    const { next, arrival, governor } = await openStream();
    await governor.killSwitch.engage({ ...STOP, agent: 'somebody-else' });
    await governor.killSwitch.engage({ actor: 'op', reason: 'x', scope: 'tool', tool: 'other' });
    await governor.killSwitch.engage({
      actor: 'op',
      reason: 'x',
      scope: 'action',
      tool: 'model-gateway',
      action: 'rerank',
    });
    expect(await next()).toBe(event('first'));
    arrival.response.end();
    expect(await next()).toBeNull();
  });

  it('breaks off a body that is not events', async () => {
    const { gateway, governor, upstream } = await openGateway({
      answer: ({ response }) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"id":');
      },
    });
    const response = await gateway.handle(chat(HELLO), CALLER);
    const text = response.text();
    text.catch(() => {});
    await governor.killSwitch.engage(STOP);
    await expect(text).rejects.toBeInstanceOf(GovernanceError);
    await expect(text).rejects.toMatchObject({ code: 'KILLED_AGENT' });
    await upstream.arrivals[0]?.closed;
  });

  it('engaged by another process ends it too', async () => {
    const { next, governor } = await openStream();
    expect(await next()).toBe(event('first'));
    const waiting = next();
    const { createGovernor } = await import('@cortex-governance/governor');
    const { silentLogger } = await import('@cortex-governance/core');
    const other = await createGovernor({ root: governor.paths.root, logger: silentLogger });
    await other.killSwitch.engage(STOP);
    await other.close();
    expect(await waiting).toContain('KILLED_AGENT');
  });
});

describe('an upstream that fails during a stream', () => {
  it('ends it with an error event', async () => {
    const { next, arrival } = await openStream();
    expect(await next()).toBe(event('first'));
    const waiting = next();
    arrival.response.destroy();
    const last = await waiting;
    expect(last).toMatch(/^data: \{"error":\{.*"code":"UPSTREAM_UNAVAILABLE".*\}\n\n$/);
    expect(await next()).toBeNull();
  });

  it('by silence ends it with an error event', async () => {
    const { next, arrival } = await openStream({ options: { timeoutMs: 200 } });
    expect(await next()).toBe(event('first'));
    expect(await next()).toContain('nothing more within 200 ms');
    expect(await next()).toBeNull();
    await arrival.closed;
  });
});

describe('a client that goes away during a stream', () => {
  it('by cancelling takes the upstream with it', async () => {
    const { reader, next, arrival } = await openStream();
    expect(await next()).toBe(event('first'));
    await reader.cancel();
    await arrival.closed;
  });

  it('by cancelling while it waits takes the upstream with it', async () => {
    const { reader, next, arrival } = await openStream();
    await next();
    const waiting = next();
    await reader.cancel();
    expect(await waiting).toBeNull();
    await arrival.closed;
  });

  it('by aborting its request takes the upstream with it', async () => {
    const controller = new AbortController();
    const { next, arrival } = await openStream({}, { signal: controller.signal });
    await next();
    const waiting = next();
    waiting.catch(() => {});
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    await arrival.closed;
  });
});

describe('the watch over a call', () => {
  it('ends with the call, however it ends', async () => {
    const opened = await openGateway({ answer: answerEvents });
    const { governor, open } = watched(opened);
    const gateway = createModelGateway({
      governor,
      upstream: opened.upstream.base,
      timeoutMs: 300,
    });
    const start = async (init: RequestInit = {}) => {
      const response = await gateway.handle(chat(STREAM, init), CALLER);
      expect(open.size).toBe(1);
      return { response, arrival: opened.upstream.arrivals.at(-1) as Arrival };
    };

    const whole = await start();
    whole.arrival.response.end();
    await whole.response.text();
    expect(open.size).toBe(0);

    const cancelled = await start();
    await cancelled.response.body?.cancel();
    expect(open.size).toBe(0);

    const broken = await start();
    broken.arrival.response.destroy();
    await broken.response.text();
    expect(open.size).toBe(0);

    const silent = await start();
    expect(await silent.response.text()).toContain('UPSTREAM_UNAVAILABLE');
    expect(open.size).toBe(0);

    const controller = new AbortController();
    await start({ signal: controller.signal });
    controller.abort();
    expect(open.size).toBe(0);

    opened.upstream.answer = ({ response }) => void response.destroy();
    expect((await gateway.handle(chat(STREAM), CALLER)).status).toBe(502);
    expect(open.size).toBe(0);

    opened.upstream.answer = answerEvents;
    const stopped = await start();
    await opened.governor.killSwitch.engage(STOP);
    expect(await stopped.response.text()).toContain('KILLED_AGENT');
    await vi.waitFor(() => expect(open.size).toBe(0));
  });
});
