import {
  type DecisionRequest,
  type Durability,
  EVIDENCE_DROPPED,
  type EvidenceDropReason,
  type EvidenceEvent,
  type EvidenceGroup,
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
import { GroupListeners } from './group-listeners.ts';
import { GroupPump } from './group-pump.ts';
import { GroupSchedule, type WaitingParts } from './group-schedule.ts';
import type { LogWriterParts } from './log-writer-parts.ts';
import { ProgressSignal } from './progress-signal.ts';
import { storeGroup } from './store-group.ts';
import { writerStatus } from './writer-status.ts';

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
  readonly #waiting: WaitingParts;
  readonly #schedule: GroupSchedule;
  readonly #pump: GroupPump;
  /** Told about every group stored, every checkpoint and the failure. */
  readonly #progress = new ProgressSignal();
  readonly #listeners: GroupListeners;
  #storedIndex: number;
  /** What must end before the log is given free. */
  readonly #works = new Set<Promise<unknown>>();
  /** How often the journal's file was ended on request. */
  #seals = 0;
  #failure: GovernanceError | null = null;
  #closing: Promise<void> | null = null;

  constructor(parts: LogWriterParts) {
    this.#parts = parts;
    this.#queue = new EvidenceQueue(parts.maxQueueRecords, parts.maxQueueBytes);
    this.#ledger = new DurabilityLedger(parts.folder);
    this.#storedIndex = parts.tree.size;
    this.#builder = new GroupBuilder(this.#queue, this.#drops, this.#ledger, this.#ids, {
      clock: parts.clock,
      mask: parts.mask,
      firstIndex: parts.tree.size,
    });
    this.#publisher = new CheckpointPublisher(
      parts.tree,
      { intervalMs: parts.checkpointIntervalMs, clock: parts.clock },
      {
        assertHeld: () => parts.lock.assertHeld(),
        onCheckpoint: (lastTicket, size) => this.#onCheckpoint(lastTicket, size),
        onFailure: (error) => this.#fail(error, parts.folder),
      },
    );
    this.#listeners = new GroupListeners(parts.logger);
    this.#waiting = {
      queue: this.#queue,
      ledger: this.#ledger,
      builder: this.#builder,
      drops: this.#drops,
    };
    const onDue = (): void => this.#pump.run();
    this.#schedule = new GroupSchedule(parts, this.#waiting, parts.clock, onDue);
    this.#pump = new GroupPump(this.#builder, this.#schedule, {
      store: (group) => this.#store(group),
      seal: () => this.#seal(),
      onFailure: (error) => this.#fail(error, parts.journal.path),
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
    this.#demand(ticket, true);
    await this.#until(
      () => this.#ledger.reached('disk') >= ticket && (gaps === -1 || this.#builder.gaps > gaps),
    );
    const index = this.#storedIndex;
    this.#publisher.request();
    await this.#until(() => this.#publisher.checkpointed >= index);
  }

  onGroup(listener: (group: EvidenceGroup) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * Ends the journal's current file: once under a checkpoint, nothing written so far is in the journal.
   * @throws {GovernanceError} EVIDENCE_WRITE_FAILED
   */
  async sealJournal(): Promise<void> {
    if (this.#closing !== null) throw this.#writeFailure('the log is closed');
    const seals = this.#seals;
    this.#pump.requestSeal();
    await this.#until(() => this.#seals > seals);
  }

  /** Whether the log is being closed, or is. */
  get closing(): boolean {
    return this.#closing !== null;
  }

  /** Gives the log free only when the work has ended, whether well or not. */
  keepFor(work: Promise<unknown>): void {
    this.#works.add(work);
    const end = (): void => void this.#works.delete(work);
    work.then(end, end);
  }

  status(): EvidenceStatus {
    return writerStatus(this.#parts, this.#waiting, this.#publisher, this.#failure);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { journal, lock } = this.#parts;
    await this.#attempt(() => this.flush());
    this.#publisher.stop();
    this.#schedule.stopTimer();
    await this.#settled();
    await this.#attempt(() => journal.close());
    if (this.#failure === null) {
      await this.#attempt(() => journal.removeCovered(this.#publisher.checkpointed));
    }
    await Promise.allSettled(this.#works);
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
    await this.#pump.idle();
    await this.#publisher.idle();
  }

  #queued(): number {
    const ticket = this.#ledger.issue();
    if (!this.#pump.running) this.#pump.run();
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
      this.#pump.run();
    }
    return EVIDENCE_DROPPED;
  }

  /** Has everything up to the ticket written now. */
  #demand(ticket: number, withGap = false): void {
    this.#schedule.demand(ticket, withGap);
    this.#pump.run();
  }

  async #seal(): Promise<void> {
    await this.#parts.journal.close();
    this.#seals += 1;
    this.#progress.notify();
  }

  async #store(group: RecordGroup): Promise<void> {
    if (this.#failure !== null) return;
    if (group.records.length > 0) {
      const onWritten = (): void => this.#ledger.advance('os', group.lastTicket);
      const syncMs = await storeGroup(this.#parts, group, onWritten);
      this.#listeners.tell({ records: group.records.length, bytes: group.bytes, syncMs });
    }
    this.#ledger.advance('disk', group.lastTicket);
    this.#storedIndex = group.firstIndex + group.records.length;
    this.#publisher.add(group);
    if (this.#ledger.isAwaited('checkpointed') || this.#publisher.congested)
      this.#publisher.request();
    this.#progress.notify();
    if (this.#publisher.congested) await this.#until(() => !this.#publisher.congested);
  }

  async #onCheckpoint(lastTicket: number, size: number): Promise<void> {
    await this.#parts.journal.removeCovered(size);
    this.#ledger.advance('checkpointed', lastTicket);
    this.#progress.notify();
  }

  /** @throws {GovernanceError} EVIDENCE_WRITE_FAILED when the writer fails first. */
  #until(isDone: () => boolean): Promise<void> {
    return this.#progress.until(isDone, () => this.#failure);
  }

  #writeFailure(
    problem: string,
    file: string = this.#parts.folder,
    cause?: unknown,
  ): GovernanceError {
    return new GovernanceError('EVIDENCE_WRITE_FAILED', { file, problem }, { cause });
  }

  #fail(error: unknown, file: string): void {
    if (this.#failure !== null) return;
    const problem = errorMessage(error);
    const failure = this.#writeFailure(problem, file, error);
    this.#failure = failure;
    this.#drops.countFinal('writer_failed', this.#ledger.issued - this.#ledger.reached('disk'));
    this.#queue.clear();
    this.#ledger.fail(failure);
    this.#publisher.stop();
    this.#pump.stop();
    this.#progress.notify();
    const { logger, origin } = this.#parts;
    logger.error('EVIDENCE_WRITE_FAILED', { file, problem, origin });
  }
}
