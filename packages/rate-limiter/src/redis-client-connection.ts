import type { RedisConnection } from './redis-connection.ts';
import type { RedisScript } from './redis-script.ts';

type ClientModule = typeof import('@redis/client');

/** What is used of a client, of a single node or of a cluster. */
interface Client {
  send(key: string, args: readonly string[]): Promise<unknown>;
  destroy(): void;
}

export interface ClientConnectionOptions {
  /** One node; or nodes of a cluster, from which the others are found. */
  readonly nodes: readonly [string, ...string[]];
  readonly cluster: boolean;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
}

/** Longest wait between attempts to reach a node of a cluster again, in milliseconds. */
const MAX_RECONNECT_MS = 2000;

/** Connections to a cluster are not renewed more often than this, in milliseconds. */
const MIN_RENEW_MS = 5000;

/**
 * A connection by the client @redis/client. It connects when a script is run, one attempt at a time, and
 * gives up a client that ends or is told to {@link renew}. Its sockets do not keep the process running.
 */
export class ClientConnection implements RedisConnection {
  readonly sharded: boolean;
  readonly #module: ClientModule;
  readonly #options: ClientConnectionOptions;
  #client: Client | null = null;
  #connecting: Promise<Client> | null = null;
  #closed = false;
  #renewAtMs = 0;

  constructor(module: ClientModule, options: ClientConnectionOptions) {
    this.#module = module;
    this.#options = options;
    this.sharded = options.cluster;
  }

  async evalScript(
    script: RedisScript,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown> {
    const client = this.#client ?? (await this.#connect());
    const key = keys[0] ?? '';
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await client.send(key, ['EVALSHA', script.sha1, ...rest]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await client.send(key, ['EVAL', script.source, ...rest]);
    }
  }

  /** A cluster is used on until there is another connection: most of its nodes may be well. */
  renew(): void {
    const client = this.#client;
    if (client === null || this.#closed) return;
    if (!this.sharded) {
      this.#client = null;
      this.#retire(client);
      return;
    }
    const nowMs = performance.now();
    if (nowMs < this.#renewAtMs) return;
    this.#renewAtMs = nowMs + MIN_RENEW_MS;
    this.#connect().then(
      () => this.#retire(client),
      () => {},
    );
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#client?.destroy();
    this.#client = null;
    return Promise.resolve();
  }

  /** Answers that are on their way to other calls still arrive. */
  #retire(client: Client): void {
    setTimeout(() => client.destroy(), this.#options.timeoutMs).unref();
  }

  #connect(): Promise<Client> {
    if (this.#closed) return Promise.reject(new Error('the connection is closed'));
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #open(): Promise<Client> {
    const { cluster, connectTimeoutMs } = this.#options;
    const [client, connected] = cluster ? this.#openCluster() : this.#openNode();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no connection within ${connectTimeoutMs} ms`));
      }, connectTimeoutMs);
      timer.unref();
    });
    try {
      await Promise.race([connected, late]);
      if (this.#closed) throw new Error('the connection is closed');
    } catch (error) {
      client.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    this.#client = client;
    return client;
  }

  #openNode(): [Client, Promise<unknown>] {
    const { nodes, connectTimeoutMs, timeoutMs } = this.#options;
    const redis = this.#module.createClient({
      url: nodes[0],
      disableOfflineQueue: true,
      maintNotifications: 'disabled',
      commandOptions: { timeout: timeoutMs },
      socket: { connectTimeout: connectTimeoutMs, reconnectStrategy: false },
    });
    const client: Client = {
      send: (_key, args) => redis.sendCommand(args),
      destroy: () => {
        if (this.#client === client) this.#client = null;
        if (redis.isOpen) redis.destroy();
      },
    };
    // Every error ends this client; the calls under way are told by their own rejections.
    redis.on('error', () => client.destroy());
    // Before it connects: a socket that is being opened would miss it.
    redis.unref();
    return [client, redis.connect()];
  }

  #openCluster(): [Client, Promise<unknown>] {
    const { nodes, connectTimeoutMs, timeoutMs } = this.#options;
    const { protocol, username, password } = new URL(nodes[0]);
    const redis = this.#module.createCluster({
      rootNodes: nodes.map((url) => ({ url })),
      minimizeConnections: true,
      commandOptions: { timeout: timeoutMs },
      defaults: {
        disableOfflineQueue: true,
        maintNotifications: 'disabled',
        ...(username === '' ? {} : { username: decodeURIComponent(username) }),
        ...(password === '' ? {} : { password: decodeURIComponent(password) }),
        socket: {
          ...(protocol === 'rediss:' ? { tls: true as const } : {}),
          connectTimeout: connectTimeoutMs,
          reconnectStrategy: (retries) =>
            Math.min(MAX_RECONNECT_MS, 50 * 2 ** Math.min(retries, 6)),
        },
      },
    });
    const client: Client = {
      send: (key, args) => redis.sendCommand(key, false, [...args]),
      destroy: () => {
        if (this.#client === client) this.#client = null;
        if (redis.isOpen) redis.destroy();
      },
    };
    // A node that fails is tried again by the client; the calls to it are told by their rejections.
    redis.on('error', () => {});
    redis.on('node-ready', () => {
      for (const { client: node } of redis.masters) node?.unref();
    });
    return [client, redis.connect()];
  }
}
