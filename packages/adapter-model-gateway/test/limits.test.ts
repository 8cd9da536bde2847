import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { Governor } from '@cortex-governance/governor';
import { describe, expect, it, vi } from 'vitest';
import { createModelGateway } from '../src/index.ts';
import {
  CALLER,
  chat,
  errorOf,
  type GatewaySetup,
  openGateway,
  STOP,
  type TestGateway,
} from './gateway.ts';
import { type Answer, event } from './upstream.ts';

const PRICES = { small: { input: 2, output: 8 } };

/** A grant with a budget of tokens. */
function budget(perMinute: number, perCall: number, more: object = {}): GatewaySetup {
  return {
    grant: { rate: { perMinute: 1000, tokens: { perMinute, perCall }, ...more } },
    options: { prices: PRICES },
  };
}

function left(governor: Governor, name = 'tokens-60', action = 'chat'): number | undefined {
  const states = governor.limits({
    tenant: CALLER.tenant,
    subject: { type: 'agent', id: CALLER.agent },
    action: { name: action, properties: { model: 'small', stream: false } },
    resource: { type: 'tool', id: 'model-gateway' },
  });
  return states.find((state) => state.name === name)?.remaining;
}

/** A body of which the JSON is `bytes` bytes long. */
function bodyOf(bytes: number, members: object = {}): string {
  const bare = JSON.stringify({ model: 'small', ...members, messages: [{ content: '' }] });
  return bare.replace('"content":""', `"content":"${'x'.repeat(bytes - bare.length)}"`);
}

function answerUsage(usage: unknown, status = 200): Answer {
  return ({ response }) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ choices: [], usage }));
  };
}

function streamOf(...parts: string[]): Answer {
  return ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(parts.join(''));
  };
}

const usageEvent = (usage: unknown): string =>
  `data: ${JSON.stringify({ choices: [], usage })}\n\n`;
const DONE = 'data: [DONE]\n\n';

/** Sends one call and reads its answer to the end. */
async function run({ gateway }: TestGateway, body: unknown, path?: string): Promise<number> {
  const response = await gateway.handle(chat(body, path === undefined ? {} : { path }), CALLER);
  await response.text();
  return response.status;
}

describe('a budget of tokens', () => {
  it('is not passed by five calls at once; the sixth has what is left after they are settled', async () => {
    const used = 21;
    const held: (() => void)[] = [];
    const setup = await openGateway({
      ...budget(100, 50),
      answer: (arrival) => {
        held.push(() => void answerUsage({ total_tokens: used })(arrival));
      },
    });
    // 80 bytes are 20 tokens, and 10 more for the answer: 30 each, of which 100 has room for three.
    const body = bodyOf(80, { max_tokens: 10 });
    const calls = Array.from({ length: 5 }, () => setup.gateway.handle(chat(body), CALLER));
    await vi.waitFor(() => expect(held).toHaveLength(3));
    expect(left(setup.governor)).toBe(10);
    for (const answer of held.splice(0)) answer();
    const responses = await Promise.all(calls);
    const statuses = responses.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    for (const response of responses) {
      const answer = response.status === 200 ? null : await errorOf(response);
      if (answer === null) await response.text();
      else {
        expect(answer.error.code).toBe('RATE_LIMITED');
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      }
    }
    expect(left(setup.governor)).toBe(100 - 3 * used);
    // 37 are left: one more of 30 fits, a second does not.
    const sixth = setup.gateway.handle(chat(body), CALLER);
    await vi.waitFor(() => expect(held).toHaveLength(1));
    expect(left(setup.governor)).toBe(7);
    expect(await run(setup, body)).toBe(429);
    held[0]?.();
    await (await sixth).text();
    expect(left(setup.governor)).toBe(100 - 4 * used);
    expect(setup.upstream.arrivals).toHaveLength(4);
  });

  it('is charged in full what a call used above its estimate', async () => {
    const setup = await openGateway({
      ...budget(100, 50),
      answer: answerUsage({ prompt_tokens: 60, completion_tokens: 70 }),
    });
    expect(await run(setup, bodyOf(80, { max_tokens: 10 }))).toBe(200);
    expect(left(setup.governor)).toBe(0);
    expect(await run(setup, bodyOf(80, { max_tokens: 1 }))).toBe(429);
  });

  it('records what was used', async () => {
    const setup = await openGateway({
      ...budget(100, 50),
      answer: answerUsage({ total_tokens: 7 }),
    });
    const settle = vi.spyOn(setup.governor, 'settle');
    const appendEvent = vi.spyOn(setup.governor.evidence, 'appendEvent');
    await run(setup, bodyOf(80));
    expect(settle).toHaveBeenCalledTimes(1);
    expect(appendEvent).toHaveBeenCalledWith({
      type: 'usage',
      properties: { decision: expect.any(String), tokens: 7, cost: 7 * 8 },
    });
  });
});

describe('the estimate of a call', () => {
  /** Units of the budget that a call holds while it runs. */
  async function held(
    body: unknown,
    {
      path,
      perCall = 500,
      name = 'tokens-60',
    }: { path?: string; perCall?: number; name?: string } = {},
  ): Promise<number> {
    const before = 1_000_000;
    const setup = await openGateway({
      ...budget(before, perCall, { cost: { perMinute: before, perCall: 900 } }),
      answer: () => {},
    });
    const gone = new AbortController();
    const request = chat(body, { signal: gone.signal, ...(path === undefined ? {} : { path }) });
    const response = setup.gateway.handle(request, CALLER);
    await vi.waitFor(() => expect(setup.upstream.arrivals).toHaveLength(1));
    const action = path?.split('/').at(-1) ?? 'chat';
    const units = before - (left(setup.governor, name, action) ?? Number.NaN);
    gone.abort();
    await response;
    return units;
  }

  it.each([
    ['the prompt and the cap', { max_tokens: 30 }, 20 + 30],
    ['the largest cap, not the first', { max_tokens: 1, max_completion_tokens: 30 }, 20 + 30],
    ['the largest cap, not the last', { max_completion_tokens: 30, max_tokens: 1 }, 20 + 30],
    ['a cap further in', { max_tokens: 1, generationConfig: { maxOutputTokens: 30 } }, 20 + 30],
    ['a cap of other spelling', { Max_Tokens: 30, max_tokens: 1 }, 20 + 30],
    ['the cap for each answer', { max_tokens: 10, n: 3 }, 20 + 30],
    ['the cap for each answer there may be', { max_tokens: 10, n: 1, best_of: 3 }, 20 + 30],
    ['the ceiling without a cap', {}, 500],
    ['the ceiling for each answer', { n: 2 }, 1000],
    ['the ceiling for a cap that is no number', { max_tokens: '1' }, 500],
    ['the ceiling for a cap below zero', { max_tokens: -5 }, 500],
    ['the ceiling for a cap of zero', { max_tokens: 0 }, 500],
    ['the ceiling for half a token', { max_tokens: 0.5 }, 500],
    ['the ceiling for a cap that no server goes by', { max_input_tokens: 1 }, 500],
    ['the ceiling for a cap in another letter case', { Max_Tokens: 1 }, 500],
    ['the ceiling for a cap in another place', { options: { max_tokens: 1 } }, 500],
    ['the larger of the ceiling and such a cap', { options: { max_tokens: 700 } }, 720],
    [
      'the ceiling for a cap that is null beside one that is small',
      { max_tokens: 1, max_completion_tokens: null },
      500,
    ],
    [
      'the larger of the ceiling and a cap beside one that is no number',
      { max_tokens: 'x', max_completion_tokens: 700 },
      720,
    ],
  ])('is %s', async (_name, members, tokens) => {
    expect(await held(bodyOf(80 + JSON.stringify(members).length, members))).toBeGreaterThanOrEqual(
      tokens,
    );
    expect(await held(bodyOf(120, members))).toBe(
      tokens === 500 || tokens === 1000 ? tokens : tokens + 10,
    );
  });

  it('is never less than the prompt, whatever the ceiling', async () => {
    expect(await held(bodyOf(4001), { perCall: 10 })).toBe(1001);
  });

  it('counts the prompt in bytes, not in characters', async () => {
    const body = { model: 'small', max_tokens: 0, messages: '漢'.repeat(1000) };
    expect(await held(body)).toBe(Math.ceil(Buffer.byteLength(JSON.stringify(body)) / 4));
  });

  it('takes no cap from what is only content', async () => {
    const tools = [
      { function: { parameters: { properties: { max_tokens: { type: 'integer' } } } } },
    ];
    const body = { model: 'small', max_tokens: 30, tools, messages: [{ max_tokens: 9999 }] };
    expect(await held(body)).toBe(Math.ceil(JSON.stringify(body).length / 4) + 30);
  });

  it.each([
    ['embeddings', '/v1/embeddings'],
    ['rerank', '/v1/rerank'],
  ])('is the prompt alone for %s', async (_action, path) => {
    const body = { model: 'small', input: 'x'.repeat(400), max_tokens: 1000 };
    expect(await held(body, { path })).toBe(Math.ceil(JSON.stringify(body).length / 4));
  });

  it('has a cost where the model has a price and the answer a cap', async () => {
    expect(await held(bodyOf(80, { max_tokens: 30 }), { name: 'cost-60' })).toBe(20 * 2 + 30 * 8);
    expect(await held(bodyOf(80), { name: 'cost-60' })).toBe(900);
    const body = bodyOf(80, { max_tokens: 30 }).replace('"small"', '"org/large"');
    expect(await held(body, { name: 'cost-60' })).toBe(900);
  });
});

describe('a call that ended', () => {
  const CAPPED = { max_tokens: 30 };
  const RESERVED = 50;

  it.each<[string, Answer, number]>([
    ['the total', answerUsage({ total_tokens: 7 }), 7],
    [
      'the total before its parts',
      answerUsage({ total_tokens: 9, prompt_tokens: 3, completion_tokens: 4 }),
      9,
    ],
    [
      'the parts before a total below them',
      answerUsage({ total_tokens: 1, prompt_tokens: 3, completion_tokens: 4 }),
      7,
    ],
    ['the parts', answerUsage({ prompt_tokens: 3, completion_tokens: 4 }), 7],
    ['no usage for one of 0', answerUsage({ total_tokens: 0, prompt_tokens: 0 }), RESERVED],
    [
      'the usage at the end of a long answer',
      ({ response }) =>
        void response.end(
          `{"x":"${'x'.repeat(2_000_000)}", "usage": {"total_tokens":7,"y":{"z":"}"}},"fp":"a" }\n`,
        ),
      7,
    ],
    [
      'no usage that is a text of the model',
      ({ response }) =>
        void response.end(
          JSON.stringify({ x: 'x'.repeat(2_000_000), y: ',"usage":{"total_tokens":7}}' }),
        ),
      RESERVED,
    ],
    [
      'no usage of another object',
      ({ response }) =>
        void response.end(
          JSON.stringify({ x: 'x'.repeat(2_000_000), y: { x: 1, usage: { total_tokens: 7 } } }),
        ),
      RESERVED,
    ],
    ['a stream with a usage of 0 alone', streamOf(usageEvent({ total_tokens: 0 }), DONE), RESERVED],
    [
      'a token for each event of a long stream without a usage',
      streamOf(event('a').repeat(703), DONE),
      // [DONE] is an event, and three others carry no token.
      701,
    ],
    ['the parts by their other names', answerUsage({ input_tokens: 3, output_tokens: 4 }), 7],
    ['an error with a usage', answerUsage({ total_tokens: 7 }, 500), 7],
    ['no usage', answerUsage(undefined), RESERVED],
    ['an error without a usage', answerUsage(undefined, 400), RESERVED],
    ['half of a usage', answerUsage({ prompt_tokens: 3 }), RESERVED],
    ['a usage that is a text', answerUsage({ total_tokens: '7' }), RESERVED],
    ['a usage below zero', answerUsage({ total_tokens: -7 }), RESERVED],
    ['a usage in fractions', answerUsage({ total_tokens: 0.5 }), RESERVED],
    ['a usage beyond all bounds', answerUsage({ total_tokens: 1e300 }), RESERVED],
    ['a usage that is a list', answerUsage([7]), RESERVED],
    ['no JSON', ({ response }) => void response.end('{"usage":{"total_tokens":7}'), RESERVED],
    ['nothing', ({ response }) => void response.writeHead(204).end(), RESERVED],
    [
      'a redirect',
      ({ response }) => void response.writeHead(302, { location: '/' }).end(),
      RESERVED,
    ],
    ['a refusal of the key', ({ response }) => void response.writeHead(401).end(), RESERVED],
    [
      'more than is held',
      ({ response }) =>
        void response.end(JSON.stringify({ usage: { total_tokens: 7 }, x: 'x'.repeat(1_048_577) })),
      RESERVED,
    ],
    ['a stream with a usage', streamOf(event('a'), usageEvent({ total_tokens: 7 }), DONE), 7],
    [
      'a stream with usages',
      streamOf(
        usageEvent({ total_tokens: 1 }),
        usageEvent(null),
        usageEvent({ total_tokens: 7 }),
        DONE,
      ),
      7,
    ],
    ['a stream that just ends', streamOf(event('a'), usageEvent({ total_tokens: 7 })), 7],
    [
      'a stream with other line ends',
      streamOf(usageEvent({ total_tokens: 7 }).replaceAll('\n', '\r\n'), DONE),
      7,
    ],
    [
      'a stream with old line ends',
      streamOf(usageEvent({ total_tokens: 7 }).replaceAll('\n', '\r'), DONE),
      7,
    ],
    [
      'an event of more than one line',
      streamOf('data: {"usage":\ndata: {"total_tokens":7}}\n\n', DONE),
      7,
    ],
    ['an event that is never ended', streamOf('data: {"usage":{"total_tokens":7}}'), 7],
    ['a stream without a usage', streamOf(event('a'), DONE), RESERVED],
    [
      'an event too long to be held',
      streamOf(`data: {"usage":{"total_tokens":7},"x":"${'x'.repeat(1_048_577)}"}\n\n`, DONE),
      RESERVED,
    ],
    [
      'a long event and a usage',
      streamOf(event('x'.repeat(1_048_577)), usageEvent({ total_tokens: 7 }), DONE),
      7,
    ],
  ])('is charged by an answer with %s', async (_name, answer, tokens) => {
    const setup = await openGateway({ ...budget(1000, 500), answer });
    await run(setup, bodyOf(80, CAPPED));
    expect(left(setup.governor)).toBe(1000 - tokens);
  });

  it('is charged the same however the stream is cut', async () => {
    const text = event('漢字') + usageEvent({ total_tokens: 7 }) + DONE;
    const bytes = Buffer.from(text);
    const setup = await openGateway({
      ...budget(1000, 500),
      answer: async ({ response }) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const byte of bytes) {
          await new Promise((resolve) => response.write(Buffer.of(byte), resolve));
        }
        response.end();
      },
    });
    const response = await setup.gateway.handle(chat(bodyOf(80, CAPPED)), CALLER);
    expect(await response.text()).toBe(text);
    expect(left(setup.governor)).toBe(993);
  });

  it.each<[string, unknown, number]>([
    [
      'by the price of each kind',
      { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
      3 * 2 + 4 * 8,
    ],
    [
      'what is neither as an answer',
      { prompt_tokens: 3, completion_tokens: 4, total_tokens: 9 },
      3 * 2 + 6 * 8,
    ],
    ['by the dearer price when the kinds are not told', { total_tokens: 7 }, 7 * 8],
  ])('costs %s', async (_name, usage, cost) => {
    const more = { cost: { perMinute: 10_000, perCall: 500 } };
    const setup = await openGateway({ ...budget(1000, 500, more), answer: answerUsage(usage) });
    await run(setup, bodyOf(80, CAPPED));
    expect(left(setup.governor, 'cost-60')).toBe(10_000 - cost);
  });

  it('costs as reserved when the model has no price', async () => {
    const more = { cost: { perMinute: 10_000, perCall: 500 } };
    const answer = answerUsage({ total_tokens: 7 });
    const setup = await openGateway({ ...budget(1000, 500, more), answer });
    await run(setup, bodyOf(80, CAPPED).replace('"small"', '"org/large"'));
    expect(left(setup.governor, 'cost-60')).toBe(9500);
    expect(left(setup.governor)).toBe(993);
  });
});

describe('a call that ended early', () => {
  const BODY = bodyOf(80, { max_tokens: 30, stream: true });

  /** A stream that has begun, of a call that holds the one place there is. */
  async function begin(parts: string, options: GatewaySetup['options'] = {}) {
    const setup = await openGateway({
      ...budget(1000, 500, { concurrency: { limit: 1 } }),
      options,
      answer: ({ response }) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(parts);
      },
    });
    const gone = new AbortController();
    const response = await setup.gateway.handle(chat(BODY, { signal: gone.signal }), CALLER);
    const reader = response.body?.getReader();
    await reader?.read();
    expect(left(setup.governor, 'concurrency')).toBe(0);
    expect(await run(setup, BODY)).toBe(429);
    return { ...setup, gone, reader };
  }

  /** The place is free, and this many tokens are charged. */
  function expectSettled(governor: Governor, tokens: number): void {
    expect(left(governor)).toBe(1000 - tokens);
    expect(left(governor, 'concurrency')).toBe(1);
  }

  it('by a stop is charged as reserved', async () => {
    const { governor, reader } = await begin(usageEvent({ total_tokens: 7 }));
    await governor.killSwitch.engage(STOP);
    await reader?.read();
    expectSettled(governor, 50);
  });

  it('by the client is charged as reserved', async () => {
    const { governor, gone } = await begin(usageEvent({ total_tokens: 7 }));
    gone.abort();
    expectSettled(governor, 50);
  });

  it('by the client is charged what was used by then, where that is more', async () => {
    const { governor, gone } = await begin(usageEvent({ total_tokens: 700 }));
    gone.abort();
    expectSettled(governor, 700);
  });

  it('by the client is charged a token for each event, where that is more', async () => {
    const { governor, gone } = await begin(event('a').repeat(603));
    gone.abort();
    expectSettled(governor, 600);
  });

  it('by a client that stops reading is charged as reserved', async () => {
    const { governor, reader } = await begin(usageEvent({ total_tokens: 7 }));
    await reader?.cancel();
    expectSettled(governor, 50);
  });

  it('by a client that has read [DONE] is charged as used', async () => {
    const { governor, gone } = await begin(usageEvent({ total_tokens: 7 }) + DONE);
    gone.abort();
    expectSettled(governor, 7);
  });

  it('by silence is charged as reserved', async () => {
    const { governor, reader } = await begin(event('a'), { timeoutMs: 300 });
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toContain('upstream_error');
    expectSettled(governor, 50);
  });

  it('by an upstream that breaks off is charged as reserved', async () => {
    const { governor, reader, upstream } = await begin(usageEvent({ total_tokens: 7 }));
    upstream.arrivals[0]?.response.destroy();
    await reader?.read();
    expectSettled(governor, 50);
  });
});

describe('a call that reached no upstream', () => {
  const BODY = bodyOf(80, { max_tokens: 30 });

  async function closedPort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return port;
  }

  it('takes nothing when the connection is refused', async () => {
    const { governor } = await openGateway(budget(1000, 500, { concurrency: { limit: 1 } }));
    const upstream = `http://127.0.0.1:${await closedPort()}/v1`;
    const gateway = createModelGateway({ governor, upstream });
    expect((await gateway.handle(chat(BODY), CALLER)).status).toBe(502);
    expect(left(governor)).toBe(1000);
    expect(left(governor, 'calls-60')).toBe(1000);
    expect(left(governor, 'concurrency')).toBe(1);
  });

  it('is charged as reserved when the connection breaks after it was sent', async () => {
    const setup = await openGateway({
      ...budget(1000, 500),
      answer: ({ response }) => void response.destroy(),
    });
    expect(await run(setup, BODY)).toBe(502);
    expect(left(setup.governor)).toBe(950);
  });

  it('takes nothing when its client left before it was sent', async () => {
    const { gateway, governor, upstream } = await openGateway(budget(1000, 500));
    const gone = new AbortController();
    const authorize = vi.spyOn(governor, 'authorize').mockImplementationOnce(async (...asked) => {
      const authorization = await governor.authorize(...asked);
      gone.abort();
      return authorization;
    });
    const response = await gateway.handle(chat(BODY, { signal: gone.signal }), CALLER);
    expect(response.status).toBe(499);
    expect(authorize).toHaveBeenCalledTimes(2);
    expect(upstream.arrivals).toEqual([]);
    expect(left(governor)).toBe(1000);
  });

  it('takes nothing when an obligation cannot be met', async () => {
    const policy = {
      name: 'test',
      evaluate: () => ({
        effect: 'allow' as const,
        reason: '',
        obligations: [{ id: '1', type: 'mask' }],
      }),
    };
    const governed = { policy, supportedObligations: ['mask'] };
    const setup = await openGateway({ ...budget(1000, 500), governor: governed });
    expect(await run(setup, BODY)).toBe(403);
    expect(left(setup.governor)).toBe(1000);
  });
});

describe('a stream whose usage is needed', () => {
  const sent = ({ upstream }: TestGateway): Record<string, unknown> =>
    JSON.parse(upstream.arrivals[0]?.body ?? '{}');

  it.each<[string, object]>([
    ['nobody asked', {}],
    ['the client asked for none', { stream_options: { include_usage: false, x: 1 } }],
    ['the client wrote nonsense', { stream_options: 7 }],
  ])('asks the upstream for it where %s', async (_name, members) => {
    const setup = await openGateway({ ...budget(1000, 10), answer: streamOf(DONE) });
    await run(setup, { model: 'small', stream: true, ...members, messages: [] });
    expect(sent(setup)['stream_options']).toMatchObject({ include_usage: true });
    expect(sent(setup)).toMatchObject({ model: 'small', stream: true, messages: [] });
  });

  it.each<[string, GatewaySetup, string | undefined, boolean]>([
    ['no limit on tokens or cost', {}, undefined, true],
    ['no stream', budget(1000, 10), undefined, false],
    ['another action', budget(1000, 10), '/v1/embeddings', true],
  ])('is not asked for with %s', async (_name, setup, path, stream) => {
    const opened = await openGateway(setup);
    await run(opened, { model: 'small', stream, messages: [] }, path);
    expect(sent(opened)).toEqual({ model: 'small', stream, messages: [] });
  });
});

describe('the RateLimit fields', () => {
  it('say where the limits stand, with an answer and with a denial', async () => {
    const setup = await openGateway({
      grant: { rate: { perMinute: 1, tokens: { perMinute: 100, perCall: 20 } } },
    });
    const allowed = await setup.gateway.handle(chat(bodyOf(80)), CALLER);
    await allowed.text();
    const policy = '"calls-60";q=1;w=60, "tokens-60";q=100;cortex-unit="tokens";w=60';
    expect(allowed.headers.get('ratelimit-policy')).toBe(policy);
    expect(allowed.headers.get('ratelimit')).toMatch(
      /^"calls-60";r=0;t=\d+, "tokens-60";r=80;t=\d+$/,
    );
    const denied = await setup.gateway.handle(chat(bodyOf(80)), CALLER);
    expect(denied.status).toBe(429);
    expect(denied.headers.get('ratelimit-policy')).toBe(policy);
    const reset = /"calls-60";r=0;t=(\d+)/.exec(denied.headers.get('ratelimit') ?? '')?.[1];
    expect(Number(denied.headers.get('retry-after'))).toBeGreaterThanOrEqual(Number(reset));
  });

  it('are not sent with another denial, nor in shadow mode', async () => {
    const { gateway } = await openGateway();
    const denied = await gateway.handle(chat({ model: 'unknown', messages: [] }), CALLER);
    expect(denied.status).toBe(403);
    expect(denied.headers.get('ratelimit')).toBeNull();
    const shadow = await openGateway({ grant: { mode: 'shadow', rate: { perMinute: 1 } } });
    for (let i = 0; i < 2; i += 1) {
      const response = await shadow.gateway.handle(
        chat({ model: 'unknown', messages: [] }),
        CALLER,
      );
      expect(response.status).toBe(200);
      expect(response.headers.get('ratelimit')).toBeNull();
      await response.text();
    }
  });
});

describe('a body that cannot be read', () => {
  it.each(['{', '[]', '{"model":7}'])(
    'is answered by a stop of everything first: %s',
    async (body) => {
      const { gateway, governor } = await openGateway();
      expect((await gateway.handle(chat(body), CALLER)).status).toBe(400);
      await governor.killSwitch.engage({ actor: 'op', reason: 'test', scope: 'global' });
      const answer = await errorOf(await gateway.handle(chat(body), CALLER));
      expect(answer).toMatchObject({ status: 503, error: { code: 'KILLED_GLOBAL' } });
    },
  );
});

describe('prices', () => {
  it.each([
    { small: { input: -1, output: 1 } },
    { small: { input: 1 } },
    { small: { input: Number.NaN, output: 1 } },
    { small: { input: 1, output: 1, cached: 1 } },
    { '': { input: 1, output: 1 } },
    { small: { input: '1', output: 1 } },
  ])('are checked: %j', async (prices) => {
    const { governor } = await openGateway();
    const make = () =>
      createModelGateway({ governor, upstream: 'http://127.0.0.1:1/v1', prices: prices as never });
    expect(make).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }));
  });
});
