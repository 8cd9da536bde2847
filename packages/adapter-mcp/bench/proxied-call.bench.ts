import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@cortex-governance/core';
import { createGovernor } from '@cortex-governance/governor';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server';
import { Bench } from 'tinybench';
import { createMcpProxy, VERDICT_META_KEY } from '../src/index.ts';

/** What a hop through the fastest published gateway costs at the median, in nanoseconds. */
const HOP_GOAL_NS = 227_000;

const GRANT = {
  tool: 'notes',
  actions: ['echo', 'read'],
  args: {},
  actionRules: { read: { args: { path: { type: 'string', format: 'path' } } } },
  rate: { perMinute: 1_000_000 },
  fsScope: ['docs'],
};

/** One end of a connection in this process: messages arrive in the turn in which they are sent. */
class DirectTransport implements Transport {
  onmessage?: <T extends JSONRPCMessage>(message: T) => void;
  onSend: (message: JSONRPCMessage) => void = () => {};

  async start(): Promise<void> {}

  async close(): Promise<void> {}

  async send(message: JSONRPCMessage): Promise<void> {
    this.onSend(message);
  }
}

const workspace = await mkdtemp(join(tmpdir(), 'bench-mcp-'));
const root = join(workspace, '.cortex');
await mkdir(join(root, 'policy', 'tools'), { recursive: true });
await mkdir(join(workspace, 'docs'));
await writeFile(join(workspace, 'docs', 'a.txt'), 'a');
await writeFile(join(root, 'policy', 'tools', 'notes.json'), JSON.stringify(GRANT));
await writeFile(join(root, 'governance.yaml'), 'evidence: { durability: accepted }\n');
const governor = await createGovernor({ root, name: 'bench', logger: silentLogger });

const client = new DirectTransport();
const server = new DirectTransport();
const proxy = createMcpProxy({
  ...{ governor, tool: 'notes', tenant: 'default', agent: 'bench', client, server },
});
await proxy.start();
// The server answers at once, so that what is left is the proxy.
server.onSend = (message) => {
  if ('id' in message) server.onmessage?.({ jsonrpc: '2.0', id: message.id ?? 0, result: {} });
};

let nextId = 0;

/** One call through the proxy, to its answer. */
function call(name: string, args: object): Promise<JSONRPCMessage> {
  const id = nextId++;
  return new Promise((resolve) => {
    client.onSend = resolve;
    client.onmessage?.({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name, arguments: args },
    } as JSONRPCMessage);
  });
}

const CASES = [
  { name: 'allowed, no path', tool: 'echo', args: { text: 'x' }, code: undefined },
  {
    name: 'allowed, path resolved on disk',
    tool: 'read',
    args: { path: 'docs/a.txt' },
    code: undefined,
  },
  { name: 'denied: scope', tool: 'read', args: { path: '../x' }, code: 'PATH_OUT_OF_SCOPE' },
  { name: 'denied: action', tool: 'delete', args: {}, code: 'ACTION_NOT_ALLOWED' },
] as const;

for (const { name, tool, args, code } of CASES) {
  const answer = (await call(tool, args)) as {
    result?: { _meta?: Record<string, { code: string }> };
  };
  const given = answer.result?._meta?.[VERDICT_META_KEY]?.code;
  if (given !== code) throw new Error(`${name}: ${given} instead of ${code}`);
}

const bench = new Bench({ time: 1000, warmupTime: 200 });
for (const { name, tool, args } of CASES) bench.add(name, () => call(tool, args));
await bench.run();
for (const { name, result } of bench.tasks) {
  if (result?.state !== 'completed') throw new Error(`${name} did not complete`);
  const { p50, p99 } = result.latency;
  process.stdout.write(
    `${name.padEnd(34)} p50 ${Math.round(p50 * 1e6)} ns  p99 ${Math.round(p99 * 1e6)} ns  (goal: p50 below ${HOP_GOAL_NS} ns)\n`,
  );
}
await proxy.close();
await governor.close();
await rm(workspace, { recursive: true, force: true });
