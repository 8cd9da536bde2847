import { GovernanceError, type Logger, silentLogger } from '@cortex-governance/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMcpProxy, MCP_PROXY_EVENTS, VERDICT_META_KEY } from '../src/index.ts';
import { eventually } from './support/eventually.ts';
import { RecordingTransport } from './support/recording-transport.ts';
import {
  call,
  notification,
  request,
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

describe('requests of the client', () => {
  it.each([['ping'], ['tools/list'], ['initialize'], ['server/discover']])(
    '%s passes',
    (method) => {
      session.client.inject(request(1, method, { cursor: 'c' }));
      expect(session.server.sent).toEqual([request(1, method, { cursor: 'c' })]);
      session.server.inject({ jsonrpc: '2.0', id: 1, error: { code: -1, message: 'no', data: 5 } });
      expect(session.client.sent).toEqual([
        { jsonrpc: '2.0', id: 1, error: { code: -1, message: 'no', data: 5 } },
      ]);
    },
  );

  it.each([
    ['resources/list'],
    ['resources/read'],
    ['resources/subscribe'],
    ['prompts/get'],
    ['completion/complete'],
    ['logging/setLevel'],
    ['tasks/result'],
    ['subscriptions/listen'],
    ['tools/call '],
    ['TOOLS/CALL'],
    ['__proto__'],
    [''],
  ])('%s is refused', (method) => {
    session.client.inject(request(1, method));
    expect(session.server.sent).toEqual([]);
    expect(session.client.sent).toEqual([
      {
        jsonrpc: '2.0',
        id: 1,
        error: {
          code: -32601,
          message: `method "${method}" is not governed and is refused`,
          data: { code: 'METHOD_NOT_ALLOWED' },
        },
      },
    ]);
    expect(session.proxy.counters().client_requests_refused).toBe(1);
  });

  it('are refused while one with the same id is in flight', async () => {
    session.client.inject(request(1, 'ping'));
    session.client.inject(call(1, 'echo'));
    expect(session.client.sent).toMatchObject([
      { id: 1, error: { code: -32600, data: { code: 'BODY_INVALID' } } },
    ]);
    expect(session.server.sent).toHaveLength(1);
    expect(session.proxy.counters().client_ids_duplicate).toBe(1);
    expect(workspace.governor.counters.total).toBe(0);
  });

  it('tell 1 from "1"', async () => {
    session.client.inject(request(1, 'ping'));
    session.client.inject(request('1', 'ping'));
    session.server.inject({ jsonrpc: '2.0', id: '1', result: { of: 'string' } });
    session.server.inject({ jsonrpc: '2.0', id: 1, result: { of: 'number' } });
    await tick();
    expect(session.client.sent).toMatchObject([
      { id: '1', result: { of: 'string' } },
      { id: 1, result: { of: 'number' } },
    ]);
  });

  it('are refused beyond the bound', async () => {
    await session.proxy.close();
    session = await startTestSession(workspace, { maxPending: 2 });
    for (const id of [1, 2, 3]) session.client.inject(request(id, 'ping'));
    await tick();
    expect(session.server.sent).toHaveLength(2);
    expect(session.client.sent).toMatchObject([
      { id: 3, error: { code: -32000, data: { code: 'OVERLOADED' } } },
    ]);
    session.server.inject({ jsonrpc: '2.0', id: 1, result: {} });
    session.client.inject(request(4, 'ping'));
    await tick();
    expect(session.server.sent).toHaveLength(3);
  });

  it('lose the capabilities that the client offers the server', () => {
    session.client.inject(
      request(1, 'initialize', {
        protocolVersion: '2025-11-25',
        clientInfo: { name: 'c', version: '1' },
        capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {}, tasks: {} },
      }),
    );
    expect(session.server.sent).toEqual([
      request(1, 'initialize', {
        protocolVersion: '2025-11-25',
        clientInfo: { name: 'c', version: '1' },
        capabilities: {},
      }),
    ]);
  });
});

describe('the capabilities of the server', () => {
  it.each([['initialize'], ['server/discover']])(
    'are cut to tools in the result of %s',
    (method) => {
      session.client.inject(request(1, method, {}));
      session.server.inject({
        jsonrpc: '2.0',
        id: 1,
        result: {
          protocolVersion: '2025-11-25',
          serverInfo: { name: 's', version: '1' },
          instructions: 'text',
          capabilities: {
            tools: { listChanged: true, x: 1 },
            resources: {},
            logging: {},
            tasks: {},
          },
        },
      });
      expect(session.client.sent).toMatchObject([
        {
          result: {
            protocolVersion: '2025-11-25',
            serverInfo: { name: 's', version: '1' },
            instructions: 'text',
            capabilities: { tools: { listChanged: true } },
          },
        },
      ]);
      expect(JSON.stringify(session.client.sent)).not.toMatch(/resources|logging|tasks|"x"/);
    },
  );

  it.each([[undefined], [null], [[]], [{ tools: 5 }]])(
    'are none when they are %j',
    (capabilities) => {
      session.client.inject(request(1, 'initialize', {}));
      session.server.inject({ jsonrpc: '2.0', id: 1, result: { capabilities } });
      expect(session.client.sent).toEqual([
        { jsonrpc: '2.0', id: 1, result: { capabilities: {} } },
      ]);
    },
  );
});

describe('tools/list', () => {
  const tools = [
    { name: 'read', x: 1 },
    { name: 'delete' },
    { name: 5 },
    'read',
    null,
    { name: 'echo' },
  ];

  async function listed(result: object): Promise<unknown> {
    session.client.inject(request('list', 'tools/list', {}));
    session.server.inject({ jsonrpc: '2.0', id: 'list', result });
    return (session.client.answers('list')[0] as { result: unknown }).result;
  }

  it('holds only what the grant allows; the cursor and the rest stay', async () => {
    expect(await listed({ tools, nextCursor: 'n', ttlMs: 5, cacheScope: 'public' })).toEqual({
      tools: [{ name: 'read', x: 1 }, { name: 'echo' }],
      nextCursor: 'n',
      ttlMs: 5,
      cacheScope: 'private',
    });
    expect(session.proxy.counters().tools_hidden).toBe(4);
  });

  it('follows a grant that changes', async () => {
    await workspace.writeGrant({ ...NOTES_GRANT, actions: ['delete'], actionRules: {} });
    await workspace.governor.grants.reload();
    expect(await listed({ tools })).toEqual({ tools: [{ name: 'delete' }] });
  });

  it.each([
    [true, 1],
    [false, 0],
    [undefined, 0],
  ])(
    'is announced as changed with the grant, to a client that was promised so: %j',
    async (listChanged, times) => {
      session.client.inject(request(1, 'initialize', {}));
      session.server.inject({
        jsonrpc: '2.0',
        id: 1,
        result: { capabilities: { tools: { listChanged } } },
      });
      await workspace.writeGrant({ ...NOTES_GRANT, actions: ['delete'], actionRules: {} });
      await workspace.governor.grants.reload();
      await workspace.governor.grants.reload();
      await tick();
      expect(session.client.withMethod('notifications/tools/list_changed')).toHaveLength(times);
      expect(session.server.sent).toHaveLength(1);
    },
  );

  it.each([
    ['the grant names other subjects', { ...NOTES_GRANT, subjects: ['someone-else'] }],
    ['the grant names other tenants', { ...NOTES_GRANT, tenants: ['someone-else'] }],
    ['there is no grant', null],
  ])('is empty when %s', async (_, grant) => {
    await session.proxy.close();
    await workspace.close();
    workspace = await openTestWorkspace(grant);
    session = await startTestSession(workspace);
    expect(await listed({ tools, nextCursor: 'n' })).toEqual({ tools: [], nextCursor: 'n' });
  });

  it('is empty for an unknown tenant', async () => {
    await session.proxy.close();
    session = await startTestSession(workspace, { tenant: 'nobody' });
    expect(await listed({ tools })).toEqual({ tools: [] });
  });

  it('is whole when the grant is in shadow mode', async () => {
    await session.proxy.close();
    await workspace.close();
    workspace = await openTestWorkspace({ ...NOTES_GRANT, mode: 'shadow' });
    session = await startTestSession(workspace);
    expect(await listed({ tools: [{ name: 'delete' }] })).toEqual({ tools: [{ name: 'delete' }] });
  });

  it.each([[{}], [{ tools: null }], [{ tools: { name: 'read' } }]])(
    'is empty for %j',
    async (result) => {
      expect(await listed(result)).toEqual({ tools: [] });
    },
  );
});

describe('notifications of the client', () => {
  it.each([['notifications/initialized'], ['notifications/progress']])('%s passes', (method) => {
    session.client.inject(notification(method, { a: 1 }));
    expect(session.server.sent).toEqual([notification(method, { a: 1 })]);
  });

  it.each([['notifications/roots/list_changed'], ['tools/call'], ['x']])(
    '%s is dropped',
    (method) => {
      session.client.inject(notification(method, { name: 'echo', arguments: {} }));
      expect(session.server.sent).toEqual([]);
      expect(session.client.sent).toEqual([]);
      expect(session.proxy.counters().client_notifications_dropped).toBe(1);
    },
  );

  it('cancel a request in flight; its answer goes nowhere and its id stays taken', async () => {
    session.client.inject(request(1, 'tools/list'));
    session.client.inject(notification('notifications/cancelled', { requestId: 1, reason: 'r' }));
    await tick();
    expect(session.server.withMethod('notifications/cancelled')).toEqual([
      notification('notifications/cancelled', { requestId: 1, reason: 'r' }),
    ]);
    expect(session.proxy.pending()).toBe(0);
    session.client.inject(request(1, 'ping'));
    expect(session.client.sent).toMatchObject([{ id: 1, error: { code: -32600 } }]);
    session.server.inject({ jsonrpc: '2.0', id: 1, result: { tools: [] } });
    await tick();
    expect(session.client.sent).toHaveLength(1);
    session.client.inject(request(1, 'ping'));
    await tick();
    expect(session.server.withMethod('ping')).toHaveLength(1);
  });

  it('cancel a call that is being decided: it is neither sent nor answered', async () => {
    session.client.inject(call(1, 'echo'));
    session.client.inject(notification('notifications/cancelled', { requestId: 1 }));
    await eventually(() => expect(session.proxy.counters().calls_cancelled).toBe(1));
    expect(session.server.sent).toEqual([]);
    expect(session.client.sent).toEqual([]);
    expect(session.proxy.pending()).toBe(0);
  });

  it.each([[{ requestId: 77 }], [{ requestId: null }], [{}], [undefined]])(
    'do not cancel what is not in flight: %j',
    (params) => {
      session.client.inject(notification('notifications/cancelled', params));
      expect(session.server.sent).toEqual([]);
      expect(session.proxy.counters().client_notifications_dropped).toBe(1);
    },
  );

  it('forget the oldest cancelled ids past the bound, and leak nothing', async () => {
    await session.proxy.close();
    session = await startTestSession(workspace, { maxPending: 3 });
    for (let id = 1; id <= 10; id += 1) {
      session.client.inject(request(id, 'ping'));
      session.client.inject(notification('notifications/cancelled', { requestId: id }));
    }
    expect(session.proxy.pending()).toBe(0);
    session.client.inject(request(1, 'ping'));
    session.client.inject(request(10, 'ping'));
    await tick();
    expect(session.client.sent).toMatchObject([{ id: 10, error: { code: -32600 } }]);
    expect(session.server.withMethod('ping')).toHaveLength(11);
  });
});

describe('messages that are none', () => {
  it.each([
    [[call(1, 'echo'), call(2, 'echo')]],
    [[]],
    [null],
    ['tools/call'],
    [{}],
    [{ jsonrpc: '1.0', id: 1, method: 'ping' }],
    [{ id: 1, method: 'ping' }],
    [{ jsonrpc: '2.0', id: null, method: 'tools/call', params: { name: 'echo' } }],
    [{ jsonrpc: '2.0', id: 1.5, method: 'ping' }],
    [{ jsonrpc: '2.0', id: 2 ** 53, method: 'ping' }],
    [{ jsonrpc: '2.0', id: {}, method: 'ping' }],
    [{ jsonrpc: '2.0', id: 1, method: 5 }],
    [{ jsonrpc: '2.0', id: 1 }],
    [{ jsonrpc: '2.0', id: 1, result: {}, error: {} }],
    [{ jsonrpc: '2.0', error: { code: 1, message: 'm' } }],
  ])('%j passes in no direction', (message) => {
    session.client.inject(message);
    session.server.inject(message);
    expect(session.client.sent).toEqual([]);
    expect(session.server.sent).toEqual([]);
    expect(session.proxy.counters()).toMatchObject({
      client_messages_malformed: 1,
      server_messages_malformed: 1,
    });
    expect(workspace.governor.counters.total).toBe(0);
  });

  it('lose members that JSON-RPC does not know', () => {
    session.client.inject({ ...request(1, 'ping'), extra: 1 });
    expect(session.server.sent).toEqual([request(1, 'ping')]);
  });

  it('are logged the more rarely the more there are', async () => {
    await session.proxy.close();
    const warn = vi.fn();
    const logger: Logger = { ...silentLogger, warn };
    session = await startTestSession(workspace, { logger });
    for (let i = 0; i < 100; i += 1) session.client.inject(null);
    expect(warn.mock.calls.map(([, fields]) => fields.count)).toEqual([1, 2, 4, 8, 16, 32, 64]);
  });
});

describe('the server', () => {
  it.each([
    ['sampling/createMessage'],
    ['elicitation/create'],
    ['roots/list'],
    ['tools/call'],
    ['x'],
  ])('is refused %s', (method) => {
    session.server.inject(request('s', method, {}));
    expect(session.client.sent).toEqual([]);
    expect(session.server.sent).toMatchObject([
      { id: 's', error: { code: -32601, data: { code: 'METHOD_NOT_ALLOWED' } } },
    ]);
    expect(session.proxy.counters().server_requests_refused).toBe(1);
  });

  it('is answered its ping', () => {
    session.server.inject(request('s', 'ping'));
    expect(session.server.sent).toEqual([{ jsonrpc: '2.0', id: 's', result: {} }]);
    expect(session.client.sent).toEqual([]);
  });

  it.each([
    ['notifications/message'],
    ['notifications/cancelled'],
    ['notifications/tools/list_changed'],
  ])('may notify: %s', (method) => {
    session.server.inject(notification(method, { data: 1 }));
    expect(session.client.sent).toEqual([notification(method, { data: 1 })]);
  });

  it.each([
    ['notifications/resources/updated'],
    ['notifications/prompts/list_changed'],
    ['notifications/elicitation/complete'],
    ['notifications/tasks/status'],
    ['notifications/progress'],
  ])('may not notify: %s', (method) => {
    session.server.inject(notification(method, { progressToken: 'unknown' }));
    expect(session.client.sent).toEqual([]);
    expect(session.proxy.counters().server_notifications_dropped).toBe(1);
  });

  it('may report progress of what is in flight', async () => {
    session.client.inject(request(1, 'tools/list', { _meta: { progressToken: 'p' } }));
    const progress = notification('notifications/progress', { progressToken: 'p', progress: 1 });
    session.server.inject(progress);
    expect(session.client.sent).toEqual([progress]);
    session.server.inject({ jsonrpc: '2.0', id: 1, result: { tools: [] } });
    session.server.inject(progress);
    await tick();
    expect(session.client.sent).toHaveLength(2);
  });

  it('cannot answer what was not asked, was answered, or is still being decided', async () => {
    const answer = { jsonrpc: '2.0', id: 1, result: { content: [] } };
    session.server.inject(answer);
    session.client.inject(call(1, 'echo'));
    session.server.inject(answer);
    expect(session.client.sent).toEqual([]);
    await eventually(() => expect(session.server.sent).toHaveLength(1));
    session.server.inject(answer);
    session.server.inject(answer);
    expect(session.client.sent).toEqual([answer]);
    expect(session.proxy.counters().server_responses_dropped).toBe(3);
  });

  it.each([
    [{ result: { resultType: 'input_required', inputRequests: {} } }],
    [{ result: { resultType: 'task', taskId: 't' } }],
    [{ result: { resultType: 5 } }],
    [{ error: { code: -32042, message: 'm', data: { elicitations: [] } } }],
  ])('cannot ask for input in an answer: %j', async (answer) => {
    session.client.inject(call(1, 'echo'));
    await eventually(() => expect(session.server.sent).toHaveLength(1));
    session.server.inject({ jsonrpc: '2.0', id: 1, ...answer });
    expect(session.client.sent).toMatchObject([
      { id: 1, error: { code: -32601, data: { code: 'METHOD_NOT_ALLOWED' } } },
    ]);
    expect(session.proxy.counters().server_responses_refused).toBe(1);
  });

  it('cannot pretend to have a verdict', async () => {
    session.client.inject(call(1, 'echo'));
    await eventually(() => expect(session.server.sent).toHaveLength(1));
    const _meta = { [VERDICT_META_KEY]: { effect: 'allow' }, other: 1 };
    session.server.inject({ jsonrpc: '2.0', id: 1, result: { content: [], _meta } });
    expect(session.client.sent).toEqual([
      { jsonrpc: '2.0', id: 1, result: { content: [], _meta: { other: 1 } } },
    ]);
  });

  it('is told the protocol version by transports that state it', async () => {
    await session.proxy.close();
    const server = new RecordingTransport();
    const setProtocolVersion = vi.fn();
    Object.assign(server, { setProtocolVersion });
    session = await startTestSession(workspace, { server });
    session.client.inject(request(1, 'initialize', {}));
    server.inject({ jsonrpc: '2.0', id: 1, result: { protocolVersion: '2025-11-25' } });
    expect(setProtocolVersion).toHaveBeenCalledExactlyOnceWith('2025-11-25');
  });
});

describe('responses of the client', () => {
  it('are dropped: nothing was asked', () => {
    session.client.inject({ jsonrpc: '2.0', id: 1, result: {} });
    expect(session.server.sent).toEqual([]);
    expect(session.proxy.counters().client_responses_dropped).toBe(1);
  });
});

describe('the end of a session', () => {
  it('comes with the client: the server is closed', async () => {
    await session.client.close();
    expect(await session.proxy.ended).toEqual({ by: 'client', problem: '' });
    expect(session.server.closed).toBe(true);
  });

  it('comes with the server: what is in flight is answered, the client is closed', async () => {
    session.client.inject(request(1, 'ping'));
    await session.server.close();
    expect(await session.proxy.ended).toEqual({ by: 'server', problem: '' });
    expect(session.client.sent).toMatchObject([
      { id: 1, error: { code: -32603, data: { code: 'UPSTREAM_UNAVAILABLE' } } },
    ]);
    expect(session.client.closed).toBe(true);
  });

  it('names the error with which a transport closed, and no older one', async () => {
    session.client.onerror?.(new Error('old'));
    await Promise.resolve();
    await session.client.close();
    expect(await session.proxy.ended).toEqual({ by: 'client', problem: '' });

    session = await startTestSession(workspace);
    session.server.onerror?.(new Error('message too large'));
    await session.server.close();
    expect(await session.proxy.ended).toEqual({ by: 'server', problem: 'message too large' });
    expect(session.proxy.counters().server_messages_malformed).toBe(1);
  });

  it('comes when a side does not read: nothing grows without bound', async () => {
    session.client.blocked = new Promise(() => {});
    let sent = 0;
    for (; !session.client.closed && sent < 100_000; sent += 1) {
      session.client.inject(request(sent, 'resources/list'));
    }
    const end = await session.proxy.ended;
    expect(end.by).toBe('client');
    expect(end.problem).toContain('does not read');
    expect(sent).toBeLessThan(10_000);
  });

  it('comes when a message cannot be sent', async () => {
    session.server.send = () => Promise.reject(new Error('EPIPE'));
    session.client.inject(request(1, 'ping'));
    expect(await session.proxy.ended).toEqual({ by: 'server', problem: 'EPIPE' });
  });

  it('lets nothing through afterwards', async () => {
    await session.proxy.close();
    session.client.inject(call(1, 'echo'));
    session.client.inject(request(2, 'ping'));
    session.server.inject(notification('notifications/message', {}));
    await tick();
    expect(session.server.sent).toEqual([]);
    expect(session.client.sent).toEqual([]);
    expect(workspace.governor.counters.total).toBe(0);
  });

  it('comes at once when a transport cannot start', async () => {
    const server = new RecordingTransport();
    server.start = () => Promise.reject(new Error('no'));
    const client = new RecordingTransport();
    const proxy = createMcpProxy({
      governor: workspace.governor,
      tool: 'notes',
      tenant: 'default',
      agent: 'a',
      client,
      server,
    });
    await expect(proxy.start()).rejects.toThrow('no');
    expect(await proxy.ended).toEqual({ by: 'proxy', problem: 'no' });
    expect(client.started).toBe(false);
    expect(client.closed).toBe(true);
  });
});

describe('the options', () => {
  it.each([
    ['tool', ''],
    ['tool', 5],
    ['tenant', 'x'.repeat(257)],
    ['agent', undefined],
    ['maxPending', 0],
    ['maxPending', 1.5],
    ['maxPending', Number.POSITIVE_INFINITY],
    ['governor', {}],
    ['client', null],
    ['server', { send: 1 }],
    ['logger', {}],
  ])('are checked: %s %j', (name, value) => {
    const options = {
      governor: workspace.governor,
      tool: 'notes',
      tenant: 'default',
      agent: 'a',
      client: new RecordingTransport(),
      server: new RecordingTransport(),
      [name]: value,
    };
    expect(() => createMcpProxy(options as never)).toThrow(GovernanceError);
    expect(() => createMcpProxy(options as never)).toThrow(`createMcpProxy(options).${name}`);
  });
});

describe('the counters', () => {
  it('name every event, from the start', () => {
    const counters = session.proxy.counters();
    expect(Object.keys(counters)).toEqual([...MCP_PROXY_EVENTS]);
    expect(new Set(Object.values(counters))).toEqual(new Set([0]));
  });
});
