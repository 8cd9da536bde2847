import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectError, govern, makeWorkspace, start } from './govern.ts';

/** An MCP server of two tools, without any library: newline-delimited JSON-RPC. */
const SERVER = `
import { createInterface } from 'node:readline';
const tools = ['read', 'wipe'].map((name) => ({ name, inputSchema: { type: 'object' } }));
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  const result =
    method === 'initialize'
      ? { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } }
      : method === 'tools/list'
        ? { tools }
        : { content: [{ type: 'text', text: 'ran ' + params.name + ' ' + process.argv.slice(2).join(' ') + ' ' + process.env.SECRET + ' ' + process.env.OTHER }] };
  process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
}
process.exit(7);
`;

const GRANT = { tool: 'files', actions: ['read'], rate: { perMinute: 100 } };

async function makeMcpWorkspace(): Promise<string> {
  const folder = await makeWorkspace({ grants: [GRANT], config: 'mcp: { tool: files }' });
  await writeFile(join(folder, 'server.mjs'), SERVER);
  return folder;
}

interface Message {
  readonly id: number;
  readonly result?: { readonly tools?: readonly { name: string }[]; readonly isError?: boolean };
}

describe('govern mcp', () => {
  it('lets the granted tool through, refuses the other, and ends with the server’s status', async () => {
    const folder = await makeMcpWorkspace();
    const server = [process.execPath, 'server.mjs', '--json', '--root', 'x'];
    const { child, ended, stdout } = start(
      folder,
      ['mcp', '--env', 'SECRET', '--agent', 'desktop', '--', ...server],
      { SECRET: 's3cret', OTHER: 'hidden' },
    );
    const send = (message: object): void => {
      child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    };
    const messages = (): Message[] =>
      stdout()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Message);
    const answer = (id: number): Promise<Message> =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = stdout().endsWith('\n') && messages().find((message) => message.id === id);
          if (found) resolve(found);
          else child.stdout?.once('data', look);
        };
        look();
      });
    const params = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'c', version: '1' },
    };
    send({ id: 1, method: 'initialize', params });
    await answer(1);
    send({ method: 'notifications/initialized' });
    send({ id: 2, method: 'tools/list' });
    expect((await answer(2)).result?.tools?.map(({ name }) => name)).toEqual(['read']);
    send({ id: 3, method: 'tools/call', params: { name: 'read', arguments: {} } });
    expect(JSON.stringify(await answer(3))).toContain('ran read --json --root x s3cret undefined');
    send({ id: 4, method: 'tools/call', params: { name: 'wipe', arguments: {} } });
    expect(JSON.stringify(await answer(4))).toContain('ACTION_NOT_ALLOWED');
    child.stdin?.end();
    expect((await ended).status).toBe(7);
    const list = await govern(folder, ['evidence', 'list', '--effect', 'allow']);
    expect(JSON.parse(list.stdout)).toMatchObject({
      action: 'read',
      subject: { type: 'agent', id: 'desktop' },
      resource: { type: 'tool', id: 'files' },
    });
  });

  it('ends when the server ends, though the client keeps its side open', async () => {
    const folder = await makeMcpWorkspace();
    const { ended } = start(folder, ['mcp', '--', process.execPath, '-e', 'process.exit(5)']);
    expect((await ended).status).toBe(5);
  });

  it('says when the program cannot be started', async () => {
    const folder = await makeMcpWorkspace();
    const outcome = await govern(folder, ['mcp', '--', '/no/such/program']);
    expect(outcome.status).toBe(3);
    expect(outcome.stderr).toMatch(/^error \[UPSTREAM_UNAVAILABLE\] /m);
    expect(outcome.stdout).toBe('');
  });

  it('does not run the program without valid policy', async () => {
    const folder = await makeMcpWorkspace();
    await writeFile(join(folder, '.cortex', 'policy', 'tools', 'bad.json'), '{');
    await writeFile(join(folder, 'server.mjs'), `process.stdout.write('it ran')`);
    expectError(
      await govern(folder, ['mcp', '--', process.execPath, 'server.mjs']),
      3,
      'GRANT_INVALID',
    );
  });
});
