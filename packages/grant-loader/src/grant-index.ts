import { dirname, join, resolve } from 'node:path';
import {
  type Clock,
  errorMessage,
  type GrantIndex,
  type GrantIndexStatus,
  type GrantReload,
  type GrantSnapshot,
  type Logger,
  parseOptions,
  silentLogger,
  systemClock,
} from '@cortex-governance/core';
import { z } from 'zod';
import { CoalescedTask } from './coalesced-task.ts';
import { ScopedGrant } from './compile-grant.ts';
import { DEFAULT_DEBOUNCE_MS, FolderWatcher, MAX_TIMER_MS } from './folder-watcher.ts';
import { GRANT_FOLDER, type LoadedGrant } from './grant-file.ts';
import { type GrantFolderReading, readGrantFolder } from './grant-folder.ts';
import { problemError, problemLine } from './grant-problem.ts';
import { CompiledGrants, hashGrants, sortByTool } from './grant-snapshot.ts';
import { SharedParts } from './shared-parts.ts';
import { UpdateFailures } from './update-failures.ts';

/** How often the folder is read again though nobody saw it change, in milliseconds: events get lost. */
export const DEFAULT_RESCAN_MS = 30_000;

/** How long reloads may fail before high-risk grants are denied, in milliseconds. */
export const DEFAULT_MAX_STALENESS_MS = 5 * 60_000;

export interface GrantIndexOptions {
  /** The `.cortex` folder; grants are in its `policy/tools`. Default: `.cortex` in the working folder. */
  readonly root?: string;
  /** Folder that `fsScope` and relative paths start from. Default: the parent of `root`. */
  readonly workspace?: string;
  /** Whether changes on disk are taken up by themselves. Default true. */
  readonly watch?: boolean;
  /** Default {@link DEFAULT_DEBOUNCE_MS}. */
  readonly debounceMs?: number;
  /** Default {@link DEFAULT_RESCAN_MS}; null: never. Only with `watch`. */
  readonly rescanMs?: number | null;
  /** Default {@link DEFAULT_MAX_STALENESS_MS}; null: high-risk grants never count as stale. */
  readonly maxStalenessMs?: number | null;
  readonly clock?: Clock;
  /** Default: silent. */
  readonly logger?: Logger;
}

const optionsSchema = z.strictObject({
  root: z.string().min(1).optional(),
  workspace: z.string().min(1).optional(),
  watch: z.boolean().default(true),
  debounceMs: z.number().min(0).max(MAX_TIMER_MS).default(DEFAULT_DEBOUNCE_MS),
  rescanMs: z.number().min(1).max(MAX_TIMER_MS).nullable().default(DEFAULT_RESCAN_MS),
  maxStalenessMs: z.number().min(0).nullable().default(DEFAULT_MAX_STALENESS_MS),
  clock: z
    .custom<Clock>((value) => typeof value === 'object' && value !== null)
    .default(systemClock),
  logger: z
    .custom<Logger>((value) => typeof value === 'object' && value !== null)
    .default(silentLogger),
});

/** The grants of a folder, with the number of updates that failed. */
export interface CountingGrantIndex extends GrantIndex {
  /** Reloads that failed and kept the snapshot in force. */
  readonly updateFailures: number;
}

/**
 * Loads every grant of a folder and keeps them up to date.
 *
 * Updates are whole or not at all: while any file is bad, the snapshot in force stays, and
 * POLICY_UPDATE_FAILED is logged and counted once for each failure.
 * @throws {GovernanceError} OPTIONS_INVALID; at the first load GRANT_INVALID, GRANT_FILE_UNSAFE or
 * GRANT_ID_INVALID for the first file that is bad, GRANT_NOT_FOUND when there is no grant at all.
 */
export async function createGrantIndex(
  options: GrantIndexOptions = {},
): Promise<CountingGrantIndex> {
  const parsed = parseOptions(optionsSchema, options, 'createGrantIndex(options)');
  const root = resolve(parsed.root ?? '.cortex');
  const workspace = resolve(parsed.workspace ?? dirname(root));
  const index = new FolderGrantIndex({ ...parsed, folder: join(root, GRANT_FOLDER), workspace });
  await index.open();
  return index;
}

type Settings = Omit<z.output<typeof optionsSchema>, 'root' | 'workspace'> & {
  readonly folder: string;
  readonly workspace: string;
};

class FolderGrantIndex implements CountingGrantIndex {
  readonly #settings: Settings;
  readonly #failures: UpdateFailures;
  readonly #listeners = new Set<(reload: GrantReload) => void>();
  readonly #update = new CoalescedTask(() => this.#reload());
  #files: ReadonlyMap<string, LoadedGrant> = new Map();
  #snapshot = new CompiledGrants('', 0, []);
  #loadedAt = '';
  #problems: readonly string[] = [];
  #failingSinceMs: number | null = null;
  #asked = false;
  #watcher: FolderWatcher | null = null;
  #rescan: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#failures = new UpdateFailures(settings.logger);
  }

  /** The first load. There is no last good state yet, so every problem is an error. */
  async open(): Promise<void> {
    const { folder, watch, debounceMs, rescanMs, logger } = this.#settings;
    const reading = await readGrantFolder(folder);
    const [first] = reading.problems;
    if (first !== undefined) throw problemError(first, reading.problems.length - 1);
    await this.#take(reading);
    if (!watch) return;
    const onChange = (): void => void this.#update.run();
    this.#watcher = new FolderWatcher({ folder, debounceMs, logger, onChange });
    if (rescanMs !== null) this.#rescan = setInterval(onChange, rescanMs).unref();
  }

  get updateFailures(): number {
    return this.#failures.count;
  }

  current(): GrantSnapshot {
    return this.#snapshot;
  }

  reload(): Promise<GrantReload> {
    this.#asked = true;
    return this.#update.run();
  }

  status(): GrantIndexStatus {
    return {
      policyHash: this.#snapshot.policyHash,
      epoch: this.#snapshot.epoch,
      grants: this.#snapshot.tools().length,
      loadedAt: this.#loadedAt,
      problems: this.#problems,
    };
  }

  onReload(listener: (reload: GrantReload) => void): () => void {
    // A wrapper, so that the same function added twice is called twice and removed once.
    const entry = (reload: GrantReload): void => listener(reload);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    if (this.#rescan !== null) clearInterval(this.#rescan);
    await this.#watcher?.close();
  }

  async #reload(): Promise<GrantReload> {
    const asked = this.#asked;
    this.#asked = false;
    const { folder } = this.#settings;
    try {
      const reading = await readGrantFolder(folder, this.#files);
      if (this.#closed) return this.#outcome(false, [`${folder}: the grant index is closed`]);
      if (reading.problems.length > 0) return this.#keep(reading.problems.map(problemLine), asked);
      const failing = this.#problems.length > 0;
      const changed = await this.#take(reading, asked);
      const reload = this.#outcome(changed, []);
      if (changed || failing) this.#announce(reload);
      return reload;
    } catch (error) {
      return this.#keep([`${folder}: ${errorMessage(error)}`], asked);
    }
  }

  /**
   * Puts what was read in force. Returns whether that is another snapshot.
   * @param relink whether links in scopes are followed anew though no grant changed.
   */
  async #take(reading: GrantFolderReading, relink = false): Promise<boolean> {
    const first = this.#snapshot.epoch === 0;
    const snapshot = await this.#compile(reading, relink);
    const changed = snapshot !== this.#snapshot;
    this.#snapshot = snapshot;
    const recovered = this.#problems.length > 0;
    this.#files = reading.loaded;
    this.#problems = [];
    this.#failingSinceMs = null;
    this.#loadedAt = new Date(this.#settings.clock.wallMs()).toISOString();
    if ((changed && !first) || recovered) this.#log();
    return changed;
  }

  /** The snapshot of what was read: the one in force when grants and, if asked, places are the same. */
  async #compile(reading: GrantFolderReading, relink: boolean): Promise<CompiledGrants> {
    const grants = sortByTool([...reading.loaded.values()].map(({ grant }) => grant));
    const hash = hashGrants(grants);
    const same = hash === this.#snapshot.policyHash;
    if (same && !relink) return this.#snapshot;
    const isStale = (): boolean => this.#isStale();
    const parts = new SharedParts(this.#settings.workspace);
    const compiled = grants.map((grant) => new ScopedGrant(grant, parts, isStale));
    const snapshot = await CompiledGrants.create(hash, this.#snapshot.epoch + 1, compiled);
    return same && (await snapshot.isWhere(this.#snapshot)) ? this.#snapshot : snapshot;
  }

  /** Keeps what is in force. A failure that was reported before is reported again only when asked for. */
  #keep(problems: readonly string[], asked: boolean): GrantReload {
    const known = problems.join('\n') === this.#problems.join('\n');
    this.#problems = Object.freeze([...problems]);
    this.#failingSinceMs ??= this.#settings.clock.monotonicMs();
    const reload = this.#outcome(false, this.#problems);
    if (known && !asked) return reload;
    this.#failures.record(this.#problems);
    this.#announce(reload);
    return reload;
  }

  #outcome(changed: boolean, problems: readonly string[]): GrantReload {
    const { policyHash } = this.#snapshot;
    return Object.freeze({ ok: problems.length === 0, changed, policyHash, problems });
  }

  #announce(reload: GrantReload): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(reload);
      } catch (error) {
        this.#settings.logger.error('LISTENER_FAILED', { problem: errorMessage(error) });
      }
    }
  }

  #log(): void {
    const { policyHash, epoch } = this.#snapshot;
    this.#settings.logger.info('POLICY_UPDATED', { policyHash, epoch, grants: this.#files.size });
  }

  #isStale(): boolean {
    const { maxStalenessMs, clock } = this.#settings;
    if (maxStalenessMs === null || this.#failingSinceMs === null) return false;
    return clock.monotonicMs() - this.#failingSinceMs > maxStalenessMs;
  }
}
