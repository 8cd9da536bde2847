import { basename } from 'node:path';
import { errorMessage, type Logger } from '@cortex-governance/core';
import { type FSWatcher, watch } from 'chokidar';

/** What a {@link FolderWatch} looks at. */
export interface FolderWatchOptions {
  readonly folder: string;
  /** Name of the file in the folder. */
  readonly file: string;
  readonly pollMs: number;
  /** False leaves the timer alone. */
  readonly watch: boolean;
  readonly logger: Logger;
}

/**
 * Calls back when a file of a folder may have changed: at once by a watcher on the folder, so that
 * creation, replacement and removal are seen, and on a timer, because watchers miss events.
 * Neither keeps the process alive.
 */
export class FolderWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #watcher: FSWatcher | null;

  constructor(options: FolderWatchOptions, changed: () => void) {
    this.#timer = setInterval(changed, options.pollMs);
    this.#timer.unref();
    this.#watcher = options.watch ? watchFolder(options, changed) : null;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#watcher?.close();
  }
}

function watchFolder(options: FolderWatchOptions, changed: () => void): FSWatcher {
  const { folder, file, pollMs, logger } = options;
  const watcher = watch(folder, {
    persistent: false,
    ignoreInitial: true,
    depth: 0,
    // Otherwise a removal is held back for 100 ms.
    atomic: false,
    // Windows reports the removal of the folder as an error that chokidar leaves uncaught when the
    // watcher is not persistent.
    usePolling: process.platform === 'win32',
    interval: pollMs,
    ignored: (path) => path !== folder && basename(path) !== file,
  });
  watcher.on('all', changed);
  // What happened while the watcher was being set up.
  watcher.on('ready', changed);
  watcher.on('error', (error) => {
    logger.warn('KILL_SWITCH_WATCH_FAILED', { folder, problem: errorMessage(error), pollMs });
  });
  return watcher;
}
