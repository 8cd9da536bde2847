import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisCommand } from './redis-command.ts';

/** The program that is started, found on PATH. */
const PROGRAM = 'redis-server';

/** Tries to connect this often while a server starts, 10 ms apart. */
const START_TRIES = 1000;

export interface RedisServerOptions {
  /** @defaultValue a free one */
  readonly port?: number | undefined;
  /** Whether it is a node of a cluster. @defaultValue false */
  readonly cluster?: boolean | undefined;
  /** More arguments of redis-server. @defaultValue none */
  readonly args?: readonly string[] | undefined;
}

/** A redis-server of its own, without persistence, on a loopback port. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Sends one command, and gives its reply. */
  command(...args: readonly string[]): Promise<unknown>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
  /** Ends it by SIGKILL; {@link restart} starts it again, empty. */
  kill(): Promise<void>;
  /** Starts a killed server again on the same port. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open, and nothing is answered. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
}

/** Whether redis-server is on PATH. */
export function hasRedis(): boolean {
  return spawnSync(PROGRAM, ['--version'], { stdio: 'ignore' }).error === undefined;
}

/**
 * True when redis-server can be started. When it is missing, says on stderr what was skipped and how to
 * install it, and returns false; in CI it throws, for there nothing may be skipped.
 */
export function redisOrSkip(suite: string): boolean {
  if (hasRedis()) return true;
  const advice = `${suite}: needs redis-server on PATH (Debian: apt install redis-server; macOS: brew install redis)`;
  if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(advice);
  process.stderr.write(`SKIPPED ${advice}\n`);
  return false;
}

/**
 * Nodes that lose one go on to serve their own slots. By default all refuse as soon as they agree that one
 * is gone, which on a busy machine may be before or after a test has made its calls.
 */
const CLUSTER_ARGUMENTS = [
  ...['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'],
  ...['--cluster-require-full-coverage', 'no'],
];

/** A port of the loopback interface that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Starts a redis-server and waits until it answers. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const dir = await mkdtemp(join(tmpdir(), 'cortex-redis-'));
  const server = new LocalRedis(port, dir, serverArguments(port, dir, options));
  await server.restart();
  return server;
}

function serverArguments(port: number, dir: string, options: RedisServerOptions): string[] {
  return [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir],
    ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
    ...(options.cluster === true ? CLUSTER_ARGUMENTS : []),
    ...(options.args ?? []),
  ];
}

class LocalRedis implements RedisServer {
  readonly port: number;
  readonly url: string;
  readonly #dir: string;
  readonly #args: readonly string[];
  #child: ChildProcess | null = null;

  constructor(port: number, dir: string, args: readonly string[]) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.#dir = dir;
    this.#args = args;
  }

  command(...args: readonly string[]): Promise<unknown> {
    return redisCommand(this.port, args);
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  async restart(): Promise<void> {
    if (this.#child !== null) return;
    const child = spawn(PROGRAM, this.#args, { stdio: 'ignore' });
    this.#child = child;
    // A process that ends before its tests stopped their servers must not leave them behind.
    const reap = () => child.kill('SIGKILL');
    process.once('exit', reap);
    child.once('exit', () => process.removeListener('exit', reap));
    await once(child, 'spawn');
    for (let tries = 0; tries < START_TRIES; tries += 1) {
      if (child.exitCode !== null) throw new Error(`${PROGRAM} ended with ${child.exitCode}`);
      if (await this.#answers()) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`${PROGRAM} does not answer on port ${this.port}`);
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async #answers(): Promise<boolean> {
    const probe = connect(this.port, '127.0.0.1');
    try {
      await once(probe, 'connect');
      return (await this.command('PING')) === 'PONG';
    } catch {
      return false;
    } finally {
      probe.destroy();
    }
  }
}
