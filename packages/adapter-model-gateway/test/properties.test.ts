import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createModelGateway } from '../src/index.ts';
import { CALLER, chat, openGateway } from './gateway.ts';
import { withAuthorize } from './workspace.ts';

const ALLOWED = ['small', 'org/large'];

/** How the members of a body are written: any name and any JSON, repeated at will. */
const memberName = fc.oneof(
  fc.constantFrom('model', 'stream', 'Model', 'messages', 'models', 'n', '__proto__', 'ſtream'),
  fc.string({ maxLength: 6 }),
);
const memberValue = fc.oneof(
  fc.constantFrom<unknown>(...ALLOWED, 'huge', 'Small', 'small ', true, false, null),
  fc.jsonValue({ maxDepth: 2 }),
);
const members = fc
  .array(fc.tuple(memberName, memberValue), { maxLength: 6 })
  .map((list) => list.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`))
  .map((list) => `{${list.join(',')}}`);
const modelBody = fc
  .tuple(fc.constantFrom(...ALLOWED, 'huge'), fc.constantFrom(',"stream":true', ',"n":2', ''))
  .map(([model, more]) => `{"model":${JSON.stringify(model)}${more}}`);
const body = fc.oneof(
  { weight: 4, arbitrary: members },
  { weight: 3, arbitrary: modelBody },
  { weight: 1, arbitrary: fc.string() },
  { weight: 1, arbitrary: fc.json() },
);

const headers = fc
  .record(
    {
      authorization: fc.constant('Bearer callers-secret'),
      cookie: fc.constant('session=callers-secret'),
      'x-model': fc.constant('huge'),
      accept: fc.constantFrom('*/*', 'text/html'),
      'x-tenant-id': fc.constant('other'),
      'content-encoding': fc.constantFrom('identity', 'identity', 'identity', 'gzip'),
    },
    { requiredKeys: [] },
  )
  .map((given) => ({ ...given, 'content-type': 'application/json' }));
const path = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('/v1/chat/completions', '/embeddings', '/v1/rerank') },
  { weight: 1, arbitrary: fc.webPath().map((text) => `/${text}`) },
);
const method = fc.oneof(
  { weight: 6, arbitrary: fc.constant('POST') },
  { weight: 1, arbitrary: fc.constantFrom('PUT', 'DELETE', 'PATCH') },
);
const agent = fc.constantFrom('planner', 'planner', 'planner', 'intruder', '');

/** Pieces of server-sent events, whole and broken, with usages of which the last that is whole counts. */
const eventPart = fc.oneof(
  fc.integer({ min: 1, max: 99 }).map((tokens) => ({
    text: `data: {"usage":{"total_tokens":${tokens}}}`,
    tokens,
  })),
  fc
    .constantFrom(
      'data: {"usage":null}',
      'data: {"usage":{"total_tokens":-1}}',
      'data: {"usage":{"total_tokens":0}}',
      ': usage',
      'data:',
    )
    .map((text) => ({ text, tokens: null })),
  fc.string().map((word) => ({ text: `data: ${JSON.stringify({ word })}`, tokens: null })),
);
const lineEnd = fc.constantFrom('\n', '\r\n', '\r');

describe('whatever an upstream streams', () => {
  it('is charged as its last usage says, however it is cut', async () => {
    const rate = { perMinute: 1_000_000, tokens: { perMinute: 2 ** 40, perCall: 100 } };
    const { gateway, governor, upstream } = await openGateway({ grant: { rate } });
    const settle = vi.spyOn(governor, 'settle');
    await fc.assert(
      fc.asyncProperty(
        fc.array(eventPart, { maxLength: 8 }),
        lineEnd,
        fc.array(fc.nat(40), { maxLength: 12 }),
        async (parts, end, cuts) => {
          const bytes = Buffer.from(parts.map(({ text }) => text + end + end).join(''));
          upstream.answer = async ({ response }) => {
            response.writeHead(200, { 'content-type': 'text/event-stream' });
            let from = 0;
            for (const length of cuts) {
              const piece = bytes.subarray(from, from + length + 1);
              from += length + 1;
              await new Promise((resolve) => response.write(piece, resolve));
            }
            response.end(bytes.subarray(from));
          };
          settle.mockClear();
          const request = chat({ model: 'small', stream: true, messages: [] });
          const response = await gateway.handle(request, CALLER);
          expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
          const used = parts.map(({ tokens }) => tokens).findLast((tokens) => tokens !== null);
          const usage = used === undefined ? {} : { tokens: used };
          expect(settle.mock.calls).toEqual([[expect.anything(), usage]]);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('whatever is sent', () => {
  it('reaches the upstream exactly when it is allowed, with the model decided on', async () => {
    const { governor, upstream } = await openGateway({ grant: { subjects: ['planner'] } });
    const allowed: unknown[] = [];
    const recording = withAuthorize(governor, async (decide) => {
      const authorization = await decide();
      if (authorization.verdict.effect === 'allow') allowed.push(authorization.args);
      return authorization;
    });
    const gateway = createModelGateway({
      governor: recording,
      upstream: upstream.base,
      apiKey: 'upstream-key',
    });
    let reached = 0;
    const settle = vi.spyOn(governor, 'settle');
    const cancel = vi.spyOn(governor, 'cancel');
    await fc.assert(
      fc.asyncProperty(
        fc.record({ body, headers, path, method, agent }),
        async ({ body, headers, path, method, agent }) => {
          allowed.length = 0;
          upstream.arrivals.length = 0;
          const request = new Request(`http://gateway.test${path}`, {
            method,
            headers,
            body,
          });
          const response = await gateway.handle(request, { ...CALLER, agent });
          await response.text();
          const sent = upstream.arrivals.map((arrival) => {
            const { model, stream = false } = JSON.parse(arrival.body);
            expect(ALLOWED).toContain(model);
            const names = Object.keys(JSON.parse(arrival.body)).map((name) => name.toLowerCase());
            expect(names.filter((name) => name === 'model')).toHaveLength(1);
            expect(arrival.headers.authorization).toBe('Bearer upstream-key');
            expect(arrival.headers.cookie).toBeUndefined();
            return { model, stream };
          });
          expect(sent).toEqual(allowed);
          // Each of them is settled, once.
          expect(settle).toHaveBeenCalledTimes(reached + sent.length);
          expect(cancel).not.toHaveBeenCalled();
          if (sent.length === 0) expect(response.status).toBeGreaterThanOrEqual(400);
          reached += sent.length;
        },
      ),
      { numRuns: 500 },
    );
    expect(reached).toBeGreaterThan(0);
  });
});
