import { randomInt } from 'node:crypto';
import type { Clock, GovernanceError, Logger } from '@cortex-governance/core';
import { tierError } from './tier-error.ts';
import { type TierTimers, unrefTimers } from './tier-timers.ts';

/** How often a log that stands still is looked at, in milliseconds. */
export const DEFAULT_POLL_MS = 1_000;

/** First wait after a failure, in milliseconds; each further failure doubles it. */
export const MIN_BACKOFF_MS = 500;

/** Longest wait after failures, in milliseconds. */
export const MAX_BACKOFF_MS = 60_000;

/** A piece of work that takes longer than this counts as a failure of the tier, in milliseconds. */
export const DEFAULT_STALL_MS = 30_000;

/** How long each part of closing may take, in milliseconds. */
export const CLOSE_WAIT_MS = 2_000;

/** What one piece of work leaves to be done. */
export interface TierProgress {
  /** Records under the checkpoints that the tier does not hold yet. */
  readonly behindRecords: number;
  /** Records taken over by this piece. */
  readonly taken: number;
  /** Why some of the logs, or all, could not be followed. */
  readonly failure?: TierFailure;
}

/** A piece of work that failed in part, or as a whole. */
export interface TierFailure {
  /** What was thrown first. */
  readonly error: unknown;
  /** Whether no log was followed; otherwise those that were do not wait for the others. */
  readonly isWhole: boolean;
}

/** Where a tier stands, for metrics and health. */
export interface TierStatus {
  readonly tier: string;
  /** False before the first piece of work that succeeds, from one that fails to the next that does not, and while one is stuck. */
  readonly healthy: boolean;
  readonly lastError: string;
  /** As of the last look; what was written since is not counted. */
  readonly behindRecords: number;
  /** How long the tier has not been level with the checkpoints, in milliseconds. */
  readonly behindMs: number;
  /** Records taken over since the start of this process. */
  readonly taken: number;
  readonly failures: number;
}

/** One tier that follows logs from disk in the background. */
export interface TierFollower {
  status(): TierStatus;
  /** Looks at the logs now, unless it is waiting after a failure. */
  wake(): void;
  /** Takes over what is left when the tier is up, and ends; in bounded time. Never rejects. */
  close(): Promise<void>;
}

export interface TierFollowerParts {
  readonly tier: string;
  /**
   * Does one bounded piece of work, and says what is left. @param isLast whether the follower is ending: what
   * would be worth waiting for is done at once.
   */
  readonly step: (signal: AbortSignal, isLast: boolean) => Promise<TierProgress>;
  /** Gives the tier free; called once. */
  readonly release: () => Promise<void>;
  readonly pollMs: number;
  readonly stallMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timers?: TierTimers | undefined;
}

/**
 * Repeats a piece of work: at once while there is more, after `pollMs` when there is not, and with growing,
 * jittered waits after failures. Nothing that the work throws comes out; it is counted, and logged when a
 * tier fails and when it is back.
 */
export class WorkLoop implements TierFollower {
  readonly #parts: TierFollowerParts;
  readonly #timers: TierTimers;
  readonly #abort = new AbortController();
  #cancelTimer: (() => void) | null = null;
  #running: Promise<void> | null = null;
  #startedAtMs = 0;
  #levelAtMs: number;
  #lastError: GovernanceError | null = null;
  #behind = 0;
  #taken = 0;
  #failures = 0;
  #failuresInARow = 0;
  #isWhole = false;
  #hasWorked = false;
  #closing: Promise<void> | null = null;

  constructor(parts: TierFollowerParts) {
    this.#parts = parts;
    this.#timers = parts.timers ?? unrefTimers;
    this.#levelAtMs = parts.clock.monotonicMs();
    this.#schedule(0);
  }

  status(): TierStatus {
    const now = this.#parts.clock.monotonicMs();
    const isStuck = this.#running !== null && now - this.#startedAtMs > this.#parts.stallMs;
    const waiting = this.#hasWorked ? '' : 'not opened yet';
    const problem = isStuck ? `no answer for ${Math.round(now - this.#startedAtMs)} ms` : waiting;
    const healthy = this.#lastError === null && problem === '';
    const isLevel = this.#behind === 0 && healthy;
    return {
      tier: this.#parts.tier,
      healthy,
      lastError: this.#lastError?.message ?? problem,
      behindRecords: this.#behind,
      behindMs: isLevel ? 0 : Math.max(0, now - this.#levelAtMs),
      taken: this.#taken,
      failures: this.#failures,
    };
  }

  wake(): void {
    if (this.#running === null && this.#failuresInARow === 0) this.#schedule(0);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  #schedule(ms: number): void {
    if (this.#closing !== null) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#timers.after(ms, () => {
      this.#cancelTimer = null;
      this.#running = this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#startedAtMs = this.#parts.clock.monotonicMs();
    let waitMs = this.#parts.pollMs;
    try {
      const progress = await this.#parts.step(this.#abort.signal, false);
      this.#take(progress);
      const { behindRecords, taken, failure } = progress;
      if (failure === undefined) this.#succeed(behindRecords);
      else waitMs = this.#fail(failure.error, failure.isWhole);
      if (behindRecords > 0 && taken > 0) waitMs = 0;
    } catch (error) {
      waitMs = this.#fail(error, true);
    }
    this.#running = null;
    this.#schedule(waitMs);
  }

  #take({ behindRecords, taken }: TierProgress): void {
    this.#behind = behindRecords;
    this.#taken += taken;
  }

  #succeed(behindRecords: number): void {
    const { tier, clock, logger } = this.#parts;
    if (this.#lastError !== null) logger.warn('EVIDENCE_TIER_RECOVERED', { tier, behindRecords });
    this.#lastError = null;
    this.#hasWorked = true;
    this.#failuresInARow = 0;
    this.#isWhole = false;
    if (behindRecords === 0) this.#levelAtMs = clock.monotonicMs();
  }

  /** Returns how long to wait: a random time in the upper half of the step, so that many do not come at once. */
  #fail(thrown: unknown, isWhole: boolean): number {
    const { tier, logger } = this.#parts;
    const error = tierError(tier, thrown);
    // Once per outage: a tier that stays away must not fill the logs.
    if (this.#lastError === null) logger.warn('EVIDENCE_TIER_FAILED', { tier, error });
    this.#lastError = error;
    this.#failures += 1;
    this.#failuresInARow += 1;
    this.#isWhole = isWhole;
    const step = Math.min(
      MAX_BACKOFF_MS,
      MIN_BACKOFF_MS * 2 ** Math.min(16, this.#failuresInARow - 1),
    );
    const waitMs = step / 2 + randomInt(Math.ceil(step / 2) + 1);
    return isWhole ? waitMs : Math.min(waitMs, this.#parts.pollMs);
  }

  async #end(): Promise<void> {
    this.#cancelTimer?.();
    await this.#bounded(this.#running ?? Promise.resolve());
    const isUp = this.status().healthy || (this.#lastError !== null && !this.#isWhole);
    if (isUp) await this.#bounded(this.#finish());
    this.#abort.abort();
    await this.#bounded(this.#parts.release());
  }

  /** Takes over what was written until now: a log may never be written, nor followed, by this process again. */
  async #finish(): Promise<void> {
    for (;;) {
      const progress = await this.#parts.step(this.#abort.signal, true);
      this.#take(progress);
      const { behindRecords, taken, failure } = progress;
      if (failure === undefined) this.#succeed(behindRecords);
      if (behindRecords === 0 || taken === 0) return;
    }
  }

  #bounded(work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#timers.after(CLOSE_WAIT_MS, resolve);
      work
        .catch(() => {})
        .finally(() => {
          cancel();
          resolve();
        });
    });
  }
}
