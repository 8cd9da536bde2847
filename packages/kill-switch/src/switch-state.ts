import {
  type Clock,
  KILL_BITS,
  type KillOrder,
  type KillSwitchChange,
  type KillSwitchEntry,
  type KillSwitchStatus,
  type Logger,
} from '@cortex-governance/core';
import { ChangeListeners } from './change-listeners.ts';
import { KillIndex } from './kill-index.ts';
import { targetKey } from './kill-order.ts';
import { changeOf, EMPTY_FILE, type KillSwitchFile } from './kill-switch-file.ts';
import { type LocalStop, LocalStops } from './local-stops.ts';
import { continues, findNews } from './state-news.ts';
import { StateWord } from './state-word.ts';

/** Who is named for a change that no order explains. */
const NOBODY = 'unknown';

/** Who is named for what the switch noticed by itself. */
const SYSTEM = 'system';

/**
 * What is stopped in this process: what the file says, and the stops that hold without it. No I/O.
 *
 * Stops leave only by a release: an order of this process, or one that the file's history shows.
 * A file that is gone, or that does not go on where the last one ended, takes none with it.
 */
export class SwitchState {
  readonly word = new StateWord();
  readonly listeners: ChangeListeners;
  readonly local = new LocalStops();
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** The last file that could be read. */
  #file: KillSwitchFile = EMPTY_FILE;
  #readAtMs = 0;
  /** Whether the state of the file was ever known, and whether there ever was a file. */
  #known = false;
  #existed = false;
  #gone = false;
  /** Why the state cannot be read, empty when it can; and whether a file is to blame. */
  #unreadable = '';
  #badFile = false;
  #index = new KillIndex([]);
  #version = 0;

  constructor(path: string, clock: Clock, logger: Logger) {
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
    this.listeners = new ChangeListeners(logger);
  }

  /** Whether the state can be read; while it cannot, everything stops. */
  get readable(): boolean {
    return this.#unreadable === '';
  }

  get index(): KillIndex {
    return this.#index;
  }

  /** What a write starts from when there is no file: the last that was known. */
  get lastFile(): KillSwitchFile {
    return this.#file;
  }

  now(): string {
    return new Date(this.#clock.wallMs()).toISOString();
  }

  status(): KillSwitchStatus {
    return {
      readable: this.readable,
      problem: this.readable ? this.#findNotice() : this.#unreadable,
      version: this.#version,
      entries: this.#index.entries,
    };
  }

  /** Puts a stop in force, ahead of the file. */
  engage(entry: KillSwitchEntry, order: number): LocalStop {
    const stop = this.local.add(entry, order, 'writing');
    this.#publish();
    this.listeners.tell(changeOf('engaged', entry));
    return stop;
  }

  /** Keeps a stop that could not be written. */
  keepUnsaved(stop: LocalStop): void {
    this.local.keepUnsaved(stop);
    this.#publish();
  }

  /** Takes over what this process wrote itself, and the local stops that the write settled. */
  commit(
    file: KillSwitchFile,
    settled: readonly LocalStop[],
    released: KillSwitchEntry | null,
  ): void {
    this.local.remove(settled);
    const wasUnreadable = this.#hold(file);
    this.#publish();
    if (released !== null) this.listeners.tell(changeOf('released', released));
    if (wasUnreadable) this.#tellReadable();
  }

  /** Takes over what is in the file now. */
  accept(file: KillSwitchFile): void {
    const before = this.#index.entries;
    const replaced = this.#gone || !continues(file, this.#file);
    const news = findNews(file.history, {
      known: this.#known,
      revision: replaced ? null : this.#file.revision,
      readAtMs: this.#readAtMs,
    });
    if (replaced) {
      for (const entry of this.#file.entries) this.local.add(entry, 0, 'kept');
    }
    this.local.settle(new Set(file.entries.map(targetKey)), news.released);
    const wasUnreadable = this.#hold(file);
    this.#publish();
    if (replaced) this.#warn('KILL_SWITCH_FILE_REPLACED');
    for (const change of news.changes) this.listeners.tell(change);
    this.#tellUnexplained(before, news.changes);
    if (wasUnreadable) this.#tellReadable();
  }

  /** There is no file. Before there ever was one this means that nothing is stopped. */
  miss(): void {
    const vanished = this.#existed && !this.#gone;
    // What was wrong with the folder is over; what was wrong with a file does not end by its removal.
    const recovered =
      this.#unreadable !== '' && (!this.#existed || (this.#known && !this.#badFile));
    this.#gone = this.#existed;
    this.#known ||= !this.#existed;
    if (!vanished && !recovered) return;
    if (recovered) this.#unreadable = '';
    else if (this.#unreadable !== '') this.#unreadable += '; has vanished since';
    this.#publish();
    if (vanished) this.#warn('KILL_SWITCH_FILE_VANISHED');
    if (recovered) this.#tellReadable();
  }

  /**
   * The state cannot be read: everything stops.
   * @param exists whether there is a file, and the problem is with it.
   */
  fail(problem: string, exists: boolean): void {
    const text = `${this.#path}: ${problem}`;
    if (this.#unreadable === text) return;
    const first = this.#unreadable === '';
    this.#badFile = exists || (this.#badFile && !first);
    this.#existed ||= exists;
    if (exists) this.#gone = false;
    this.#unreadable = text;
    this.#publish();
    this.#logger.error('KILL_SWITCH_UNREADABLE', { problem: text });
    if (first) this.#tell('unreadable', text);
  }

  /** Keeps a file as the last known one; says whether the state was unreadable until now. */
  #hold(file: KillSwitchFile): boolean {
    const wasUnreadable = !this.readable;
    this.#file = file;
    this.#readAtMs = this.#clock.wallMs();
    this.#known = true;
    this.#existed = true;
    this.#gone = false;
    this.#unreadable = '';
    this.#badFile = false;
    return wasUnreadable;
  }

  /** Compiles what is in force and shows it to readers: first the stops, then the bits that lead there. */
  #publish(): void {
    const keys = new Set(this.#file.entries.map(targetKey));
    const local = this.local.all.filter(({ key }) => !keys.has(key) && keys.add(key));
    this.#index = new KillIndex([...this.#file.entries, ...local.map(({ entry }) => entry)]);
    this.#version += 1;
    this.word.store(this.#index.bits | (this.readable ? 0 : KILL_BITS.UNREADABLE));
  }

  /** Tells of differences that no record explains: a file that was edited by hand. */
  #tellUnexplained(before: readonly KillSwitchEntry[], told: readonly KillSwitchChange[]): void {
    const expected = new Map(before.map((entry) => [targetKey(entry), entry]));
    for (const { type, target, actor, reason, at } of told) {
      if (target === null) continue;
      if (type === 'engaged') expected.set(targetKey(target), { ...target, actor, reason, at });
      else expected.delete(targetKey(target));
    }
    for (const entry of this.#index.entries) {
      if (!expected.delete(targetKey(entry))) this.listeners.tell(changeOf('engaged', entry));
    }
    for (const entry of expected.values()) {
      const order: KillOrder = { ...entry, actor: NOBODY, reason: `removed from ${this.#path}` };
      this.listeners.tell(changeOf('released', { ...order, at: this.now() }));
    }
  }

  #tellReadable(): void {
    this.#logger.info('KILL_SWITCH_READABLE', { file: this.#path });
    this.#tell('readable', `${this.#path} can be read again`);
  }

  #tell(type: 'unreadable' | 'readable', reason: string): void {
    this.listeners.tell({ type, target: null, actor: SYSTEM, reason, at: this.now() });
  }

  #warn(event: string): void {
    this.#logger.warn(event, { problem: this.#findNotice() });
  }

  /** What is wrong with the file although the state is known; empty when nothing is. */
  #findNotice(): string {
    const count = this.#index.entries.length;
    if (this.#gone) return `${this.#path}: has vanished; stops in force stay in force: ${count}`;
    const kept = this.local.all.filter(({ state }) => state === 'kept').length;
    if (kept > 0) {
      return `${this.#path}: has lost stops that nobody released, and they stay in force: ${kept}`;
    }
    const unsaved = this.local.all.filter(({ state }) => state === 'unsaved').length;
    return unsaved === 0
      ? ''
      : `${this.#path}: stops in force that could not be written: ${unsaved}`;
  }
}
