import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Clock,
  errorMessage,
  GovernanceError,
  type Logger,
  parseOptions,
  silentLogger,
  systemClock,
} from '@cortex-governance/core';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { CoalescedTask } from './coalesced-task.ts';
import { DEFAULT_DEBOUNCE_MS, FolderWatcher, MAX_TIMER_MS } from './folder-watcher.ts';
import type { Grant } from './grant.ts';
import {
  GRANT_FOLDER,
  type GrantFileReading,
  type LoadedGrant,
  readGrantFile,
} from './grant-file.ts';
import { assertGrantId } from './grant-id.ts';
import { fileProblem, type GrantProblem, problemError, problemLine } from './grant-problem.ts';
import { UpdateFailures } from './update-failures.ts';

/** Grants that are kept in memory. */
export const DEFAULT_MAX_GRANTS = 64;

/** How long a grant is used before its file is looked at again, in milliseconds. */
export const DEFAULT_TTL_MS = 5 * 60_000;

/**
 * How long the file of a grant in force may be away before the grant is revoked, in milliseconds. Some
 * editors delete a file and then write it anew.
 */
const REPLACE_MS = 100;

/** Files looked at at once. */
const REFRESH_BATCH = 16;

export interface GrantLoaderOptions {
  /** The `.cortex` folder; grants are in its `policy/tools`. Default: `.cortex` in the working folder. */
  readonly root?: string;
  /** Default {@link DEFAULT_MAX_GRANTS}. */
  readonly max?: number;
  /** Default {@link DEFAULT_TTL_MS}. */
  readonly ttlMs?: number;
  /** Whether changes on disk are taken up before `ttlMs` is over. Default true. */
  readonly watch?: boolean;
  /** Default {@link DEFAULT_DEBOUNCE_MS}. */
  readonly debounceMs?: number;
  readonly clock?: Clock;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Told about each update that failed, after it was logged and counted. */
  readonly onPolicyUpdateFailed?: (problems: readonly string[]) => void;
}

export interface GrantLoader {
  /**
   * The grant in `<root>/policy/tools/<id>.json`, deeply frozen. Callers at the same time share one read.
   * A grant that was good stays in force while its file is bad or cannot be read. One whose file is gone is
   * revoked: that is found at the next look, and confirmed by a second one a moment later.
   * @throws {GovernanceError} (rejects) GRANT_ID_INVALID, GRANT_NOT_FOUND, GRANT_FILE_UNSAFE, GRANT_INVALID.
   */
  load(id: string): Promise<Grant>;
  /**
   * Looks at the file of one grant again, or at those of all grants in memory. Resolves when what
   * they hold is in force. A failed update does not reject: it is logged and counted. With an id, a grant
   * that was never good or is gone rejects as in {@link load}.
   */
  reload(id?: string): Promise<void>;
  /** Updates that failed and kept the last good grant in force. */
  readonly updateFailures: number;
  /** Ends the watching. What is loaded stays loaded. */
  close(): Promise<void>;
}

const optionsSchema = z.strictObject({
  root: z.string().min(1).optional(),
  max: z.int().min(1).max(100_000).default(DEFAULT_MAX_GRANTS),
  ttlMs: z.int().min(1).max(MAX_TIMER_MS).default(DEFAULT_TTL_MS),
  watch: z.boolean().default(true),
  debounceMs: z.number().min(0).max(MAX_TIMER_MS).default(DEFAULT_DEBOUNCE_MS),
  clock: z
    .custom<Clock>((value) => typeof value === 'object' && value !== null)
    .default(systemClock),
  logger: z
    .custom<Logger>((value) => typeof value === 'object' && value !== null)
    .default(silentLogger),
  onPolicyUpdateFailed: z
    .custom<(problems: readonly string[]) => void>((value) => typeof value === 'function')
    .default(() => () => {}),
});

/**
 * A loader of single grants by id, for those who call `loadGrant` and `enforce` themselves.
 * @throws {GovernanceError} OPTIONS_INVALID
 */
export function createGrantLoader(options: GrantLoaderOptions = {}): GrantLoader {
  const settings = parseOptions(optionsSchema, options, 'createGrantLoader(options)');
  return new CachingGrantLoader(settings, join(resolve(settings.root ?? '.cortex'), GRANT_FOLDER));
}

/** One grant. In memory it outlives `ttlMs`, so that a bad file finds the last good state. */
class GrantSlot {
  good: LoadedGrant | null = null;
  /** What callers get: one promise for as long as the grant is the same. */
  promise: Promise<Grant> | null = null;
  /** Problems of the last look, to tell a new failure from one that was reported. */
  problems = '';
  /** Whether somebody asked for the next look, rather than the watcher. */
  asked = false;
  readonly refresh: CoalescedTask<Grant>;

  constructor(look: (slot: GrantSlot) => Promise<Grant>) {
    this.refresh = new CoalescedTask(() => look(this));
  }
}

class CachingGrantLoader implements GrantLoader {
  readonly #settings: z.output<typeof optionsSchema>;
  readonly #folder: string;
  readonly #failures: UpdateFailures;
  /** The promises themselves, so that a hit costs one look-up. */
  readonly #fresh: LRUCache<string, Promise<Grant>>;
  /** Of the same grants, so that whatever is in force is looked at again. */
  readonly #slots = new Map<string, GrantSlot>();
  /** Never loaded yet. Apart from the others, so that ids without a file push no grant out. */
  readonly #loading = new Map<string, GrantSlot>();
  #watcher: FolderWatcher | null = null;
  #closed = false;

  constructor(settings: z.output<typeof optionsSchema>, folder: string) {
    this.#settings = settings;
    this.#folder = folder;
    this.#failures = new UpdateFailures(settings.logger, settings.onPolicyUpdateFailed);
    const { max, ttlMs, clock } = settings;
    // lru-cache takes a start of 0 for "no ttl", and between two ticks of a timer remembers the time.
    const perf = { now: () => clock.monotonicMs() + 1 };
    const ttlResolution = clock === systemClock ? 1 : 0;
    const dispose = (_grant: Promise<Grant>, id: string, reason: string): void => {
      if (reason === 'evict') this.#slots.delete(id);
    };
    this.#fresh = new LRUCache({ max, ttl: ttlMs, ttlResolution, perf, dispose });
  }

  get updateFailures(): number {
    return this.#failures.count;
  }

  load(id: string): Promise<Grant> {
    return this.#fresh.get(id) ?? this.#miss(id);
  }

  async reload(id?: string): Promise<void> {
    if (id !== undefined) assertGrantId(id);
    const ids = id === undefined ? [...this.#slots.keys()] : [id];
    for (const each of ids) this.#slot(each).asked = true;
    if (id === undefined) await this.#refreshAll(ids);
    else await this.#slot(id).refresh.run();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#watcher?.close();
  }

  async #miss(id: string): Promise<Grant> {
    assertGrantId(id);
    return this.#slot(id).refresh.join();
  }

  #slot(id: string): GrantSlot {
    const known = this.#slots.get(id) ?? this.#loading.get(id);
    if (known !== undefined) return known;
    const slot = new GrantSlot((self) => this.#look(id, self));
    this.#loading.set(id, slot);
    return slot;
  }

  async #look(id: string, slot: GrantSlot): Promise<Grant> {
    const { asked } = slot;
    slot.asked = false;
    const reading = await this.#read(id, slot);
    this.#loading.delete(id);
    if (reading.loaded === null) return this.#keep(id, slot, reading.problems, asked);
    const { grant } = reading.loaded;
    if (slot.promise === null || slot.good?.grant !== grant) slot.promise = Promise.resolve(grant);
    slot.good = reading.loaded;
    slot.problems = '';
    this.#slots.set(id, slot);
    this.#fresh.set(id, slot.promise);
    this.#watch();
    return grant;
  }

  /** Reads the file. That of a grant in force may be away for a moment only: it is looked for twice. */
  async #read(id: string, slot: GrantSlot): Promise<GrantFileReading> {
    const name = `${id}.json`;
    const reading = await readGrantFile(this.#folder, name, slot.good ?? undefined);
    if (slot.good === null || !isGone(reading.problems)) return reading;
    await delay(REPLACE_MS);
    return readGrantFile(this.#folder, name, slot.good);
  }

  /** Keeps the last good grant in force, unless its file is gone; without one, the problem is the caller's. */
  #keep(id: string, slot: GrantSlot, problems: readonly GrantProblem[], asked: boolean): Grant {
    if (slot.good !== null && isGone(problems)) this.#revoke(id, slot);
    if (slot.good === null || slot.promise === null) {
      const [first] = problems;
      const missing = fileProblem('GRANT_NOT_FOUND', this.#folder, 'does not exist');
      throw problemError(first ?? missing, problems.length - 1);
    }
    const lines = problems.map(problemLine);
    const text = lines.join('\n');
    if (asked || text !== slot.problems) this.#failures.record(lines);
    slot.problems = text;
    this.#slots.set(id, slot);
    this.#fresh.set(id, slot.promise);
    return slot.good.grant;
  }

  /** Deleting the file of a grant is how an operator takes it back. */
  #revoke(id: string, slot: GrantSlot): void {
    const file = slot.good?.file;
    slot.good = null;
    slot.promise = null;
    slot.problems = '';
    this.#fresh.delete(id);
    this.#slots.delete(id);
    this.#settings.logger.warn('POLICY_GRANT_REVOKED', { file });
  }

  /** Looks at all of these again. That one of them is revoked is an answer, and in the log. */
  async #refreshAll(ids: readonly string[]): Promise<void> {
    for (let i = 0; i < ids.length; i += REFRESH_BATCH) {
      const batch = ids.slice(i, i + REFRESH_BATCH);
      await Promise.all(batch.map((id) => this.#slot(id).refresh.run().catch(ignoreRevoked)));
    }
  }

  /** Starts to watch after the first load, when there is a folder to watch. */
  #watch(): void {
    const { watch, debounceMs, logger } = this.#settings;
    if (!watch || this.#closed || this.#watcher !== null) return;
    const onChange = (): void => {
      this.#refreshAll([...this.#slots.keys()]).catch((error: unknown) => {
        logger.error('POLICY_UPDATE_FAILED', { problems: [errorMessage(error)] });
      });
    };
    this.#watcher = new FolderWatcher({ folder: this.#folder, debounceMs, logger, onChange });
  }
}

function isGone(problems: readonly GrantProblem[] | null): boolean {
  return problems?.some(({ code }) => code === 'GRANT_NOT_FOUND') ?? false;
}

function ignoreRevoked(error: unknown): void {
  if (!GovernanceError.isInstance(error) || error.code !== 'GRANT_NOT_FOUND') throw error;
}
