import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { PolicyBackend } from '@cortex-governance/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VERDICT_META_KEY } from '../src/index.ts';
import { eventually } from './support/eventually.ts';
import { governorWith } from './support/governor-with.ts';
import {
  call,
  notification,
  startTestSession,
  type TestSession,
  tick,
} from './support/test-session.ts';
import { NOTES_GRANT, openTestWorkspace, type TestWorkspace } from './support/test-workspace.ts';

let workspace: TestWorkspace;
let session: TestSession;

beforeEach(async () => {
  workspace = await openTestWorkspace();
  session = await startTestSession(workspace);
});

afterEach(async () => {
  await session.proxy.close();
  await workspace.close();
});

/** The text and the verdict of a refused call. */
async function denialOf(id: number | string) {
  await eventually(() => expect(session.client.answers(id)).toHaveLength(1));
  const [message] = session.client.answers(id) as [
    { result: { isError: boolean; content: { type: string; text: string }[]; _meta: object } },
  ];
  expect(message.result.isError).toBe(true);
  expect(message.result.content).toHaveLength(1);
  expect(message.result.content[0]?.type).toBe('text');
  const meta = message.result._meta as Record<string, Record<string, unknown>>;
  return { text: message.result.content[0]?.text ?? '', verdict: meta[VERDICT_META_KEY] ?? {} };
}

async function forwarded(count = 1) {
  await eventually(() => expect(session.server.withMethod('tools/call')).toHaveLength(count));
  return session.server.withMethod('tools/call')[count - 1];
}

describe('an allowed call', () => {
  it('reaches the server with its id, and its answer reaches the client unchanged', async () => {
    session.client.inject(call('abc', 'echo', { text: 'hi' }));
    expect(await forwarded()).toEqual({
      jsonrpc: '2.0',
      id: 'abc',
      method: 'tools/call',
      params: { name: 'echo', arguments: { text: 'hi' } },
    });
    const result = { content: [{ type: 'text', text: 'hi' }], structuredContent: { a: 1 }, x: 2 };
    session.server.inject({ jsonrpc: '2.0', id: 'abc', result });
    expect(session.client.sent).toEqual([{ jsonrpc: '2.0', id: 'abc', result }]);
    expect(session.proxy.pending()).toBe(0);
    expect(session.proxy.counters()).toMatchObject({ calls_forwarded: 1, calls_denied: 0 });
  });

  it('carries the real paths that were decided on', async () => {
    await symlink(join(workspace.dir, 'docs'), join(workspace.dir, 'docs', 'again'));
    session.client.inject(call(1, 'read', { path: 'docs/again/a.txt' }));
    expect(await forwarded()).toMatchObject({
      params: { name: 'read', arguments: { path: join(workspace.dir, 'docs', 'a.txt') } },
    });
  });

  it('carries empty arguments when it came without', async () => {
    session.client.inject(call(1, 'echo'));
    expect(await forwarded()).toMatchObject({ params: { name: 'echo', arguments: {} } });
  });

  it('keeps _meta, without the client capabilities, and loses what was not decided on', async () => {
    session.client.inject(
      call(
        1,
        'echo',
        {},
        {
          _meta: {
            progressToken: 7,
            traceparent: 'x',
            'io.modelcontextprotocol/clientCapabilities': { sampling: {} },
          },
          task: { ttl: 1000 },
          inputResponses: { a: 1 },
        },
      ),
    );
    expect(await forwarded()).toEqual({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name: 'echo',
        arguments: {},
        _meta: {
          progressToken: 7,
          traceparent: 'x',
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    });
  });

  it('is decided on a copy: changing the message afterwards changes nothing', async () => {
    const args = { path: 'docs/a.txt' };
    const message = call(1, 'read', args) as { params: { name: string } };
    session.client.inject(message);
    args.path = '../secret.txt';
    message.params.name = 'delete';
    expect(await forwarded()).toMatchObject({
      params: { name: 'read', arguments: { path: join(workspace.dir, 'docs', 'a.txt') } },
    });
  });

  it('is decided before initialize, too', async () => {
    session.client.inject(call(1, 'delete'));
    expect((await denialOf(1)).verdict['code']).toBe('ACTION_NOT_ALLOWED');
    expect(session.server.sent).toEqual([]);
  });
});

describe('a denied call', () => {
  it('is answered with an error result that a model can read, and a verdict', async () => {
    session.client.inject(call(1, 'read', { path: '../secret.txt' }));
    const { text, verdict } = await denialOf(1);
    expect(text).toMatch(/^Denied \[PATH_OUT_OF_SCOPE\]: path not within fsScope.*\.$/);
    expect(Object.keys(verdict)).toEqual([
      'id',
      'effect',
      'code',
      'reason',
      'stage',
      'httpStatus',
      'retryAfterMs',
      'policyHash',
      'shadowed',
    ]);
    expect(verdict).toMatchObject({
      effect: 'deny',
      code: 'PATH_OUT_OF_SCOPE',
      stage: 'arguments',
      httpStatus: 403,
      retryAfterMs: 0,
      policyHash: workspace.governor.status().policyHash,
      shadowed: false,
    });
    expect(session.server.sent).toEqual([]);
    expect(session.proxy.pending()).toBe(0);
    expect(session.proxy.counters()).toMatchObject({ calls_forwarded: 0, calls_denied: 1 });
  });

  it('names the seconds to wait when it is limited', async () => {
    session.client.inject(call(1, 'rare'));
    await forwarded();
    session.client.inject(call(2, 'rare'));
    const { text, verdict } = await denialOf(2);
    expect(verdict).toMatchObject({ code: 'RATE_LIMITED', httpStatus: 429 });
    const waitMs = verdict['retryAfterMs'] as number;
    expect(waitMs).toBeGreaterThan(0);
    expect(text).toBe(
      `Denied [RATE_LIMITED]: rate limit exceeded. Retry after ${Math.ceil(waitMs / 1000)} s.`,
    );
  });

  it.each([
    ['name missing', { arguments: {} }],
    ['name a number', { name: 5 }],
    ['name empty', { name: '' }],
    ['name an object', { name: { toString: 'echo' } }],
    ['name with a lone surrogate', { name: '\ud800' }],
    ['name too long', { name: 'x'.repeat(257) }],
    ['arguments null', { name: 'echo', arguments: null }],
    ['arguments an array', { name: 'echo', arguments: ['a'] }],
    ['arguments a string', { name: 'echo', arguments: 'a' }],
    ['an integer that JSON.parse has changed', { name: 'echo', arguments: { n: 2 ** 53 } }],
    ['__proto__', { name: 'echo', arguments: JSON.parse('{"__proto__":{"a":1}}') }],
  ])('is REQUEST_INVALID with %s', async (_, params) => {
    session.client.inject({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    expect((await denialOf(1)).verdict).toMatchObject({ code: 'REQUEST_INVALID', httpStatus: 400 });
    expect(session.server.sent).toEqual([]);
  });

  it.each([[undefined], [null], [[]], ['x'], [5]])(
    'is REQUEST_INVALID with params %j',
    async (params) => {
      session.client.inject({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
      expect((await denialOf(1)).verdict['code']).toBe('REQUEST_INVALID');
    },
  );

  it('states the type of its result to a client of revision 2026-07-28', async () => {
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
    session.client.inject(call(1, 'delete', {}, { _meta }));
    await denialOf(1);
    expect(session.client.answers(1)).toMatchObject([{ result: { resultType: 'complete' } }]);
  });

  it('says that a person must approve an escalated call', async () => {
    session.client.inject(call(1, 'approve'));
    const { text, verdict } = await denialOf(1);
    expect(verdict).toMatchObject({ effect: 'escalate', code: 'APPROVAL_REQUIRED' });
    expect(text).toMatch(/^Not run \[APPROVAL_REQUIRED\]: .*approve/);
    expect(session.proxy.counters()).toMatchObject({ calls_escalated: 1, calls_denied: 0 });
  });

  it('never charges less because the client chose an id', async () => {
    const _meta = { callId: 'same' };
    session.client.inject(call(1, 'rare', {}, { _meta, callId: 'same' }));
    await forwarded();
    session.server.inject({ jsonrpc: '2.0', id: 1, result: { content: [] } });
    session.client.inject(call(1, 'rare', {}, { _meta, callId: 'same' }));
    await eventually(() => expect(session.client.answers(1)).toHaveLength(2));
    expect(session.client.answers(1)[1]).toMatchObject({
      result: { _meta: { [VERDICT_META_KEY]: { code: 'RATE_LIMITED' } } },
    });
  });
});

describe('other outcomes of a decision', () => {
  it('refuses an allow with an obligation, and records it', async () => {
    const policy: PolicyBackend = {
      name: 'obliging',
      evaluate: () => ({ effect: 'allow', reason: '', obligations: [{ id: '1', type: 'redact' }] }),
    };
    await session.proxy.close();
    await workspace.close();
    workspace = await openTestWorkspace(NOTES_GRANT, { policy });
    session = await startTestSession(workspace);
    session.client.inject(call(1, 'echo'));
    const { verdict } = await denialOf(1);
    expect(verdict).toMatchObject({ effect: 'deny', code: 'OBLIGATION_UNSUPPORTED' });
    expect(session.server.sent).toEqual([]);
    const codes = [...workspace.governor.counters.counts()].map(({ code }) => code);
    expect(codes).toContain('OBLIGATION_UNSUPPORTED');
  });

  it('forwards what a grant in shadow mode would have denied', async () => {
    await session.proxy.close();
    await workspace.close();
    workspace = await openTestWorkspace({ ...NOTES_GRANT, mode: 'shadow' });
    session = await startTestSession(workspace);
    session.client.inject(call(1, 'delete', { all: true }));
    expect(await forwarded()).toMatchObject({ params: { name: 'delete' } });
  });

  it('is a JSON-RPC error when the governor breaks its contract', async () => {
    await session.proxy.close();
    const governor = governorWith(workspace.governor, () => Promise.reject(new Error('broken')));
    session = await startTestSession(workspace, { governor });
    session.client.inject(call(1, 'echo'));
    await eventually(() => expect(session.client.sent).toHaveLength(1));
    expect(session.client.sent[0]).toMatchObject({
      id: 1,
      error: { code: -32603, data: { code: 'ENGINE_FAULT' } },
    });
    expect(session.server.sent).toEqual([]);
  });

  it('forwards nothing that was being decided when the session ended', async () => {
    await session.proxy.close();
    let decide = () => {};
    const held = new Promise<void>((resolve) => {
      decide = resolve;
    });
    let authorization: Promise<unknown> | undefined;
    const governor = governorWith(workspace.governor, async (asked) => {
      await held;
      const allowed = workspace.governor.authorize(asked);
      authorization = allowed;
      return allowed;
    });
    session = await startTestSession(workspace, { governor });
    session.client.inject(call(1, 'echo'));
    await session.proxy.close();
    decide();
    await eventually(() => expect(authorization).toBeDefined());
    expect(await authorization).toMatchObject({ verdict: { effect: 'allow' } });
    await tick();
    expect(session.server.sent).toEqual([]);
    expect(session.client.sent).toEqual([]);
  });
});

describe('the kill switch', () => {
  const stop = { scope: 'tool', tool: 'notes', actor: 'op', reason: 'drill' } as const;

  it('denies new calls at once, and a release lets them pass again', async () => {
    await workspace.governor.killSwitch.engage(stop);
    session.client.inject(call(1, 'echo'));
    expect((await denialOf(1)).verdict).toMatchObject({ code: 'KILLED_TOOL', httpStatus: 503 });
    await workspace.governor.killSwitch.release(stop);
    session.client.inject(call(2, 'echo'));
    expect(await forwarded()).toMatchObject({ id: 2 });
  });

  it.each([
    ['global', { scope: 'global' }, 'KILLED_GLOBAL'],
    ['tenant', { scope: 'tenant', tenant: 'default' }, 'KILLED_TENANT'],
    ['agent', { scope: 'agent', agent: 'tester' }, 'KILLED_AGENT'],
    ['tool', { scope: 'tool', tool: 'notes' }, 'KILLED_TOOL'],
    ['action', { scope: 'action', tool: 'notes', action: 'slow' }, 'KILLED_ACTION'],
  ] as const)('stops a running call: %s', async (_, target, code) => {
    session.client.inject(call(9, 'slow', {}, { _meta: { progressToken: 'p' } }));
    await forwarded();
    await workspace.governor.killSwitch.engage({ ...target, actor: 'op', reason: 'drill' });
    const { text, verdict } = await denialOf(9);
    expect(verdict).toMatchObject({ effect: 'deny', code });
    expect(text).toContain('stopped while it ran');
    expect(session.server.withMethod('notifications/cancelled')).toMatchObject([
      { params: { requestId: 9 } },
    ]);
    session.server.inject(
      notification('notifications/progress', { progressToken: 'p', progress: 1 }),
    );
    session.server.inject({ jsonrpc: '2.0', id: 9, result: { content: [{ text: 'late' }] } });
    expect(session.client.sent).toHaveLength(1);
    expect(session.proxy.counters()).toMatchObject({
      calls_stopped: 1,
      server_responses_dropped: 1,
      server_notifications_dropped: 1,
    });
    expect(session.proxy.pending()).toBe(0);
  });

  it('leaves running calls alone that no stop covers', async () => {
    session.client.inject(call(9, 'slow'));
    await forwarded();
    await workspace.governor.killSwitch.engage({ ...stop, tool: 'another' });
    session.server.inject({ jsonrpc: '2.0', id: 9, result: { content: [] } });
    expect(session.client.sent).toEqual([{ jsonrpc: '2.0', id: 9, result: { content: [] } }]);
  });

  it('does not give the late answer of a stopped call to another call with its id', async () => {
    session.client.inject(call(9, 'slow'));
    await forwarded();
    await workspace.governor.killSwitch.engage(stop);
    await denialOf(9);
    await workspace.governor.killSwitch.release(stop);
    session.client.inject(call(9, 'echo'));
    expect(session.client.answers(9)[1]).toMatchObject({ error: { code: -32600 } });
    session.server.inject({ jsonrpc: '2.0', id: 9, result: { content: [{ text: 'late' }] } });
    expect(session.client.sent).toHaveLength(2);
  });

  it('stops a call that was decided and not yet sent', async () => {
    await session.proxy.close();
    const governor = governorWith(workspace.governor, async (asked) => {
      const authorization = await workspace.governor.authorize(asked);
      await workspace.governor.killSwitch.engage(stop);
      return authorization;
    });
    session = await startTestSession(workspace, { governor });
    session.client.inject(call(1, 'echo'));
    expect((await denialOf(1)).verdict['code']).toBe('KILLED_TOOL');
    expect(session.server.sent).toEqual([]);
  });
});
