import { createMcpProxy, type McpProxy, type McpProxyOptions } from '../../src/index.ts';
import { RecordingTransport } from './recording-transport.ts';
import type { TestWorkspace } from './test-workspace.ts';

/** A proxy whose client and server are the test. */
export interface TestSession {
  readonly proxy: McpProxy;
  readonly client: RecordingTransport;
  readonly server: RecordingTransport;
}

export async function startTestSession(
  workspace: TestWorkspace,
  options: Partial<McpProxyOptions> = {},
): Promise<TestSession> {
  const client = new RecordingTransport();
  const server = new RecordingTransport();
  const proxy = createMcpProxy({
    governor: workspace.governor,
    tool: 'notes',
    tenant: 'default',
    agent: 'tester',
    client,
    server,
    ...options,
  });
  await proxy.start();
  return { proxy, client, server };
}

export function request(id: unknown, method: string, params?: unknown): object {
  return { jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) };
}

export function call(id: unknown, name: unknown, args?: unknown, more: object = {}): object {
  return request(id, 'tools/call', {
    name,
    ...(args === undefined ? {} : { arguments: args }),
    ...more,
  });
}

export function notification(method: string, params?: object): object {
  return { jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }) };
}

/** Lets everything run that only waits for its turn, such as messages in an outbox. */
export function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
