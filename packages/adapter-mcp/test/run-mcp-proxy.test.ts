import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { GovernanceError, type Logger, silentLogger } from '@cortex-governance/core';
import { createGovernor } from '@cortex-governance/governor';
import { Client, type JSONRPCMessage } from '@modelcontextprotocol/client';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type McpProxy,
  type McpProxyExit,
  type RunMcpProxyOptions,
  runMcpProxy,
  VERDICT_META_KEY,
} from '../src/index.ts';
import { eventually } from './support/eventually.ts';
import { NOTES_GRANT, openTestWorkspace, type TestWorkspace } from './support/test-workspace.ts';

const SERVER = join(import.meta.dirname, 'fixtures', 'tiny-server.mjs');

const GRANT = {
  ...NOTES_GRANT,
  actions: ['echo', 'where', 'exit', 'die', 'noise', 'huge', 'slow'],
  actionRules: {},
};

let workspace: TestWorkspace;
let stdin: PassThrough;
let stdout: PassThrough;
let proxy: McpProxy | undefined;
let exit: Promise<McpProxyExit>;

beforeEach(async () => {
  workspace = await openTestWorkspace(GRANT);
  stdin = new PassThrough();
  stdout = new PassThrough();
  proxy = undefined;
});

afterEach(async () => {
  stdin.end();
  await proxy?.close();
  await exit.catch(() => {});
  await workspace.close();
});

function run(options: Partial<RunMcpProxyOptions> = {}): void {
  exit = runMcpProxy({
    governor: workspace.governor,
    command: process.execPath,
    args: [SERVER],
    tool: 'notes',
    stdin,
    stdout,
    onStart: (started) => {
      proxy = started;
    },
    ...options,
  });
}

/** A client whose transport is the other end of the proxy's stdin and stdout. */
async function connect(options: Partial<RunMcpProxyOptions> = {}): Promise<Client> {
  run(options);
  const client = new Client({ name: 'client', version: '1.0.0' });
  await client.connect(new StdioServerTransport(stdout, stdin));
  return client;
}

function textOf(result: { content: { type: string }[] }): unknown {
  return JSON.parse((result.content[0] as unknown as { text: string }).text);
}

describe('a governed server process', () => {
  it('is listed and called through the proxy', async () => {
    const client = await connect();
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(GRANT.actions);
    const result = await client.callTool({ name: 'echo', arguments: { a: 1 } });
    expect(textOf(result)).toEqual({ a: 1 });
  });

  it('runs in the workspace, with a safe environment and what is given', async () => {
    vi.stubEnv('SECRET_OF_THE_PARENT', 'x');
    const client = await connect({ args: [SERVER, 'serve', 'a b', '$HOME'], env: { GIVEN: 'y' } });
    vi.unstubAllEnvs();
    const where = textOf(await client.callTool({ name: 'where', arguments: {} }));
    expect(where).toMatchObject({
      cwd: workspace.dir,
      argv: ['serve', 'a b', '$HOME'],
      env: { GIVEN: 'y', PATH: process.env['PATH'] },
    });
    expect(where).not.toHaveProperty('env.SECRET_OF_THE_PARENT');
  });

  it('takes tool, tenant and agent from the configuration', async () => {
    const client = await connect({ tool: undefined as never });
    const result = await client.callTool({ name: 'echo', arguments: {} });
    expect(result._meta?.[VERDICT_META_KEY]).toMatchObject({ code: 'TOOL_UNKNOWN' });
    expect(workspace.governor.config.mcp.tool).toBe('mcp');
  });

  it('may write lines that are not protocol: they are dropped', async () => {
    const client = await connect();
    expect(textOf(await client.callTool({ name: 'noise', arguments: {} }))).toBe('noise');
    expect(textOf(await client.callTool({ name: 'echo', arguments: {} }))).toEqual({});
    // Lines that are no JSON at all are skipped by the SDK; the other two are counted.
    expect(proxy?.counters().server_messages_malformed).toBe(2);
  });

  it('is told when the kill switch stops its running call', async () => {
    const client = await connect();
    const running = client.callTool({ name: 'slow', arguments: {} });
    await eventually(() => expect(proxy?.counters().calls_forwarded).toBe(1));
    const order = { actor: 'op', reason: 'drill' };
    await workspace.governor.killSwitch.engage({ scope: 'global', ...order });
    const result = await running;
    expect(result._meta?.[VERDICT_META_KEY]).toMatchObject({ code: 'KILLED_GLOBAL' });
    await workspace.governor.killSwitch.release({ scope: 'global', ...order });
    expect(textOf(await client.callTool({ name: 'echo', arguments: {} }))).toEqual({});
  });
});

describe('a stop from another process', () => {
  it('ends a running call, and holds for new ones at once', async () => {
    const client = await connect();
    const other = await createGovernor({
      root: join(workspace.dir, '.cortex'),
      name: 'operator',
      logger: silentLogger,
    });
    const order = { scope: 'tool', tool: 'notes', actor: 'op', reason: 'drill' } as const;
    const running = client.callTool({ name: 'slow', arguments: {} });
    await eventually(() => expect(proxy?.counters().calls_forwarded).toBe(1));
    await other.killSwitch.engage(order);
    const next = await client.callTool({ name: 'echo', arguments: {} });
    expect(next._meta?.[VERDICT_META_KEY]).toMatchObject({ code: 'KILLED_TOOL' });
    expect((await running)._meta?.[VERDICT_META_KEY]).toMatchObject({ code: 'KILLED_TOOL' });
    await other.killSwitch.release(order);
    expect(textOf(await client.callTool({ name: 'echo', arguments: {} }))).toEqual({});
    await other.close();
  });
});

describe('the end', () => {
  it('comes when the client closes: the server ends, with code 0', async () => {
    await connect();
    stdin.end();
    expect(await exit).toEqual({ by: 'client', problem: '', exitCode: 0 });
  });

  it('comes when the server ends, with its exit code, and answers what is in flight', async () => {
    const client = await connect();
    const call = client.callTool({ name: 'exit', arguments: { code: 7 } });
    await expect(call).rejects.toThrow('the MCP server has ended');
    expect(await exit).toEqual({ by: 'server', problem: '', exitCode: 7 });
  });

  it('gives a code that names the signal', async () => {
    const client = await connect();
    await expect(client.callTool({ name: 'die', arguments: {} })).rejects.toThrow('has ended');
    expect(await exit).toEqual({ by: 'server', problem: '', exitCode: 137 });
  });

  it('comes when the server ends before it says anything', async () => {
    run({ args: [SERVER, 'exit-at-once'] });
    expect(await exit).toEqual({ by: 'server', problem: '', exitCode: 3 });
  });

  it('comes with a signal, which is passed on', async () => {
    await connect({ signals: ['SIGUSR2'] });
    // Emitted rather than sent: the tests may run in a thread, which gets no signals.
    process.emit('SIGUSR2', 'SIGUSR2');
    expect(await exit).toEqual({ by: 'proxy', problem: '', exitCode: 128 + 12 });
    expect(process.listenerCount('SIGUSR2')).toBe(0);
  });

  it('comes even to a server that ignores end of input and SIGTERM', async () => {
    await connect({ args: [SERVER, 'stubborn'] });
    stdin.end();
    expect(await exit).toEqual({ by: 'client', problem: '', exitCode: 137 });
  });

  it('comes when the server sends more than a message may hold', async () => {
    const error = vi.fn();
    const logger: Logger = { ...silentLogger, error };
    const client = await connect({ maxMessageBytes: 131_072, logger });
    const call = client.callTool({ name: 'huge', arguments: { bytes: 200_000 } });
    await expect(call).rejects.toThrow('maximum size of 131072 bytes');
    const end = await exit;
    expect(end).toMatchObject({ by: 'server', exitCode: 1 });
    expect(end.problem).toContain('maximum size of 131072 bytes');
    expect(error).toHaveBeenCalledWith(
      'MCP_SESSION_FAILED',
      expect.objectContaining({ by: 'server' }),
    );
  });

  it('comes when the client sends more than a message may hold', async () => {
    run({ maxMessageBytes: 131_072 });
    stdin.write(`{"jsonrpc":"2.0","id":1,"method":"${'x'.repeat(200_000)}`);
    expect(await exit).toMatchObject({ by: 'client', exitCode: 1 });
  });
});

describe('the streams', () => {
  it('carry messages of almost the bound', async () => {
    const client = await connect();
    const text = 'y'.repeat(3_000_000);
    expect(textOf(await client.callTool({ name: 'echo', arguments: { text } }))).toEqual({ text });
  });

  it('stop being read while the client does not read', async () => {
    stdout = new PassThrough({ highWaterMark: 1024 });
    run();
    await eventually(() => expect(proxy).toBeDefined());
    const line = (id: number): string =>
      `${JSON.stringify({ jsonrpc: '2.0', id, method: 'resources/list' })}\n`;
    // Written in blocks, as an operating system would deliver them.
    const accepted = Array.from({ length: 400 }, (_, block) =>
      stdin.write(Array.from({ length: 100 }, (_, i) => line(block * 100 + i)).join('')),
    );
    expect(accepted).toContain(false);
    await eventually(() => expect(stdin.isPaused()).toBe(true));
    expect(proxy?.counters().client_requests_refused).toBeLessThan(10_000);
    let answered = 0;
    stdout.setEncoding('utf8');
    stdout.on('data', (chunk: string) => {
      answered += chunk.split('\n').length - 1;
    });
    await eventually(() => expect(answered).toBe(40_000));
  });

  it('hold nothing but protocol', async () => {
    const lines: JSONRPCMessage[] = [];
    stdout.on('data', (chunk: Buffer) => {
      for (const text of chunk.toString('utf8').split('\n').slice(0, -1))
        lines.push(JSON.parse(text));
    });
    run();
    const send = (message: object) => stdin.write(`${JSON.stringify(message)}\n`);
    stdin.write('garbage\n\n[]\n{"jsonrpc":"2.0","id":1.5,"method":"x"}\n');
    send({ jsonrpc: '2.0', id: 1, method: 'resources/list' });
    await eventually(() => expect(lines).toHaveLength(1));
    expect(lines[0]).toMatchObject({ id: 1, error: { code: -32601 } });
    expect(proxy?.counters().client_messages_malformed).toBe(2);
  });
});

describe('what cannot start', () => {
  it.each([
    ['a command that does not exist', { command: 'no-such-command-here' }],
    ['a folder that does not exist', { cwd: '/no/such/folder' }],
    ['a command with a NUL byte', { command: 'a\u0000b' }],
  ])('is UPSTREAM_UNAVAILABLE: %s', async (_, options) => {
    run(options);
    await expect(exit).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
  });

  it.each([
    ['command', ''],
    ['args', ['a', 1]],
    ['env', { A: 1 }],
    ['maxMessageBytes', 1024],
    ['maxMessageBytes', 2 ** 40],
    ['maxPending', -1],
    ['tool', ''],
    ['stdin', {}],
  ])('is OPTIONS_INVALID: %s %j', async (name, value) => {
    run({ [name]: value });
    const error = await exit.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(GovernanceError);
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID' });
  });

  it('ends the server when the caller refuses it', async () => {
    run({
      onStart: () => {
        throw new Error('refused');
      },
    });
    await expect(exit).rejects.toThrow('refused');
  });
});
