/** Slots of a page, a power of two: a large table grows by 8 KB at a time, and nothing is copied. */
const PAGE_BITS = 10;

/** Slots that the first page begins with: most tables count few callers. */
const FIRST_SLOTS = 8;
const PAGE_SLOTS = 1 << PAGE_BITS;

/** The place of a slot in its page: its lower bits. */
export const PAGE_MASK = PAGE_SLOTS - 1;

/** One number for each slot, 0 at first. */
export class SlotPages {
  readonly #pages: Float64Array[] = [];

  get(slot: number): number {
    return this.#pages[slot >>> PAGE_BITS]?.[slot & PAGE_MASK] ?? 0;
  }

  set(slot: number, value: number): void {
    this.pageOf(slot)[slot & PAGE_MASK] = value;
  }

  /** The page of a slot, where it is at `slot & PAGE_MASK`: one look for a number read and written. */
  pageOf(slot: number): Float64Array {
    const page = this.#pages[slot >>> PAGE_BITS];
    const has = page !== undefined && (slot & PAGE_MASK) < page.length;
    return has ? page : this.#pageFor(slot, page);
  }

  /** Slots that have room: those above are 0. */
  get capacity(): number {
    return this.#pages.length === 1
      ? (this.#pages[0]?.length ?? 0)
      : this.#pages.length * PAGE_SLOTS;
  }

  drop(): void {
    this.#pages.length = 0;
  }

  #pageFor(slot: number, known: Float64Array | undefined): Float64Array {
    // Only the first page can be short; every other one, and every one beside others, is whole.
    if (known !== undefined && known.length === PAGE_SLOTS) return known;
    const last = slot >>> PAGE_BITS;
    if (last === 0) return this.#replaceFirst(slot + 1);
    this.#replaceFirst(PAGE_SLOTS);
    while (this.#pages.length <= last) this.#pages.push(new Float64Array(PAGE_SLOTS));
    return this.#pages[last] as Float64Array;
  }

  /** Makes the first page one of at least so many slots. */
  #replaceFirst(slots: number): Float64Array {
    const first = this.#pages[0];
    if (first !== undefined && first.length >= slots) return first;
    let length = first?.length ?? FIRST_SLOTS;
    while (length < slots) length *= 2;
    const page = new Float64Array(length);
    if (first !== undefined) page.set(first);
    this.#pages[0] = page;
    return page;
  }
}
