import { setImmediate as nextTick } from 'node:timers/promises';
import type { Clock, VerdictIdSource } from '@cortex-governance/core';
import type { AttributeMask } from './attribute-mask.ts';
import type { DropCounter } from './drop-tally.ts';
import type { DurabilityLedger } from './durability-ledger.ts';
import { MAX_RECORD_BYTES } from './entry-bundle.ts';
import type { EvidenceQueue } from './evidence-queue.ts';
import { encodeGap, encodeItem } from './record-encoder.ts';

/** Most records of one group: what one sync is shared by. */
const MAX_GROUP_RECORDS = 1024;

/** Bytes of records after which a group is closed (1 MiB); the last record may go beyond. */
const MAX_GROUP_BYTES = 1024 * 1024;

/** Work between two turns of the event loop: records, and milliseconds. */
const TICK_RECORDS = 64;
const TICK_BUDGET_MS = 2;

/** Records that are written and synced together. */
export interface RecordGroup {
  readonly firstIndex: number;
  readonly records: readonly Buffer[];
  readonly bytes: number;
  /** Every ticket up to this one is in this group or an earlier one, or was dropped. */
  readonly lastTicket: number;
}

/** How a {@link GroupBuilder} works. */
export interface GroupBuilderOptions {
  readonly clock: Clock;
  readonly mask: AttributeMask;
  /** Index of the first record. */
  readonly firstIndex: number;
}

/** Turns queued items into records with their place in the log. */
export class GroupBuilder {
  readonly #queue: EvidenceQueue;
  readonly #drops: DropCounter;
  readonly #ledger: DurabilityLedger;
  readonly #ids: VerdictIdSource;
  readonly #clock: Clock;
  readonly #mask: AttributeMask;
  #nextIndex: number;
  #takenTicket = 0;
  #gaps = 0;

  constructor(
    queue: EvidenceQueue,
    drops: DropCounter,
    ledger: DurabilityLedger,
    ids: VerdictIdSource,
    options: GroupBuilderOptions,
  ) {
    this.#queue = queue;
    this.#drops = drops;
    this.#ledger = ledger;
    this.#ids = ids;
    this.#clock = options.clock;
    this.#mask = options.mask;
    this.#nextIndex = options.firstIndex;
  }

  /** Index that the next record gets. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  /** The newest ticket that has left the queue. */
  get takenTicket(): number {
    return this.#takenTicket;
  }

  /** Gap records made so far. */
  get gaps(): number {
    return this.#gaps;
  }

  /**
   * The next group; empty when nothing waits. Gives the event loop its turns.
   * @param isEnough asked at these turns: whether so many records need not wait for more.
   */
  async take(isEnough: (records: number) => boolean): Promise<RecordGroup> {
    const firstIndex = this.#nextIndex;
    const records: Buffer[] = [];
    let bytes = 0;
    let tickStart = this.#clock.monotonicMs();
    while (records.length < MAX_GROUP_RECORDS && bytes < MAX_GROUP_BYTES) {
      const record = this.#nextRecord();
      if (record === undefined) break;
      if (record === null) continue;
      records.push(record);
      bytes += record.length;
      this.#nextIndex += 1;
      const isLong = this.#clock.monotonicMs() - tickStart >= TICK_BUDGET_MS;
      if (isLong || records.length % TICK_RECORDS === 0) {
        if (isEnough(records.length)) break;
        await nextTick();
        tickStart = this.#clock.monotonicMs();
      }
    }
    return { firstIndex, records, bytes, lastTicket: this.#takenTicket };
  }

  /** One record; null for an item that was dropped, undefined when nothing waits. */
  #nextRecord(): Buffer | null | undefined {
    if (this.#drops.isDue(this.#takenTicket)) {
      this.#gaps += 1;
      const id = this.#ids.next(this.#clock.wallMs());
      return encodeGap(this.#drops.take(), id, this.#nextIndex);
    }
    const record = this.#queue.take((item) => {
      this.#mask.apply(item);
      return encodeItem(item, this.#nextIndex);
    });
    if (record === undefined) return undefined;
    this.#takenTicket += 1;
    if (record.length <= MAX_RECORD_BYTES) return record;
    this.#drops.count('record_too_large', this.#clock.wallMs(), this.#takenTicket);
    this.#ledger.drop(this.#takenTicket, `the record has more than ${MAX_RECORD_BYTES} bytes`);
    return null;
  }
}
