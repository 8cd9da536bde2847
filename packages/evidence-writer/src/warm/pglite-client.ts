import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { GovernanceError } from '@cortex-governance/core';
import { LogLock } from '../log-lock.ts';
import { loadPeer, tierError } from '../tier/tier-error.ts';
import { PGLITE_THREAD } from './pglite-thread.ts';
import type { SqlClient, SqlRow } from './sql-client.ts';

const PACKAGE = '@electric-sql/pglite';

/** How long the lock of a holder that cannot be asked must be untouched, in milliseconds. */
const LOCK_WATCH_MS = 3_000;

/** How long a statement may take, in milliseconds; making a new database is part of the first. */
const QUERY_TIMEOUT_MS = 60_000;

/** How long closing waits for what is under way, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1_500;

export interface PgliteClientOptions {
  /** Folder of the database; made when missing. */
  readonly dir: string;
}

/**
 * PostgreSQL inside this process, through the package `@electric-sql/pglite` (an optional peer). It runs in
 * a thread of its own, for it computes for as long as a statement takes. One process at a time can hold
 * the folder; a lock file beside it says who.
 * @throws {GovernanceError} EVIDENCE_TIER_UNAVAILABLE without the package; EVIDENCE_LOCKED when another
 * process holds the folder.
 */
export async function createPgliteClient(options: PgliteClientOptions): Promise<SqlClient> {
  const dir = resolve(options.dir);
  const module = await loadPeer('warm', PACKAGE, async () => import.meta.resolve(PACKAGE));
  await mkdir(dirname(dir), { recursive: true, mode: 0o700 });
  const lock = await LogLock.acquire(`${dir}.lock`, dir, LOCK_WATCH_MS);
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    return new PgliteClient(module, dir, lock);
  } catch (error) {
    await lock.release();
    throw tierError('warm', error);
  }
}

interface Waiting {
  readonly resolve: (rows: readonly SqlRow[]) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

interface Reply {
  readonly id: number;
  readonly rows?: readonly SqlRow[];
  readonly problem?: string;
}

class PgliteClient implements SqlClient {
  readonly #module: string;
  readonly #dir: string;
  readonly #lock: LogLock;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #nextId = 1;
  #closed = false;

  constructor(module: string, dir: string, lock: LogLock) {
    this.#module = module;
    this.#dir = dir;
    this.#lock = lock;
  }

  query(
    text: string,
    values: readonly (string | number | null)[] = [],
  ): Promise<readonly SqlRow[]> {
    if (this.#closed) return Promise.reject(tierError('warm', 'the database is closed'));
    return this.#send(text, values, QUERY_TIMEOUT_MS);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#worker !== null) await this.#send(null, [], CLOSE_TIMEOUT_MS).catch(() => {});
    await this.#end(tierError('warm', 'the database is closed'));
    await this.#lock.release();
  }

  #send(
    text: string | null,
    values: readonly (string | number | null)[],
    timeoutMs: number,
  ): Promise<readonly SqlRow[]> {
    const worker = this.#worker ?? this.#start();
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      // A thread that does not answer is ended; the next statement starts another on the same folder.
      const timer = setTimeout(() => void this.#end(tierError('warm', 'no answer')), timeoutMs);
      timer.unref();
      this.#waiting.set(id, { resolve, reject, timer });
      // Only what somebody waits for keeps the process alive.
      worker.ref();
      worker.postMessage({ id, text, values });
    });
  }

  #start(): Worker {
    const worker = new Worker(PGLITE_THREAD, {
      workerData: { module: this.#module, dir: this.#dir },
      execArgv: [],
      stdout: true,
      stderr: true,
    });
    worker.unref();
    worker.on('message', (reply: Reply) => this.#settle(reply));
    worker.on('error', (error) => void this.#end(tierError('warm', error), worker));
    worker.on('exit', () => void this.#end(tierError('warm', 'the thread ended'), worker));
    this.#worker = worker;
    return worker;
  }

  #settle({ id, rows, problem }: Reply): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if (rows === undefined) waiting.reject(tierError('warm', problem ?? 'no rows'));
    else waiting.resolve(rows);
  }

  /** Ends the thread, and rejects what waits for it. */
  async #end(reason: GovernanceError, of: Worker | null = this.#worker): Promise<void> {
    if (of === null || of !== this.#worker) return;
    this.#worker = null;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(reason);
    }
    this.#waiting.clear();
    const exit = of.threadId === -1 ? Promise.resolve() : once(of, 'exit');
    await of.terminate();
    await exit.catch(() => {});
  }
}
