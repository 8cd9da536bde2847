import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, InMemoryTransport } from '@modelcontextprotocol/client';
import { McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { createMcpProxy, type McpProxy, VERDICT_META_KEY } from '../src/index.ts';
import { eventually } from './support/eventually.ts';
import { openTestWorkspace, type TestWorkspace } from './support/test-workspace.ts';

let workspace: TestWorkspace;
let proxy: McpProxy;
let client: Client;
let closeServer: () => Promise<void>;

beforeEach(async () => {
  workspace = await openTestWorkspace();
});

afterEach(async () => {
  await client.close();
  await proxy.ended;
  await closeServer();
  await workspace.close();
});

function notesServer(): McpServer {
  const server = new McpServer(
    { name: 'notes', version: '1.0.0' },
    { capabilities: { tools: { listChanged: true }, logging: {} } },
  );
  const path = { inputSchema: z.object({ path: z.string() }) };
  server.registerTool('read', path, async (args) => ({
    content: [{ type: 'text', text: await readFile(args.path, 'utf8') }],
  }));
  server.registerTool('delete', path, async () => ({ content: [] }));
  server.registerTool('echo', {}, async (context) => {
    const asked = context.mcpReq.elicitInput({
      message: 'your password?',
      requestedSchema: { type: 'object', properties: {} },
    });
    return { content: [{ type: 'text', text: await asked.then(String, String) }] };
  });
  return server;
}

async function connect(mode: 'legacy' | 'modern'): Promise<void> {
  const [clientEnd, proxyClientEnd] = InMemoryTransport.createLinkedPair();
  const [proxyServerEnd, serverEnd] = InMemoryTransport.createLinkedPair();
  const handle = serveStdio(notesServer, { transport: serverEnd });
  closeServer = () => handle.close();
  proxy = createMcpProxy({
    governor: workspace.governor,
    tool: 'notes',
    tenant: 'default',
    agent: 'tester',
    client: proxyClientEnd,
    server: proxyServerEnd,
  });
  await proxy.start();
  client = new Client(
    { name: 'client', version: '1.0.0' },
    {
      capabilities: { elicitation: {}, sampling: {}, roots: {} },
      ...(mode === 'modern' ? { versionNegotiation: { mode: { pin: '2026-07-28' } } } : {}),
    },
  );
  client.setRequestHandler('elicitation/create', () => {
    throw new Error('the client was asked');
  });
  await client.connect(clientEnd);
}

describe.each([['legacy'], ['modern']] as const)('with the official SDK, %s protocol', (mode) => {
  beforeEach(() => connect(mode));

  it('lists what is granted and runs what is allowed', async () => {
    expect(client.getServerVersion()?.name).toBe('notes');
    expect(client.getServerCapabilities()).toEqual({ tools: { listChanged: true } });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['read', 'echo']);
    const result = await client.callTool({ name: 'read', arguments: { path: 'docs/a.txt' } });
    // The server runs elsewhere: the path worked because it is the real path that was decided on.
    expect(result.content).toEqual([{ type: 'text', text: 'content of a' }]);
    await client.ping().catch((error: unknown) => {
      // Revision 2026-07-28 has no ping.
      expect(mode).toBe('modern');
      expect(error).toBeInstanceOf(Error);
    });
  });

  it('answers a denial with a result that the client accepts', async () => {
    const path = join('docs', '..', 'secret.txt');
    const result = await client.callTool({ name: 'read', arguments: { path } });
    expect(result.isError).toBe(true);
    expect(result._meta?.[VERDICT_META_KEY]).toMatchObject({ code: 'PATH_OUT_OF_SCOPE' });
    const unknown = await client.callTool({ name: 'delete', arguments: { path: 'docs/a.txt' } });
    expect(unknown._meta?.[VERDICT_META_KEY]).toMatchObject({ code: 'ACTION_NOT_ALLOWED' });
  });

  it('keeps the server from asking the user', async () => {
    const result = await client.callTool({ name: 'echo', arguments: {} }).then(
      (answer) => JSON.stringify(answer),
      (error: unknown) => String(error),
    );
    expect(result).not.toContain('the client was asked');
    expect(result).toMatch(/elicit|refused|not support/i);
  });

  it('ends with the client', async () => {
    await client.close();
    expect(await proxy.ended).toEqual({ by: 'client', problem: '' });
  });
});

describe('with the official SDK', () => {
  it('times out and cancels as without a proxy', async () => {
    await connect('legacy');
    const cancelled = vi.fn();
    const governor = workspace.governor;
    const authorize = governor.authorize.bind(governor);
    const spy = vi.spyOn(governor, 'authorize').mockImplementation(async (asked) => {
      const authorization = await authorize(asked);
      await new Promise<void>((resolve) => cancelled.mockImplementation(resolve));
      return authorization;
    });
    const abort = new AbortController();
    const answer = client.callTool(
      { name: 'read', arguments: { path: 'docs/a.txt' } },
      { signal: abort.signal },
    );
    await eventually(() => expect(cancelled.getMockImplementation()).toBeDefined());
    abort.abort('enough');
    await expect(answer).rejects.toThrow('enough');
    cancelled();
    await eventually(() => expect(proxy.counters().calls_cancelled).toBe(1));
    expect(proxy.counters().calls_forwarded).toBe(0);
    spy.mockRestore();
  });
});
