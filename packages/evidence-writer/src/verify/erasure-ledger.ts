/** Announced ranges that are kept before they are sorted and merged for the first time. */
const MIN_COMPACTION = 4096;

/**
 * Which records are erased, and which were announced to be: an announcement usually stands behind what
 * it is about. Ranges are pairs of first index and index after the last. Memory grows with the number of
 * separate ranges, not with that of records.
 */
export class ErasureLedger {
  readonly #erased: number[] = [];
  #announced: number[] = [];
  #compactAt = MIN_COMPACTION;

  /** Adds erased ranges, in the order of the log. */
  addErased(ranges: readonly number[]): void {
    for (let i = 0; i + 1 < ranges.length; i += 2) {
      append(this.#erased, ranges[i] ?? 0, ranges[i + 1] ?? 0);
    }
  }

  /** Adds announced ranges, in any order. */
  addAnnounced(ranges: readonly number[]): void {
    for (const value of ranges) this.#announced.push(value);
    if (this.#announced.length < this.#compactAt) return;
    this.#announced = merged(this.#announced);
    this.#compactAt = Math.max(MIN_COMPACTION, 2 * this.#announced.length);
  }

  /** The lowest index of a record that is erased and was not announced, from `low` up to `high`. */
  firstUnannounced(low = 0, high = Infinity): number | null {
    const announced = merged(this.#announced);
    let at = 0;
    for (let i = 0; i < this.#erased.length; i += 2) {
      const to = Math.min(this.#erased[i + 1] ?? 0, high);
      let from = Math.max(this.#erased[i] ?? 0, low);
      if (from >= to) continue;
      while (at < announced.length && (announced[at + 1] ?? 0) <= from) at += 2;
      if ((announced[at] ?? Infinity) <= from) from = announced[at + 1] ?? 0;
      if (from < to) return from;
    }
    return null;
  }
}

/** Adds a range to others that start before it; joins it with the last when they touch. */
export function append(ranges: number[], from: number, to: number): void {
  const last = ranges.length - 1;
  const end = ranges[last];
  if (end !== undefined && from <= end) ranges[last] = Math.max(end, to);
  else ranges.push(from, to);
}

function merged(ranges: readonly number[]): number[] {
  const pairs: [number, number][] = [];
  for (let i = 0; i + 1 < ranges.length; i += 2) pairs.push([ranges[i] ?? 0, ranges[i + 1] ?? 0]);
  pairs.sort((a, b) => a[0] - b[0]);
  const result: number[] = [];
  for (const [from, to] of pairs) append(result, from, to);
  return result;
}
