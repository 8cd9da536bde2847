/** Slots of a page, a power of two: a table grows by 8 KB at a time, and nothing is copied. */
const PAGE_BITS = 10;
const PAGE_SLOTS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_SLOTS - 1;

/** One number for each slot, 0 at first. */
export class SlotPages {
  readonly #pages: Float64Array[] = [];

  get(slot: number): number {
    return this.#pages[slot >>> PAGE_BITS]?.[slot & PAGE_MASK] ?? 0;
  }

  set(slot: number, value: number): void {
    const page = this.#pages[slot >>> PAGE_BITS] ?? this.#addPages(slot >>> PAGE_BITS);
    page[slot & PAGE_MASK] = value;
  }

  /** Slots that have room: those above are 0. */
  get capacity(): number {
    return this.#pages.length * PAGE_SLOTS;
  }

  drop(): void {
    this.#pages.length = 0;
  }

  #addPages(last: number): Float64Array {
    while (this.#pages.length < last) this.#pages.push(new Float64Array(PAGE_SLOTS));
    const page = new Float64Array(PAGE_SLOTS);
    this.#pages.push(page);
    return page;
  }
}
