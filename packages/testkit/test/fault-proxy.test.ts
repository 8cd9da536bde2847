import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FaultProxy } from '../src/index.ts';

/** Answers every chunk with the same chunk. */
async function startEcho(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { server, port: address.port };
}

/** Unlike `once`, not rejected by the error that ends the connection. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

describe('FaultProxy', () => {
  let server: Server;
  let proxy: FaultProxy;
  const clients: Socket[] = [];

  beforeEach(async () => {
    const echo = await startEcho();
    server = echo.server;
    proxy = await FaultProxy.start(echo.port);
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.stop();
    server.close();
  });

  function open(): Socket & { errors: string[]; text: () => string } {
    const socket = connect(proxy.port, '127.0.0.1');
    const chunks: string[] = [];
    const errors: string[] = [];
    socket.on('data', (bytes) => chunks.push(bytes.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? ''));
    clients.push(socket);
    return Object.assign(socket, { errors, text: () => chunks.join('') });
  }

  it('forwards both ways, in order', async () => {
    const client = open();
    client.write('one ');
    client.write('two');
    await vi.waitFor(() => expect(client.text()).toBe('one two'));
  });

  it('latency: forwards everything later, in order', async () => {
    const client = open();
    await proxy.inject({ kind: 'latency', ms: 30 });
    const sentMs = performance.now();
    client.write('a');
    client.write('b');
    await vi.waitFor(() => expect(client.text()).toBe('ab'), { interval: 1 });
    // Each direction holds its bytes for 30 ms (timers may fire a millisecond early).
    expect(performance.now() - sentMs).toBeGreaterThanOrEqual(58);
  });

  it('timeout: accepts, swallows, and ends those connections when healed', async () => {
    const before = open();
    before.write('x');
    await vi.waitFor(() => expect(before.text()).toBe('x'));
    await proxy.inject({ kind: 'timeout' });
    before.write('lost');
    const during = open();
    await once(during, 'connect');
    during.write('lost');
    await vi.waitFor(() => expect(proxy.openSockets).toBe(4));
    expect(before.text()).toBe('x');
    expect(during.text()).toBe('');
    const ended = Promise.all([closed(before), closed(during)]);
    await proxy.heal();
    await ended;
    const after = open();
    after.write('y');
    await vi.waitFor(() => expect(after.text()).toBe('y'));
  });

  it('reset_peer: resets open connections and new ones', async () => {
    const client = open();
    client.write('x');
    await vi.waitFor(() => expect(client.text()).toBe('x'));
    await proxy.inject({ kind: 'reset_peer' });
    await vi.waitFor(() => expect(client.errors).toEqual(['ECONNRESET']));
    const late = open();
    await closed(late);
    expect(late.text()).toBe('');
  });

  it('bandwidth: forwards everything, a share at a time', async () => {
    await proxy.inject({ kind: 'bandwidth', bytesPerSecond: 10_000 });
    const client = open();
    const text = 'z'.repeat(1000);
    const sentMs = performance.now();
    client.write(text);
    await vi.waitFor(() => expect(client.text()).toBe(text), { interval: 5 });
    // 1,000 bytes in shares of 100 every 10 ms.
    expect(performance.now() - sentMs).toBeGreaterThanOrEqual(85);
  });

  it('down: refuses connections until healed, on the same port', async () => {
    const client = open();
    client.write('x');
    await vi.waitFor(() => expect(client.text()).toBe('x'));
    const ended = closed(client);
    await proxy.inject({ kind: 'down' });
    await ended;
    const refused = open();
    await vi.waitFor(() => expect(refused.errors).toEqual(['ECONNREFUSED']));
    await proxy.heal();
    const again = open();
    again.write('y');
    await vi.waitFor(() => expect(again.text()).toBe('y'));
  });
});
