import { DURABILITIES, type Durability, GovernanceError } from '@cortex-governance/core';

/** Dropped tickets that are remembered for a later question; older ones are refused unseen. */
const MAX_REMEMBERED_DROPS = 4096;

/** A level that takes work to reach. */
export type ReachedLevel = Exclude<Durability, 'accepted'>;

const LEVELS: readonly ReachedLevel[] = ['os', 'disk', 'checkpointed'];

interface Waiter {
  readonly ticket: number;
  readonly resolve: () => void;
  readonly reject: (error: GovernanceError) => void;
}

/**
 * How far the tickets have come, and who waits for them. Tickets are handed out in order and reach
 * every level in order.
 */
export class DurabilityLedger {
  readonly #file: string;
  readonly #reached: Record<ReachedLevel, number> = { os: 0, disk: 0, checkpointed: 0 };
  readonly #waiters: Record<ReachedLevel, Waiter[]> = { os: [], disk: [], checkpointed: [] };
  /** Tickets whose record turned out not to be writable, oldest first. */
  readonly #dropped = new Set<number>();
  /** Tickets up to this one may have been dropped and forgotten. */
  #forgottenUpTo = 0;
  #issued = 0;
  #failure: GovernanceError | null = null;

  /** @param file names the log in errors. */
  constructor(file: string) {
    this.#file = file;
  }

  /** The newest ticket; 0 before the first. */
  get issued(): number {
    return this.#issued;
  }

  issue(): number {
    this.#issued += 1;
    return this.#issued;
  }

  reached(level: ReachedLevel): number {
    return this.#reached[level];
  }

  /** Resolves when the ticket is at the level; rejects with EVIDENCE_WRITE_FAILED when it never will be. */
  wait(ticket: number, level: Durability): Promise<void> {
    const problem = this.#problemOf(ticket, level);
    if (problem !== null) return Promise.reject(this.#error(problem));
    if (level === 'accepted' || ticket <= this.#reached[level]) return Promise.resolve();
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiters[level].push({ ticket, resolve, reject });
    });
  }

  /** Whether somebody waits for a level. */
  isAwaited(level: ReachedLevel): boolean {
    return this.#waiters[level].length > 0;
  }

  /** Every ticket up to this one that was not dropped is at the level. */
  advance(level: ReachedLevel, ticket: number): void {
    this.#reached[level] = Math.max(this.#reached[level], ticket);
    const waiting = this.#waiters[level];
    if (waiting.length === 0) return;
    this.#waiters[level] = waiting.filter((waiter) => waiter.ticket > ticket);
    for (const waiter of waiting) if (waiter.ticket <= ticket) waiter.resolve();
  }

  /** The ticket's record will never be in the log. */
  drop(ticket: number, problem: string): void {
    this.#dropped.add(ticket);
    if (this.#dropped.size > MAX_REMEMBERED_DROPS) this.#forgetOldest();
    const error = this.#error(problem);
    for (const level of LEVELS) {
      const waiting = this.#waiters[level];
      this.#waiters[level] = waiting.filter((waiter) => waiter.ticket !== ticket);
      for (const waiter of waiting) if (waiter.ticket === ticket) waiter.reject(error);
    }
  }

  /** Nothing advances any more. */
  fail(error: GovernanceError): void {
    this.#failure = error;
    for (const level of LEVELS) {
      for (const waiter of this.#waiters[level].splice(0)) waiter.reject(error);
    }
  }

  #forgetOldest(): void {
    for (const oldest of this.#dropped) {
      this.#dropped.delete(oldest);
      this.#forgottenUpTo = oldest;
      return;
    }
  }

  #problemOf(ticket: number, level: Durability): string | null {
    if (!DURABILITIES.includes(level)) return `unknown durability ${String(level)}`;
    if (!Number.isSafeInteger(ticket) || ticket < 1 || ticket > this.#issued) {
      return 'no record was accepted under this ticket';
    }
    if (this.#dropped.has(ticket)) return 'the record was dropped';
    return ticket <= this.#forgottenUpTo ? 'the ticket is too old to be known' : null;
  }

  #error(problem: string): GovernanceError {
    return new GovernanceError('EVIDENCE_WRITE_FAILED', { file: this.#file, problem });
  }
}
