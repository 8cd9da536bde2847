import { join } from 'node:path';
import {
  errorMessage,
  GovernanceError,
  type KillOrder,
  type KillSwitch,
  type KillSwitchChange,
  type KillSwitchEntry,
  type KillSwitchStatus,
  replaceFileDurably,
} from '@cortex-governance/core';
import { type FileLock, takeFileLock } from './file-lock.ts';
import { type FileReading, fileSignature, readStateFile } from './file-reading.ts';
import { FolderWatch } from './folder-watch.ts';
import { parseOrder, targetKey } from './kill-order.ts';
import { KILL_SWITCH_FILE, type KillSwitchFile, parseKillSwitchFile } from './kill-switch-file.ts';
import type { CheckedOptions } from './kill-switch-options.ts';
import { SwitchState } from './switch-state.ts';
import { removeLeftovers } from './temporary-files.ts';
import { planWrite } from './write-plan.ts';

/** Most stops in force. One more needs a broader scope; a global stop is always taken. */
const MAX_STOPS = 10_000;

/** Most orders that wait to be written. */
const MAX_WAITING = 1000;

/** Name of the lock in the root folder. */
const LOCK_FILE = 'kill-switch.lock';

/** The file before and after a write. */
interface Written {
  readonly before: KillSwitchFile;
  readonly after: KillSwitchFile;
}

/** Stops that will be written together. */
interface Batch {
  /** The last of them. */
  order: number;
  readonly written: Promise<Written>;
}

/** The switch of this package: the port, and the word that worker threads can share. */
export interface FileKillSwitch extends KillSwitch {
  /** Holds the bits of `engaged()` as one Int32: `new Int32Array(sharedState)[0]`. For reading only. */
  readonly sharedState: SharedArrayBuffer;
}

/** A kill switch whose state is a file. */
export class FileSwitch implements FileKillSwitch {
  readonly #options: CheckedOptions;
  readonly #path: string;
  readonly #state: SwitchState;
  #watch: FolderWatch | null = null;
  /** The last text taken over, if any, and the signature of its file; empty when it must be read again. */
  #text: string | null = null;
  #signature = '';
  /** Rises with every text taken over, so that a read that began before is not. */
  #generation = 0;
  /** Writes run one after the other; stops that wait for theirs are a batch. */
  #queue: Promise<unknown> = Promise.resolve();
  #batch: Batch | null = null;
  #waiting = 0;
  #lastOrder = 0;
  /** Settles when the write under way is over; null when there is none. */
  #writing: Promise<void> | null = null;
  #refreshing: Promise<void> | null = null;
  #refreshAgain: Promise<void> | null = null;
  #swept = false;
  #closed = false;

  constructor(options: CheckedOptions) {
    this.#options = options;
    this.#path = join(options.root, KILL_SWITCH_FILE);
    this.#state = new SwitchState(this.#path, options.clock, options.logger);
  }

  get sharedState(): SharedArrayBuffer {
    return this.#state.word.buffer;
  }

  engaged(): number {
    return this.#state.word.load();
  }

  find(tenant: string, agent: string, tool: string, action: string): KillSwitchEntry | null {
    return this.#state.index.find(tenant, agent, tool, action);
  }

  status(): KillSwitchStatus {
    return this.#state.status();
  }

  onChange(listener: (change: KillSwitchChange) => void): () => void {
    return this.#state.listeners.add(listener);
  }

  /** Reads the state for the first time, and begins to follow the file. */
  async start(): Promise<void> {
    await this.refresh();
    const { root, pollMs, watch, logger } = this.#options;
    this.#watch = new FolderWatch(
      { folder: root, file: KILL_SWITCH_FILE, pollMs, watch, logger },
      () => void this.refresh(),
    );
  }

  async engage(order: KillOrder): Promise<KillSwitchEntry> {
    const checked = parseOrder(order, 'engage(order)');
    this.#checkRoom(checked);
    const entry: KillSwitchEntry = { ...checked, at: this.#state.now() };
    this.#lastOrder += 1;
    const stop = this.#state.engage(entry, this.#lastOrder);
    try {
      const { after } = await this.#bounded(() => this.#save(stop.order));
      return after.entries.find((other) => targetKey(other) === stop.key) ?? entry;
    } catch (error) {
      this.#state.keepUnsaved(stop);
      throw error;
    }
  }

  async release(order: KillOrder): Promise<KillSwitchEntry | null> {
    const checked = parseOrder(order, 'release(order)');
    const key = targetKey(checked);
    this.#lastOrder += 1;
    const place = this.#lastOrder;
    // Stops that are ordered from now on come after this release.
    this.#batch = null;
    const { before } = await this.#bounded(() =>
      this.#enqueue(() => this.#persist(place, checked)),
    );
    return before.entries.find((entry) => targetKey(entry) === key) ?? null;
  }

  refresh(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#refreshing === null) return this.#startRefresh();
    // The read under way may have passed what the caller wants to be seen.
    this.#refreshAgain ??= this.#refreshing.then(() => {
      this.#refreshAgain = null;
      return this.#startRefresh();
    });
    return this.#refreshAgain;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#watch?.close();
    await this.#queue;
    await this.#refreshing;
    this.#state.listeners.clear();
  }

  #checkRoom(order: KillOrder): void {
    const { entries } = this.#state.index;
    if (order.scope === 'global' || entries.length < MAX_STOPS) return;
    const key = targetKey(order);
    if (entries.some((entry) => targetKey(entry) === key)) return;
    const problem = `${MAX_STOPS} stops are in force; stop a broader scope`;
    throw new GovernanceError('OPTIONS_INVALID', { where: 'engage(order)', problem });
  }

  /** Runs the write of an order, unless too many wait already. */
  async #bounded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw this.#writeFailed('the switch is closed');
    if (this.#waiting >= MAX_WAITING) throw this.#writeFailed(`${MAX_WAITING} orders wait already`);
    this.#waiting += 1;
    try {
      return await work();
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Writes the stops up to `order`. Those that are ordered before the write begins share it. */
  #save(order: number): Promise<Written> {
    if (this.#batch !== null) {
      this.#batch.order = order;
      return this.#batch.written;
    }
    const start = (): Promise<Written> => {
      if (this.#batch === batch) this.#batch = null;
      return this.#persist(batch.order, null);
    };
    const batch: Batch = { order, written: this.#enqueue(start) };
    this.#batch = batch;
    return batch.written;
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  /** Writes an order, under the lock: a release, or the stops of this process up to `order`. */
  async #persist(order: number, release: KillOrder | null): Promise<Written> {
    const { root, lockTimeoutMs } = this.#options;
    try {
      const lock = await takeFileLock(join(root, LOCK_FILE), lockTimeoutMs);
      const done = this.#beginWriting();
      try {
        return await this.#replaceFile(lock, order, release);
      } finally {
        done();
        await lock.release();
      }
    } catch (error) {
      if (error instanceof GovernanceError) throw error;
      throw this.#writeFailed(errorMessage(error), error);
    }
  }

  #beginWriting(): () => void {
    let settle = (): void => {};
    this.#writing = new Promise((resolve) => {
      settle = resolve;
    });
    return () => {
      this.#writing = null;
      settle();
    };
  }

  async #replaceFile(lock: FileLock, order: number, release: KillOrder | null): Promise<Written> {
    if (!this.#swept) await removeLeftovers(this.#options.root, KILL_SWITCH_FILE);
    this.#swept = true;
    const problem = this.#take(await readStateFile(this.#path));
    // Whatever stops an unreadable file holds, overwriting it would release them.
    if (problem !== null)
      throw this.#writeFailed(`not overwritten, because unreadable: ${problem}`);
    const released = release === null ? null : { ...release, at: this.#state.now() };
    const local = this.#state.local.upTo(order);
    const plan = planWrite(this.#state.lastFile, local, released);
    const { before, after, text } = plan;
    if (release !== null && !plan.found && this.#state.readable) return { before, after };

    const unwritable = parseKillSwitchFile(text).problem;
    if (unwritable !== null) throw this.#writeFailed(`would not be readable: ${unwritable}`);
    await lock.assertHeld();
    await replaceFileDurably(this.#path, text, 0o644);
    this.#generation += 1;
    this.#text = text;
    this.#signature = '';
    this.#state.commit(after, plan.settled, plan.found ? released : null);
    return { before, after };
  }

  #startRefresh(): Promise<void> {
    const run = this.#readUntilCurrent().finally(() => {
      if (this.#refreshing === run) this.#refreshing = null;
    });
    this.#refreshing = run;
    return run;
  }

  async #readUntilCurrent(): Promise<void> {
    for (;;) {
      await this.#writing;
      const generation = this.#generation;
      const signature = await fileSignature(this.#path);
      if (signature !== '' && signature === this.#signature) return;
      const reading = await readStateFile(this.#path);
      if (this.#writing !== null || generation !== this.#generation) continue;
      this.#take(reading);
      return;
    }
  }

  /** Takes over what a look at the file found; returns why it cannot be read, or null. */
  #take(reading: FileReading): string | null {
    this.#generation += 1;
    this.#signature = reading.signature;
    if (reading.kind === 'text') {
      if (reading.text === this.#text && this.#state.readable) return null;
      const { file, problem } = parseKillSwitchFile(reading.text);
      this.#text = reading.text;
      if (file === null) this.#state.fail(problem, true);
      else this.#state.accept(file);
      return problem;
    }
    this.#text = null;
    if (reading.kind === 'missing') {
      this.#state.miss();
      return null;
    }
    this.#state.fail(reading.problem, reading.exists);
    return reading.problem;
  }

  #writeFailed(problem: string, cause?: unknown): GovernanceError {
    const details = { file: this.#path, problem };
    return new GovernanceError('KILL_SWITCH_WRITE_FAILED', details, { cause });
  }
}
