import { type Clock, type Logger, silentLogger, systemClock } from '@cortex-governance/core';
import { LogRounds, outageOf } from '../tier/log-rounds.ts';
import { type FollowedKeys, type SignedLog, SignedLogs } from '../tier/signed-log.ts';
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
  /**
   * Public keys of a log as `vkey` lines; with them counts every key that they endorsed. Give the key of a log
   * that this process writes. @defaultValue the file beside each log
   */
  readonly publicKeys?: FollowedKeys | undefined;
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
 * the newest checkpoint in the archive that the log's keys signed; one that was lost or emptied is filled again
 * from the logs. A checkpoint that the log's key did not sign, or a record or tile that does not lead to its
 * root, fails that log alone: nothing of it is stored or erased.
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
  readonly #logs: SignedLogs;
  readonly #rounds = new LogRounds();
  readonly #following = new Map<string, Following>();
  /** Records in the archive by folder, as of the last look. */
  readonly #held = new Map<string, number>();
  #archive: Archive | null = null;
  #expiredAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ArchiveFollowerOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#logs = new SignedLogs(options.publicKeys);
  }

  async step(signal: AbortSignal, isLast: boolean): Promise<TierProgress> {
    const outage = await outageOf(this.#prepare());
    return this.#rounds.run(await this.#options.logs(), signal, outage, async (folder, note) => {
      const log = await this.#logs.open(folder);
      if (log !== null) note(log.head.size - (this.#held.get(folder) ?? 0));
      if (log === null || outage !== null || this.#archive === null) return 0;
      try {
        const taken = await this.#follow(this.#archive, log, isLast);
        note(log.head.size - (this.#held.get(folder) ?? 0));
        return taken;
      } catch (error) {
        // What was archived is asked anew: some of it may be gone.
        this.#following.delete(folder);
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    await this.#archive?.store.close();
  }

  async #prepare(): Promise<void> {
    this.#archive ??= new Archive(await this.#options.open());
    await this.#expire(this.#archive);
  }

  /** Returns the records that were archived. */
  async #follow(archive: Archive, log: SignedLog, isLast: boolean): Promise<number> {
    const { folder, head } = log;
    const sealed = Math.floor(head.size / TILE_WIDTH);
    const known = this.#following.get(folder);
    if (known?.log === log.id) {
      known.archived.assertNotAhead(log);
      if (!this.#hasWork(known, sealed, head.size, isLast)) return 0;
    }
    const following = await this.#followed(archive, log);
    const { archived } = following;
    const before = heldBy(archived);
    this.#held.set(folder, before);
    const count = Math.max(0, Math.min(BATCH_BUNDLES, sealed - archived.bundles));
    if (count > 0) await archived.addBundles(log, count);
    if (archived.bundles === sealed && head.size > archived.size && (await archived.addHead(log))) {
      following.headAtMs = this.#clock.monotonicMs();
    }
    const held = heldBy(archived);
    this.#held.set(folder, held);
    return held - before;
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
  async #followed(archive: Archive, log: SignedLog): Promise<Following> {
    const known = this.#following.get(log.folder);
    if (known?.log === log.id && (await known.archived.isThere())) return known;
    const kept = this.#options.class ?? 'operational';
    const archived = await ArchivedLog.open(archive, log, kept);
    const following = { log: log.id, archived, headAtMs: Number.NEGATIVE_INFINITY };
    this.#following.set(log.folder, following);
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
