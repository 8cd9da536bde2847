import { createServer, connect as dial, type Server, type Socket } from 'node:net';

/** What a {@link FaultProxy} does to its connections; the names are toxiproxy's. */
export type Toxic =
  /** Every chunk is forwarded `ms` later, in order. */
  | { readonly kind: 'latency'; readonly ms: number }
  /** Accepts connections and swallows everything: a half-open peer. */
  | { readonly kind: 'timeout' }
  /** Connections, new ones too, are ended by a TCP reset. */
  | { readonly kind: 'reset_peer' }
  /** Forwards at most `bytesPerSecond` in each direction of a connection. */
  | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number }
  /** Nothing listens: connections are refused, and open ones are ended. */
  | { readonly kind: 'down' };

/** How often a slow direction forwards a share of its bytes, in milliseconds. */
const BANDWIDTH_TICK_MS = 10;

class Direction {
  readonly #proxy: FaultProxy;
  readonly #to: Socket;
  readonly #queue: { bytes: Buffer; dueMs: number }[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(proxy: FaultProxy, from: Socket, to: Socket) {
    this.#proxy = proxy;
    this.#to = to;
    from.on('data', (bytes: Buffer) => this.#accept(bytes));
    from.on('close', () => this.#end());
  }

  #accept(bytes: Buffer): void {
    const { toxic } = this.#proxy;
    if (toxic?.kind === 'timeout') return;
    const delayMs = toxic?.kind === 'latency' ? toxic.ms : 0;
    this.#queue.push({ bytes, dueMs: performance.now() + delayMs });
    if (this.#timer === null) this.#forward();
  }

  #forward(): void {
    this.#timer = null;
    const { toxic } = this.#proxy;
    let allowance =
      toxic?.kind === 'bandwidth'
        ? Math.max(1, Math.floor((toxic.bytesPerSecond * BANDWIDTH_TICK_MS) / 1000))
        : Number.POSITIVE_INFINITY;
    let head = this.#queue[0];
    while (head !== undefined && head.dueMs <= performance.now() && allowance > 0) {
      const part = head.bytes.subarray(0, Math.min(allowance, head.bytes.length));
      allowance -= part.length;
      head.bytes = head.bytes.subarray(part.length);
      if (!this.#to.destroyed) this.#to.write(part);
      if (head.bytes.length === 0) this.#queue.shift();
      head = this.#queue[0];
    }
    if (head === undefined) return;
    const waitMs = Math.max(head.dueMs - performance.now(), BANDWIDTH_TICK_MS);
    this.#timer = setTimeout(() => this.#forward(), waitMs);
  }

  #end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#to.destroy();
  }
}

/**
 * A TCP proxy on a free loopback port that forwards to one address and fails on demand. A fault acts on
 * open connections and on new ones, until {@link heal}.
 */
export class FaultProxy {
  readonly #target: { host: string; port: number };
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #port = 0;
  #toxic: Toxic | null = null;

  private constructor(host: string, port: number) {
    this.#target = { host, port };
  }

  static async start(targetPort: number, targetHost = '127.0.0.1'): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetHost, targetPort);
    await proxy.#listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** The fault in force; null when it only forwards. */
  get toxic(): Toxic | null {
    return this.#toxic;
  }

  /** Connections open now, counted on both sides. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  async inject(toxic: Toxic): Promise<void> {
    this.#toxic = toxic;
    if (toxic.kind === 'reset_peer') for (const socket of this.#sockets) socket.resetAndDestroy();
    if (toxic.kind === 'down') await this.stop();
    else if (this.#server === null) await this.#listen();
  }

  /** Ends the fault. Connections whose bytes were swallowed are ended, for their streams have gaps. */
  async heal(): Promise<void> {
    const swallowed = this.#toxic?.kind === 'timeout';
    this.#toxic = null;
    if (swallowed) for (const socket of this.#sockets) socket.destroy();
    if (this.#server === null) await this.#listen();
  }

  /** Ends every connection and stops listening. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  }

  async #listen(): Promise<void> {
    const server = createServer((client) => this.#serve(client));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', () => resolve());
    });
    this.#server = server;
    const address = server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  #serve(client: Socket): void {
    this.#watch(client);
    if (this.#toxic?.kind === 'reset_peer') {
      client.resetAndDestroy();
      return;
    }
    const upstream = dial(this.#target);
    this.#watch(upstream);
    new Direction(this, client, upstream);
    new Direction(this, upstream, client);
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // A reset is what these connections are for; `close` follows and is what counts.
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
