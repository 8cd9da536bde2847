import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Tries to reach this often while a server starts, {@link TRY_MS} apart. */
const START_TRIES = 1000;

const TRY_MS = 20;

export interface ServerProcessParts {
  readonly program: string;
  readonly args: readonly string[];
  readonly options?: SpawnOptions;
  /** Whether it answers. */
  readonly answers: () => Promise<boolean>;
}

/** A server that tests start, kill, freeze and start again, with all processes below it. */
export class ServerProcess {
  readonly #parts: ServerProcessParts;
  #child: ChildProcess | null = null;

  constructor(parts: ServerProcessParts) {
    this.#parts = parts;
  }

  /** Starts it and waits until it answers; one that ends while it starts is started again. */
  async start(): Promise<void> {
    for (let tries = 0; tries < START_TRIES; tries += 1) {
      if (this.#child === null || hasEnded(this.#child)) await this.#spawn();
      if (await this.#parts.answers().catch(() => false)) return;
      await new Promise((resolve) => setTimeout(resolve, TRY_MS));
    }
    throw new Error(`${this.#parts.program} does not answer`);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || hasEnded(child)) return;
    const exit = once(child, 'exit');
    signalTree(child, 'SIGKILL');
    await exit;
  }

  /** SIGSTOP: connections stay open, and nothing is answered. */
  freeze(): void {
    if (this.#child !== null) signalTree(this.#child, 'SIGSTOP');
  }

  /** SIGCONT. */
  thaw(): void {
    if (this.#child !== null) signalTree(this.#child, 'SIGCONT');
  }

  async #spawn(): Promise<void> {
    const { program, args, options } = this.#parts;
    const child = spawn(program, args, { stdio: 'ignore', ...options });
    this.#child = child;
    // A process that ends before its tests stopped their servers must not leave them behind.
    const reap = (): void => void child.kill('SIGKILL');
    process.once('exit', reap);
    child.once('exit', () => process.removeListener('exit', reap));
    await once(child, 'spawn');
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function signalTree(child: ChildProcess, signal: NodeJS.Signals): void {
  const { pid } = child;
  if (pid === undefined) return;
  // The parent first: it must start nothing more.
  for (const one of [pid, ...childrenOf(pid)]) {
    try {
      process.kill(one, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

function childrenOf(pid: number): number[] {
  const listed = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  return listed.split('\n').flatMap((line) => {
    const [own, parent] = line.trim().split(/\s+/).map(Number);
    return parent === pid && own !== undefined ? [own] : [];
  });
}
