import type { EvidenceDropReason } from '@cortex-governance/core';

/** Drops that no gap record tells of yet. */
export interface DropTally {
  readonly count: number;
  readonly reasons: Readonly<Record<EvidenceDropReason, number>>;
  /** Milliseconds since the Unix epoch. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Counts every drop by its reason, and keeps those that the log must still tell of. */
export class DropCounter {
  #total = emptyReasons();
  #pending = emptyReasons();
  #pendingCount = 0;
  #firstMs = 0;
  #lastMs = 0;
  #afterTicket = 0;

  /**
   * Counts a drop that a gap record can still tell of.
   * @param atMs wall time.
   * @param afterTicket the newest ticket; the gap record belongs behind that ticket's record.
   */
  count(reason: EvidenceDropReason, atMs: number, afterTicket: number): void {
    this.#total[reason] += 1;
    this.#pending[reason] += 1;
    if (this.#pendingCount === 0) {
      this.#firstMs = atMs;
      this.#afterTicket = afterTicket;
    }
    this.#pendingCount += 1;
    this.#lastMs = atMs;
  }

  /** Counts drops after which nothing can be written any more. */
  countFinal(reason: EvidenceDropReason, drops = 1): void {
    this.#total[reason] += drops;
  }

  get pending(): boolean {
    return this.#pendingCount > 0;
  }

  /** Whether the gap record's place is after the ticket's record. */
  isDue(takenTicket: number): boolean {
    return this.#pendingCount > 0 && takenTicket >= this.#afterTicket;
  }

  totals(): Record<EvidenceDropReason, number> {
    return { ...this.#total };
  }

  /** What a gap record must say now; the next one starts from nothing. */
  take(): DropTally {
    const tally = {
      count: this.#pendingCount,
      reasons: this.#pending,
      firstMs: this.#firstMs,
      lastMs: this.#lastMs,
    };
    this.#pending = emptyReasons();
    this.#pendingCount = 0;
    return tally;
  }
}

function emptyReasons(): Record<EvidenceDropReason, number> {
  return { queue_full: 0, record_too_large: 0, record_invalid: 0, writer_failed: 0, closed: 0 };
}
