import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { errorMessage, GovernanceError } from '@cortex-governance/core';
import { getDefaultEnvironment } from '@modelcontextprotocol/client/stdio';
import spawn from 'cross-spawn';

/** How to start an MCP server. */
export interface ChildServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Added to the few variables that every server inherits. */
  readonly env: Readonly<Record<string, string>>;
}

/** How long a server may take to end after each of: end of its input, SIGTERM. The SDK's own figure. */
const STOP_GRACE_MS = 2000;

/** How long the output of an ended server is read on, in milliseconds: a helper of its may hold the pipe. */
const DRAIN_MS = 1000;

/** What shells return for a process that a signal ended: this plus the signal's number. */
const SIGNAL_EXIT_BASE = 128;

/**
 * An MCP server as a child process, with its pipes.
 *
 * The SDK's `StdioClientTransport` keeps the process to itself: neither its exit code nor signals get
 * through. So the process is started here, as the SDK starts it (`cross-spawn`, no shell, the SDK's safe
 * environment), and the SDK's transport runs over its pipes.
 */
export class ChildServer {
  /** Resolves with the exit code when the process has ended and its output is read; never rejects. */
  readonly exited: Promise<number>;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
    // A pipe that breaks because the process ended is told by its end.
    child.stdin?.on('error', () => {});
    this.exited = waitForEnd(child);
  }

  /** @throws {GovernanceError} UPSTREAM_UNAVAILABLE when the command cannot be started. */
  static async start(command: ChildServerCommand): Promise<ChildServer> {
    try {
      const child = spawn(command.command, [...command.args], {
        cwd: command.cwd,
        env: { ...getDefaultEnvironment(), ...command.env },
        // Its stderr is the user's: a server logs there.
        stdio: ['pipe', 'pipe', 'inherit'],
        windowsHide: true,
      });
      await once(child, 'spawn');
      return new ChildServer(child);
    } catch (error) {
      const problem = `${command.command}: ${errorMessage(error)}`;
      throw new GovernanceError('UPSTREAM_UNAVAILABLE', { problem }, { cause: error });
    }
  }

  get stdin(): Writable {
    return pipeOf(this.#process.stdin);
  }

  get stdout(): Readable {
    return pipeOf(this.#process.stdout);
  }

  /** Passes a signal on; does nothing when the process has ended. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Ends the process as the MCP specification asks: end of input, then SIGTERM, then SIGKILL. */
  async stop(): Promise<number> {
    this.stdin.end();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (await endsWithin(this.exited, STOP_GRACE_MS)) break;
      this.signal(signal);
    }
    return this.exited;
  }
}

async function waitForEnd(child: ChildProcess): Promise<number> {
  // An error of the running process (a failed kill, say) does not end it.
  child.on('error', () => {});
  const closed = new Promise((resolve) => child.once('close', resolve));
  const [code, signal] = (await onceExited(child)) as [number | null, NodeJS.Signals | null];
  if (!(await endsWithin(closed, DRAIN_MS))) child.stdout?.destroy();
  return code ?? SIGNAL_EXIT_BASE + (signal === null ? 0 : constants.signals[signal]);
}

function onceExited(child: ChildProcess): Promise<unknown[]> {
  return new Promise((resolve) => child.once('exit', (...result) => resolve(result)));
}

/** Whether a promise settles within a time. */
async function endsWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function pipeOf<T>(stream: T | null): T {
  if (stream === null) throw new GovernanceError('UPSTREAM_UNAVAILABLE', { problem: 'no pipe' });
  return stream;
}
