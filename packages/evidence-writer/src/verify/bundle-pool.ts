import { Worker } from 'node:worker_threads';
import type { CheckScope } from '../fault-book.ts';
import { type BatchFindings, type BundleBatch, checkBatch } from './bundle-batch.ts';
import type { BatchAnswer } from './bundle-worker.ts';

/** Batches that a thread has before it: the one it works at, and the next. */
const BATCHES_PER_THREAD = 2;

/** The thread's script: beside this file, and in the form of this file, source or built. */
const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './bundle-worker.ts' : './bundle-worker.js',
  import.meta.url,
);

interface Thread {
  readonly worker: Worker;
  /** Who waits for an answer, the longest first. */
  readonly asked: ((answer: BatchAnswer | null) => void)[];
  isAlive: boolean;
}

/**
 * Checks batches in threads, as far as such can be started; in this thread otherwise, and also what a
 * thread that dies leaves behind. The findings are the same.
 */
export class BundlePool {
  readonly #scope: CheckScope;
  readonly #threads: readonly Thread[];

  private constructor(scope: CheckScope, threads: readonly Thread[]) {
    this.#scope = scope;
    this.#threads = threads;
  }

  /** @param threads how many to start; none for 0 and 1. */
  static async start(scope: CheckScope, threads: number): Promise<BundlePool> {
    if (threads < 2) return new BundlePool(scope, []);
    const started = await Promise.all(Array.from({ length: threads }, () => startThread(scope)));
    return new BundlePool(
      scope,
      started.filter((thread) => thread !== null),
    );
  }

  /** Threads that were started. */
  get threads(): number {
    return this.#threads.length;
  }

  /** Batches that may be asked for before the first is answered. */
  get ahead(): number {
    return Math.max(1, this.#threads.length * BATCHES_PER_THREAD);
  }

  /** @throws {Error} when a folder of the log cannot be read. */
  async check(batch: BundleBatch): Promise<BatchFindings> {
    const thread = this.#leastBusy();
    if (thread === null) return this.#checkHere(batch);
    const answer = await ask(thread, batch);
    if (answer === null) return this.#checkHere(batch);
    if (answer.findings === null) throw new Error(answer.problem);
    return answer.findings;
  }

  /** Ends all threads; what they were asked is answered no more. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  async #checkHere(batch: BundleBatch): Promise<BatchFindings> {
    // Others in this thread have their turn between two batches.
    await new Promise((resolve) => setImmediate(resolve));
    return checkBatch(this.#scope, batch);
  }

  #leastBusy(): Thread | null {
    const alive = this.#threads.filter(({ isAlive }) => isAlive);
    return alive.reduce<Thread | null>(
      (best, one) => (best !== null && best.asked.length <= one.asked.length ? best : one),
      null,
    );
  }
}

/** Null when no thread can be started here, or the script cannot be loaded. */
async function startThread(scope: CheckScope): Promise<Thread | null> {
  let worker: Worker;
  try {
    worker = new Worker(SCRIPT, { workerData: scope, name: 'evidence-verify' });
  } catch {
    return null;
  }
  const thread: Thread = { worker, asked: [], isAlive: true };
  const isReady = await new Promise<boolean>((resolve) => {
    worker.once('message', () => resolve(true));
    worker.once('exit', () => {
      thread.isAlive = false;
      resolve(false);
      for (const answer of thread.asked.splice(0)) answer(null);
    });
    // `exit` follows; an error that nobody hears ends the process.
    worker.on('error', () => {});
  });
  worker.on('message', (answer: BatchAnswer) => thread.asked.shift()?.(answer));
  return isReady ? thread : null;
}

/** Null when the thread ends before it answers. */
function ask(thread: Thread, batch: BundleBatch): Promise<BatchAnswer | null> {
  return new Promise((answer) => {
    thread.asked.push(answer);
    thread.worker.postMessage(batch);
  });
}
