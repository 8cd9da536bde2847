import type { Clock } from '@cortex-governance/core';
import type { RecordGroup } from './group-builder.ts';
import type { LogTree } from './log-tree.ts';

/** Bytes of records that may wait for their tiles before the journal waits for them (32 MiB). */
const MAX_BACKLOG_BYTES = 32 * 1024 * 1024;

/** Who is told what became of the records. */
export interface PublisherEvents {
  /** Asked before every checkpoint; throws when another writer has taken the log. */
  readonly assertHeld: () => Promise<void>;
  /** Everything up to the ticket is under a signed checkpoint. */
  readonly onCheckpoint: (lastTicket: number, size: number) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

/** Moves synced records into tiles and under a signed checkpoint, at intervals or on request. */
export class CheckpointPublisher {
  readonly #tree: LogTree;
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #events: PublisherEvents;
  #backlog: RecordGroup[] = [];
  #backlogBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #requested = false;
  /** Since when the oldest record waits that no checkpoint covers, by the monotonic clock. */
  #waitingSinceMs: number | null = null;
  #stopped = false;

  constructor(
    tree: LogTree,
    options: { readonly intervalMs: number; readonly clock: Clock },
    events: PublisherEvents,
  ) {
    this.#tree = tree;
    this.#intervalMs = options.intervalMs;
    this.#clock = options.clock;
    this.#events = events;
  }

  get checkpointed(): number {
    return this.#tree.checkpointed;
  }

  /** Whether so much waits that the journal should wait too. */
  get congested(): boolean {
    return this.#backlogBytes >= MAX_BACKLOG_BYTES;
  }

  /** How long the oldest synced record has waited for its checkpoint, in milliseconds. */
  get waitingMs(): number {
    return this.#waitingSinceMs === null ? 0 : this.#clock.monotonicMs() - this.#waitingSinceMs;
  }

  /** Takes a synced group; it is under a checkpoint after the interval at the latest, if the disk allows. */
  add(group: RecordGroup): void {
    if (group.records.length > 0) this.#waitingSinceMs ??= this.#clock.monotonicMs();
    this.#backlog.push(group);
    this.#backlogBytes += group.bytes;
    this.#schedule();
  }

  /** Makes a checkpoint over everything added so far as soon as possible. */
  request(): void {
    this.#requested = true;
    this.#start();
  }

  /** Starts nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#clearTimer();
  }

  /** Resolves when no checkpoint is being made. */
  async idle(): Promise<void> {
    await this.#running;
  }

  #schedule(): void {
    if (this.#stopped || this.#timer !== null || this.#running !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#start();
    }, this.#intervalMs);
  }

  #start(): void {
    if (this.#stopped || this.#running !== null || this.#backlog.length === 0) return;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    try {
      do {
        this.#requested = false;
        this.#clearTimer();
        await this.#publish();
      } while (this.#requested && this.#backlog.length > 0 && !this.#stopped);
    } catch (error) {
      this.#events.onFailure(error);
    } finally {
      this.#running = null;
    }
    if (this.#backlog.length > 0) this.#schedule();
  }

  async #publish(): Promise<void> {
    const groups = this.#backlog;
    this.#backlog = [];
    this.#backlogBytes = 0;
    const startMs = this.#clock.monotonicMs();
    for (const group of groups) await this.#tree.append(group.records);
    await this.#events.assertHeld();
    await this.#tree.checkpoint();
    // What was added meanwhile came after the start.
    this.#waitingSinceMs = this.#backlog.length > 0 ? startMs : null;
    await this.#events.onCheckpoint(groups.at(-1)?.lastTicket ?? 0, this.#tree.checkpointed);
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
