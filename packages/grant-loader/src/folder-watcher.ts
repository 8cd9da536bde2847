import { dirname, resolve, sep } from 'node:path';
import { errorMessage, type Logger } from '@cortex-governance/core';
import { type FSWatcher, watch } from 'chokidar';

/** Time from a change on disk to the reload, in milliseconds: one save makes several events. */
export const DEFAULT_DEBOUNCE_MS = 50;

/** Longest delay that a timer of Node takes, in milliseconds. */
export const MAX_TIMER_MS = 2_147_483_647;

export interface FolderWatcherOptions {
  readonly folder: string;
  /** Time from the first event to the callback, in milliseconds; a save often makes several events. */
  readonly debounceMs: number;
  readonly logger: Logger;
  readonly onChange: () => void;
}

/** How often files are looked at where the system cannot be asked to tell, in milliseconds. */
const POLL_MS = 1000;

/**
 * Calls back, a moment later, when anything in a folder may have changed.
 * It keeps no process alive. A watcher that fails says so in the log, and nothing else breaks.
 */
export class FolderWatcher {
  readonly #options: FolderWatcherOptions;
  readonly #watcher: FSWatcher;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: FolderWatcherOptions) {
    this.#options = options;
    const folder = resolve(options.folder);
    const parent = dirname(folder);
    // The parent is watched too, because a folder that is deleted and made anew is another folder.
    this.#watcher = watch(parent, {
      persistent: false,
      ignoreInitial: true,
      depth: 1,
      ignored: (path) => path !== parent && path !== folder && !path.startsWith(folder + sep),
      // On Windows a watcher that does not keep the process alive throws when its folder goes away.
      usePolling: process.platform === 'win32',
      interval: POLL_MS,
    });
    this.#watcher.on('all', () => this.#touch());
    // Events that chokidar itself makes nothing of: a change of mode, a swapped link.
    this.#watcher.on('raw', () => this.#touch());
    // What changed between the first load and this moment was seen by nobody.
    this.#watcher.on('ready', () => this.#touch());
    this.#watcher.on('error', (error) => {
      options.logger.warn('POLICY_WATCH_FAILED', { folder, problem: errorMessage(error) });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#watcher.close();
  }

  #touch(): void {
    // Not started anew by further events: whoever writes all the time would hold back every update.
    if (this.#closed || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#options.onChange();
    }, this.#options.debounceMs);
    this.#timer.unref();
  }
}
