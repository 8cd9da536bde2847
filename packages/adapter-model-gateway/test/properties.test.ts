import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createModelGateway } from '../src/index.ts';
import { CALLER, openGateway } from './gateway.ts';
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
          if (sent.length === 0) expect(response.status).toBeGreaterThanOrEqual(400);
          reached += sent.length;
        },
      ),
      { numRuns: 500 },
    );
    expect(reached).toBeGreaterThan(0);
  });
});
