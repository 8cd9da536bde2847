import type { LimitCounter } from './limit-counter.ts';

/** Counters of one window length, the one with the oldest last admission first. */
interface Line {
  oldest: LimitCounter | null;
  youngest: LimitCounter | null;
}

/**
 * Finds an idle counter without a search.
 *
 * Counters whose longest window has the same length become idle in the order in which they were
 * admitted. So there is one linked list per length, and only the heads need a look. A counter that a
 * new rule gives a longer window joins the end of its new line; there it may be idle a little before
 * those ahead of it, and is then found after them.
 */
export class IdleQueue {
  readonly #lines = new Map<number, Line>();

  /** Adds a counter at the end of its line. */
  add(counter: LimitCounter): void {
    let line = this.#lines.get(counter.retainMs);
    if (line === undefined) {
      line = { oldest: null, youngest: null };
      this.#lines.set(counter.retainMs, line);
    }
    this.#append(line, counter);
  }

  remove(counter: LimitCounter): void {
    const line = this.#lines.get(counter.retainMs);
    if (line === undefined) return;
    this.#unlink(line, counter);
    if (line.oldest === null) this.#lines.delete(counter.retainMs);
  }

  /** Moves a counter that admitted just now to the end of its line. */
  renew(counter: LimitCounter): void {
    if (counter.younger === null) return;
    const line = this.#lines.get(counter.retainMs);
    if (line === undefined) return;
    this.#unlink(line, counter);
    this.#append(line, counter);
  }

  /** A counter that is idle, or null when none is. Looks at one counter per window length. */
  findIdle(nowMs: number): LimitCounter | null {
    for (const { oldest } of this.#lines.values()) {
      if (oldest?.isIdle(nowMs)) return oldest;
    }
    return null;
  }

  #append(line: Line, counter: LimitCounter): void {
    counter.older = line.youngest;
    counter.younger = null;
    if (line.youngest === null) line.oldest = counter;
    else line.youngest.younger = counter;
    line.youngest = counter;
  }

  #unlink(line: Line, counter: LimitCounter): void {
    if (counter.older === null) line.oldest = counter.younger;
    else counter.older.younger = counter.younger;
    if (counter.younger === null) line.youngest = counter.older;
    else counter.younger.older = counter.older;
    counter.older = null;
    counter.younger = null;
  }
}
