import {
  type DecisionRequest,
  type Durability,
  EVIDENCE_DROPPED,
  type EvidenceDropReason,
  type EvidenceEvent,
  type EvidenceStatus,
  type EvidenceWriter,
  errorMessage,
  GovernanceError,
  type Verdict,
  VerdictIdSource,
} from '@cortex-governance/core';
import { CheckpointPublisher } from './checkpoint-publisher.ts';
import { DropCounter } from './drop-tally.ts';
import { DurabilityLedger } from './durability-ledger.ts';
import { EvidenceQueue } from './evidence-queue.ts';
import { GroupBuilder, type RecordGroup } from './group-builder.ts';
import { encodeFrame } from './journal-frame.ts';
import type { LogWriterParts } from './log-writer-parts.ts';

/**
 * Queue, journal and checkpoints of one log. Appending is copying; everything else happens between
 * turns of the event loop. The first write or sync that fails ends the writer for ever: what the page
 * cache holds after that proves nothing, so nothing is tried again or read back.
 */
export class LogWriter implements EvidenceWriter {
  readonly #parts: LogWriterParts;
  readonly #queue: EvidenceQueue;
  readonly #drops = new DropCounter();
  readonly #ledger: DurabilityLedger;
  readonly #ids = new VerdictIdSource();
  readonly #builder: GroupBuilder;
  readonly #publisher: CheckpointPublisher;
  /** Told about every group stored, every checkpoint and the failure. */
  #watchers: (() => void)[] = [];
  #storedIndex: number;
  /** Tickets up to this one are written without waiting for more. */
  #demandedTicket = 0;
  #gapDemanded = false;
  #ageTimer: NodeJS.Timeout | null = null;
  #pump: Promise<void> | null = null;
  #failure: GovernanceError | null = null;
  #closing: Promise<void> | null = null;

  constructor(parts: LogWriterParts) {
    this.#parts = parts;
    this.#queue = new EvidenceQueue(parts.maxQueueRecords, parts.maxQueueBytes);
    this.#ledger = new DurabilityLedger(parts.folder);
    this.#storedIndex = parts.tree.size;
    this.#builder = new GroupBuilder(
      this.#queue,
      this.#drops,
      this.#ledger,
      this.#ids,
      parts.clock,
      parts.tree.size,
    );
    this.#publisher = new CheckpointPublisher(parts.tree, parts.checkpointIntervalMs, {
      assertHeld: () => parts.lock.assertHeld(),
      onCheckpoint: (lastTicket, size) => this.#onCheckpoint(lastTicket, size),
      onFailure: (error) => this.#fail(error, parts.folder),
    });
  }

  get required(): boolean {
    return this.#parts.denyWhenFull || this.#closing !== null;
  }

  ready(): boolean {
    return !this.required || (this.#closing === null && this.#refusal() === null);
  }

  appendDecision(request: DecisionRequest, verdict: Verdict): number {
    if (this.#refusal() !== null) return this.#refuse();
    try {
      this.#queue.pushDecision(request, verdict);
    } catch {
      return this.#refuse();
    }
    return this.#queued();
  }

  appendEvent(event: EvidenceEvent): number {
    if (this.#refusal() !== null) return this.#refuse();
    try {
      this.#queue.pushEvent(event, this.#ids.next(this.#parts.clock.wallMs()));
    } catch {
      return this.#refuse();
    }
    return this.#queued();
  }

  async durable(ticket: number, level: Durability): Promise<void> {
    const reached = this.#ledger.wait(ticket, level);
    if (level !== 'accepted') this.#demand(ticket);
    if (level === 'checkpointed' && ticket <= this.#ledger.reached('disk'))
      this.#publisher.request();
    await reached;
  }

  async flush(): Promise<void> {
    const ticket = this.#ledger.issued;
    const gaps = this.#drops.pending ? this.#builder.gaps : -1;
    this.#gapDemanded = true;
    this.#demand(ticket);
    await this.#until(
      () => this.#ledger.reached('disk') >= ticket && (gaps === -1 || this.#builder.gaps > gaps),
    );
    const index = this.#storedIndex;
    this.#publisher.request();
    await this.#until(() => this.#publisher.checkpointed >= index);
  }

  status(): EvidenceStatus {
    return {
      healthy: this.#failure === null,
      problem: this.#failure?.message ?? '',
      dir: this.#parts.folder,
      origin: this.#parts.origin,
      queuedRecords: this.#queue.records,
      queuedBytes: this.#queue.bytes,
      records: this.#builder.nextIndex + this.#queue.records,
      checkpointed: this.#publisher.checkpointed,
      drops: this.#drops.totals(),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { journal, lock } = this.#parts;
    await this.#attempt(() => this.flush());
    this.#publisher.stop();
    this.#clearAgeTimer();
    await this.#settled();
    await this.#attempt(() => journal.close());
    if (this.#failure === null) {
      await this.#attempt(() => journal.removeCovered(this.#publisher.checkpointed));
    }
    await lock.release().catch((error: unknown) => this.#warnOfLock(error));
    if (this.#failure !== null) throw this.#failure;
  }

  async #attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#fail(error, this.#parts.journal.path);
    }
  }

  /** A lock that stays is taken over once this process is gone. */
  #warnOfLock(error: unknown): void {
    const fields = { dir: this.#parts.folder, problem: errorMessage(error) };
    this.#parts.logger.warn('EVIDENCE_LOCK_LEFT', fields);
  }

  /** Resolves when nothing is being written; only then may another writer start. */
  async #settled(): Promise<void> {
    while (this.#pump !== null) await this.#pump;
    await this.#publisher.idle();
  }

  #queued(): number {
    const ticket = this.#ledger.issue();
    if (this.#pump === null) this.#schedule();
    return ticket;
  }

  #refusal(): EvidenceDropReason | null {
    if (this.#closing !== null) return 'closed';
    if (this.#failure !== null) return 'writer_failed';
    return this.#queue.full ? 'queue_full' : null;
  }

  /** Counts a drop; without another reason it is the request or the verdict that cannot be read. */
  #refuse(): number {
    const reason = this.#refusal() ?? 'record_invalid';
    if (reason === 'closed' || reason === 'writer_failed') {
      this.#drops.countFinal(reason);
    } else {
      this.#drops.count(reason, this.#parts.clock.wallMs(), this.#ledger.issued);
      this.#schedule();
    }
    return EVIDENCE_DROPPED;
  }

  /** Has everything up to the ticket written now. */
  #demand(ticket: number): void {
    this.#demandedTicket = Math.max(this.#demandedTicket, Math.min(ticket, this.#ledger.issued));
    this.#schedule();
  }

  #schedule(): void {
    if (this.#pump !== null || this.#failure !== null) return;
    if (this.#isDue()) {
      this.#clearAgeTimer();
      this.#pump = this.#runPump();
    } else if (this.#ageTimer === null && (this.#queue.records > 0 || this.#drops.pending)) {
      this.#ageTimer = setTimeout(() => this.#onAge(), this.#parts.groupMaxAgeMs);
    }
  }

  #onAge(): void {
    this.#ageTimer = null;
    this.#gapDemanded = true;
    this.#demand(this.#ledger.issued);
  }

  #isDue(): boolean {
    return (
      this.#queue.records >= this.#parts.groupRecords ||
      this.#demandedTicket > this.#builder.takenTicket ||
      (this.#gapDemanded && this.#drops.pending)
    );
  }

  async #runPump(): Promise<void> {
    // Not in the caller's turn: appending does no I/O and no hashing.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      while (this.#failure === null && this.#isDue()) {
        this.#gapDemanded = false;
        await this.#store(await this.#builder.take());
      }
    } catch (error) {
      this.#fail(error, this.#parts.journal.path);
    } finally {
      this.#pump = null;
    }
    this.#schedule();
  }

  async #store(group: RecordGroup): Promise<void> {
    const { journal, lock } = this.#parts;
    if (this.#failure !== null) return;
    if (group.records.length > 0) {
      const frame = encodeFrame(group.firstIndex, group.records);
      await journal.write(frame, group.firstIndex, group.records.length);
      // Whoever took the log over may have removed the file that was just written.
      await lock.assertHeld();
      this.#ledger.advance('os', group.lastTicket);
      await journal.sync();
      await lock.assertHeld();
    }
    this.#ledger.advance('disk', group.lastTicket);
    this.#storedIndex = group.firstIndex + group.records.length;
    this.#publisher.add(group);
    if (this.#ledger.isAwaited('checkpointed') || this.#publisher.congested)
      this.#publisher.request();
    this.#notify();
    if (this.#publisher.congested) await this.#until(() => !this.#publisher.congested);
  }

  async #onCheckpoint(lastTicket: number, size: number): Promise<void> {
    await this.#parts.journal.removeCovered(size);
    this.#ledger.advance('checkpointed', lastTicket);
    this.#notify();
  }

  /** @throws {GovernanceError} EVIDENCE_WRITE_FAILED when the writer fails first. */
  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      if (this.#failure !== null) throw this.#failure;
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  #notify(): void {
    for (const wake of this.#watchers.splice(0)) wake();
  }

  #fail(error: unknown, file: string): void {
    if (this.#failure !== null) return;
    const problem = errorMessage(error);
    const details = { file, problem };
    const failure = new GovernanceError('EVIDENCE_WRITE_FAILED', details, { cause: error });
    this.#failure = failure;
    this.#drops.countFinal('writer_failed', this.#ledger.issued - this.#ledger.reached('disk'));
    this.#queue.clear();
    this.#ledger.fail(failure);
    this.#publisher.stop();
    this.#clearAgeTimer();
    this.#notify();
    const { logger, origin } = this.#parts;
    logger.error('EVIDENCE_WRITE_FAILED', { ...details, origin });
  }

  #clearAgeTimer(): void {
    if (this.#ageTimer !== null) clearTimeout(this.#ageTimer);
    this.#ageTimer = null;
  }
}
