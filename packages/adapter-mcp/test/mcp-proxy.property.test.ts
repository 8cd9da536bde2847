import type { Verdict } from '@cortex-governance/core';
import type { Authorization, Governor } from '@cortex-governance/governor';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { McpGovernor } from '../src/index.ts';
import { eventually } from './support/eventually.ts';
import { governorWith } from './support/governor-with.ts';
import { call, notification, request, startTestSession, tick } from './support/test-session.ts';
import { openTestWorkspace, type TestWorkspace } from './support/test-workspace.ts';

let workspace: TestWorkspace;

beforeAll(async () => {
  workspace = await openTestWorkspace();
});

afterAll(async () => {
  await workspace.close();
});

/** A governor that keeps what it authorized, and which calls were settled and cancelled. */
function recordingGovernor(governor: Governor) {
  const authorizations: Authorization[] = [];
  const settled: unknown[] = [];
  const cancelled: unknown[] = [];
  let asked = 0;
  const authorizing = governorWith(governor, async (request) => {
    asked += 1;
    const authorization = await governor.authorize(request);
    authorizations.push(authorization);
    return authorization;
  });
  const recorder: McpGovernor = {
    ...authorizing,
    settle: (verdict) => settled.push(verdict) > 0,
    cancel: (verdict) => cancelled.push(verdict) > 0,
  };
  return {
    recorder,
    authorizations,
    settled,
    cancelled,
    isIdle: () => authorizations.length === asked,
  };
}

const id = fc.oneof(
  fc.integer({ min: 0, max: 5 }),
  fc.constantFrom('0', '1', '', '__proto__', 'constructor'),
  fc.constantFrom(null, -0, 1.5, true, {}, [], 2 ** 53),
);

const method = fc.oneof(
  { weight: 4, arbitrary: fc.constant('tools/call') },
  fc.constantFrom(
    'initialize',
    'ping',
    'tools/list',
    'tools/call\u0000',
    'tools//call',
    'resources/read',
    'notifications/tools/call',
  ),
  fc.string(),
);

const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('read', 'echo', 'slow') },
  fc.constantFrom('delete', 'approve', 'rare', 'READ', 'read ', '__proto__', 'toString'),
  fc.jsonValue(),
);

const args = fc.oneof(
  fc.record({
    path: fc.constantFrom(
      'docs/a.txt',
      'docs/../docs/a.txt',
      '../secret.txt',
      'docs/../../x',
      '/etc/passwd',
      'docs/a\u0000',
    ),
  }),
  fc.jsonValue(),
  fc.constant(undefined),
);

const goodCall = fc.oneof(
  fc.nat(1000).map((i) => call(i, 'echo', {})),
  fc.nat(1000).map((i) => call(i, 'read', { path: 'docs/a.txt' })),
);

const clientMessage = fc.oneof(
  { weight: 3, arbitrary: goodCall },
  { weight: 6, arbitrary: fc.tuple(id, name, args).map(([i, n, a]) => call(i, n, a)) },
  {
    weight: 3,
    arbitrary: fc.tuple(id, method, fc.jsonValue()).map(([i, m, p]) => request(i, m, p)),
  },
  fc.tuple(method, fc.jsonValue()).map(([m, p]) => ({ jsonrpc: '2.0', method: m, params: p })),
  id.map((requestId) => notification('notifications/cancelled', { requestId })),
  fc.tuple(id, name).map(([i, n]) => [call(i, n, {}), call(i, n, {})]),
  fc.jsonValue(),
);

const serverMessage = fc.oneof(
  id.map((i) => ({ jsonrpc: '2.0', id: i, result: { content: [] } })),
  fc.tuple(id, method).map(([i, m]) => request(i, m, {})),
  fc.jsonValue(),
);

const step = fc.oneof(
  { weight: 8, arbitrary: clientMessage.map((message) => ({ from: 'client', message }) as const) },
  { weight: 2, arbitrary: serverMessage.map((message) => ({ from: 'server', message }) as const) },
  { weight: 1, arbitrary: fc.constant({ from: 'nobody', message: null } as const) },
  { weight: 1, arbitrary: fc.boolean().map((message) => ({ from: 'operator', message }) as const) },
);

const stop = { scope: 'tool', tool: 'notes', actor: 'op', reason: 'drill' } as const;

interface SentCall {
  readonly id: string | number;
  readonly params: { readonly name: string; readonly arguments: object };
}

describe('whatever a client and a server send', () => {
  it('no tools/call reaches the server without an allow for just this call', async () => {
    let reached = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const { recorder, authorizations, settled, cancelled, isIdle } = recordingGovernor(
          workspace.governor,
        );
        const allowedBefore = workspace.governor.counters.allowed;
        const session = await startTestSession(workspace, { governor: recorder });
        for (const { from, message } of steps) {
          if (from === 'client') session.client.inject(message);
          else if (from === 'server') session.server.inject(message);
          else if (from === 'operator') {
            const { killSwitch } = workspace.governor;
            await (message ? killSwitch.engage(stop) : killSwitch.release(stop));
          } else await tick();
        }
        await eventually(() => expect(isIdle()).toBe(true));
        await tick();
        await session.proxy.close();
        await workspace.governor.killSwitch.release(stop);

        const sent = session.server.withMethod('tools/call') as unknown as SentCall[];
        reached += sent.length;
        // Every call that arrived uses up an allow of its own, with the same name and arguments.
        const allows = authorizations.filter(({ verdict }) => isAllow(verdict));
        expect(sent.length).toBeLessThanOrEqual(allows.length);
        expect(allows.length).toBe(workspace.governor.counters.allowed - allowedBefore);
        // Every allow is ended once: settled when the server has the call, cancelled when it has not.
        expect(settled).toHaveLength(sent.length);
        expect(new Set([...settled, ...cancelled])).toEqual(
          new Set(allows.map(({ verdict }) => verdict)),
        );
        expect(settled.length + cancelled.length).toBe(allows.length);
        for (const { params } of sent) {
          const match = allows.findIndex((allow) => allow.args === params.arguments);
          expect(match).toBeGreaterThanOrEqual(0);
          allows.splice(match, 1);
          expect(['read', 'echo', 'slow', 'rare']).toContain(params.name);
          if (params.name === 'read') {
            expect(params.arguments).toEqual({ path: `${workspace.dir}/docs/a.txt` });
          }
        }
        // Nothing else reaches it but what runs no tool, and no call is in flight twice.
        for (const message of session.server.sent) {
          if (!('method' in message)) continue;
          expect([
            'tools/call',
            'initialize',
            'ping',
            'tools/list',
            'notifications/cancelled',
          ]).toContain(message.method);
        }
      }),
      { numRuns: 300 },
    );
    expect(reached).toBeGreaterThan(300);
  }, 120_000);

  it('every request of the client is answered at most once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(name, args), { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        async (calls, killed) => {
          const session = await startTestSession(workspace);
          calls.forEach(([n, a], i) => {
            session.client.inject(call(i, n, a));
          });
          if (killed) await workspace.governor.killSwitch.engage(stop);
          await eventually(() => {
            for (const message of session.server.withMethod('tools/call')) {
              const { id: sentId } = message as unknown as SentCall;
              session.server.inject({ jsonrpc: '2.0', id: sentId, result: { content: [] } });
            }
            expect(session.proxy.pending()).toBe(0);
          });
          await workspace.governor.killSwitch.release(stop);
          const answered = session.client.sent.map((message) => 'id' in message && message.id);
          expect([...answered].sort()).toEqual(calls.map((_, i) => i).sort());
          await session.proxy.close();
        },
      ),
      { numRuns: 100 },
    );
  }, 120_000);
});

function isAllow(verdict: Verdict): boolean {
  return verdict.effect === 'allow';
}
