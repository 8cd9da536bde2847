import { type Clock, type Logger, silentLogger, systemClock } from '@cortex-governance/core';
import { readLogHead } from '../tier/log-head.ts';
import { readLogId } from '../tier/log-id.ts';
import {
  DEFAULT_POLL_MS,
  DEFAULT_STALL_MS,
  type TierFollower,
  type TierProgress,
  WorkLoop,
} from '../tier/tier-follower.ts';
import type { TierTimers } from '../tier/tier-timers.ts';
import { TILE_WIDTH } from '../tile-path.ts';
import { Archive } from './archive.ts';
import type { ArchiveStore } from './archive-store.ts';
import { ArchivedLog } from './archived-log.ts';
import { expireArchive, type RetentionClass } from './retention.ts';

/** Full bundles that are archived together. */
const BATCH_BUNDLES = 4;

/** Longest time that records wait for their bundle to be full before they are archived without, in milliseconds. */
export const DEFAULT_EDGE_INTERVAL_MS = 60_000;

const DAY_MS = 86_400_000;

export interface ArchiveFollowerOptions {
  /** Opens the store, which is closed with the follower. Called in the background until it succeeds. */
  readonly open: () => Promise<ArchiveStore>;
  /** Folders of the logs to follow; asked before every look. */
  readonly logs: () => Promise<readonly string[]>;
  /** How long records are kept. @defaultValue operational: 90 days */
  readonly class?: RetentionClass | undefined;
  /** Whether to remove records whose days are over, once a day. @defaultValue false: the store does so */
  readonly expire?: boolean | undefined;
  /** How often logs that stand still are looked at, in milliseconds. @defaultValue 1,000 */
  readonly pollMs?: number | undefined;
  /** Longest wait for a full bundle, in milliseconds. @defaultValue 60,000 */
  readonly edgeIntervalMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly logger?: Logger | undefined;
  readonly timers?: TierTimers | undefined;
}

/**
 * Archives logs from disk and in the background: full entry bundles and hash tiles when they are sealed,
 * then the signed checkpoint over them with the few records behind the last full bundle. How far it is says
 * the newest checkpoint in the archive; one that was lost or emptied is filled again from the logs.
 */
export function createArchiveFollower(options: ArchiveFollowerOptions): TierFollower {
  const { clock = systemClock, logger = silentLogger } = options;
  const feed = new ArchiveFeed(options, clock);
  return new WorkLoop({
    tier: 'cold',
    step: (signal, isLast) => feed.step(signal, isLast),
    release: () => feed.close(),
    pollMs: options.pollMs ?? DEFAULT_POLL_MS,
    stallMs: DEFAULT_STALL_MS,
    ...{ clock, logger, timers: options.timers },
  });
}

interface Following {
  readonly log: string;
  readonly archived: ArchivedLog;
  /** When a head was archived last, on the monotonic clock. */
  headAtMs: number;
}

class ArchiveFeed {
  readonly #options: ArchiveFollowerOptions;
  readonly #clock: Clock;
  readonly #following = new Map<string, Following>();
  #archive: Archive | null = null;
  #expiredAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ArchiveFollowerOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  async step(signal: AbortSignal, isLast: boolean): Promise<TierProgress> {
    const archive = this.#archive ?? new Archive(await this.#options.open());
    this.#archive = archive;
    let behindRecords = 0;
    let taken = 0;
    try {
      await this.#expire(archive);
      for (const folder of await this.#options.logs()) {
        if (signal.aborted) break;
        const progress = await this.#follow(archive, folder, isLast);
        behindRecords += progress.behindRecords;
        taken += progress.taken;
      }
    } catch (error) {
      // What was archived is asked anew: some of it may be gone.
      this.#following.clear();
      throw error;
    }
    return { behindRecords, taken };
  }

  async close(): Promise<void> {
    await this.#archive?.store.close();
  }

  async #follow(archive: Archive, folder: string, isLast: boolean): Promise<TierProgress> {
    const head = await readLogHead(folder);
    const log = head === null ? null : await readLogId(folder, head);
    if (head === null || log === null) return { behindRecords: 0, taken: 0 };
    const sealed = Math.floor(head.size / TILE_WIDTH);
    const known = this.#following.get(folder);
    if (known?.log === log && !this.#hasWork(known, sealed, head.size, isLast)) {
      return {
        behindRecords: head.size - Math.max(known.archived.size, sealed * TILE_WIDTH),
        taken: 0,
      };
    }
    const following = await this.#followed(archive, folder, log);
    const { archived } = following;
    const before = heldBy(archived);
    const count = Math.max(0, Math.min(BATCH_BUNDLES, sealed - archived.bundles));
    if (count > 0) await archived.addBundles(count);
    if (
      archived.bundles === sealed &&
      head.size > archived.size &&
      (await archived.addHead(head))
    ) {
      following.headAtMs = this.#clock.monotonicMs();
    }
    const held = heldBy(archived);
    return { behindRecords: Math.max(0, head.size - held), taken: held - before };
  }

  #hasWork(
    { archived, headAtMs }: Following,
    sealed: number,
    size: number,
    isLast: boolean,
  ): boolean {
    if (archived.bundles < sealed) return true;
    const isDue = this.#clock.monotonicMs() - headAtMs >= this.#edgeIntervalMs;
    return size > archived.size && (isLast || isDue);
  }

  /** What is known of a log in the archive, unless it is gone from there. */
  async #followed(archive: Archive, folder: string, log: string): Promise<Following> {
    const known = this.#following.get(folder);
    if (known?.log === log && (await known.archived.isThere())) return known;
    const kept = this.#options.class ?? 'operational';
    const archived = await ArchivedLog.open(archive, folder, kept, log);
    const following = { log, archived, headAtMs: Number.NEGATIVE_INFINITY };
    this.#following.set(folder, following);
    return following;
  }

  get #edgeIntervalMs(): number {
    return this.#options.edgeIntervalMs ?? DEFAULT_EDGE_INTERVAL_MS;
  }

  async #expire(archive: Archive): Promise<void> {
    if (this.#options.expire !== true) return;
    const now = this.#clock.wallMs();
    if (now - this.#expiredAtMs < DAY_MS) return;
    await expireArchive(archive.store, now);
    this.#expiredAtMs = now;
  }
}

/** Records of a log that are in the archive, under a checkpoint there or not yet. */
function heldBy({ size, bundles }: ArchivedLog): number {
  return Math.max(size, bundles * TILE_WIDTH);
}
