import type { Clock } from '@cortex-governance/core';
import type { DropCounter } from './drop-tally.ts';
import type { DurabilityLedger } from './durability-ledger.ts';
import type { EvidenceQueue } from './evidence-queue.ts';
import type { GroupBuilder } from './group-builder.ts';

/** When a group is worth a write and a sync. */
export interface GroupLimits {
  /** Records that are worth one. */
  readonly groupRecords: number;
  /** Estimated bytes that are worth one. */
  readonly groupBytes: number;
  /** Longest that a record waits, in milliseconds. */
  readonly groupMaxAgeMs: number;
  /** Longest that records wait while none is added, in milliseconds. */
  readonly groupIdleMs: number;
}

/** What waits for a group. */
export interface WaitingParts {
  readonly queue: EvidenceQueue;
  readonly ledger: DurabilityLedger;
  readonly builder: GroupBuilder;
  readonly drops: DropCounter;
}

/** Decides when waiting records become a group: enough of them, old enough, or asked for. */
export class GroupSchedule {
  readonly #limits: GroupLimits;
  readonly #waiting: WaitingParts;
  readonly #clock: Clock;
  readonly #onDue: () => void;
  /** Tickets up to this one are written without waiting for more. */
  #demandedTicket = 0;
  #gapDemanded = false;
  #timer: NodeJS.Timeout | null = null;
  #waitingSinceMs = 0;
  #issuedBefore = 0;

  /** @param onDue called by a timer when time alone has made a group due. */
  constructor(limits: GroupLimits, waiting: WaitingParts, clock: Clock, onDue: () => void) {
    this.#limits = limits;
    this.#waiting = waiting;
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Everything up to the ticket is due now, and a gap record too when it is wanted. */
  demand(ticket: number, withGap = false): void {
    this.#demandedTicket = Math.max(
      this.#demandedTicket,
      Math.min(ticket, this.#waiting.ledger.issued),
    );
    this.#gapDemanded ||= withGap;
  }

  isDue(): boolean {
    const { queue, builder, drops } = this.#waiting;
    return (
      queue.records >= this.#limits.groupRecords ||
      queue.bytes >= this.#limits.groupBytes ||
      this.#demandedTicket > builder.takenTicket ||
      (this.#gapDemanded && drops.pending)
    );
  }

  /** A group was taken; a gap record that was not in it is still owed. */
  taken(): void {
    if (!this.#waiting.drops.pending) this.#gapDemanded = false;
  }

  /** Lets time make a group of what waits, if anything does. */
  startTimer(): void {
    const { queue, drops } = this.#waiting;
    if (this.#timer !== null || (queue.records === 0 && !drops.pending)) return;
    this.#waitingSinceMs = this.#clock.monotonicMs();
    this.#arm(this.#limits.groupMaxAgeMs);
  }

  stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #arm(restMs: number): void {
    this.#issuedBefore = this.#waiting.ledger.issued;
    this.#timer = setTimeout(() => this.#onTimer(), Math.min(restMs, this.#limits.groupIdleMs));
  }

  #onTimer(): void {
    this.#timer = null;
    const { issued } = this.#waiting.ledger;
    // Timers may fire a little early by the clock that is read here.
    const restMs = this.#waitingSinceMs + this.#limits.groupMaxAgeMs - this.#clock.monotonicMs();
    if (restMs > 1 && issued !== this.#issuedBefore) {
      this.#arm(restMs);
      return;
    }
    this.demand(issued, true);
    this.#onDue();
  }
}
