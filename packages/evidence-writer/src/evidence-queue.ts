import type { QueuedItem } from './queued-item.ts';

/** Taken items that are kept in the array before it is compacted. */
const COMPACT_AT = 4096;

/**
 * Items that wait to become records, first in first out. It is full at its bound of records or of
 * estimated bytes; an item that is let in while there is room may go over the bytes, once.
 */
export class EvidenceQueue {
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  #items: QueuedItem[] = [];
  #head = 0;
  #bytes = 0;

  constructor(maxRecords: number, maxBytes: number) {
    this.#maxRecords = maxRecords;
    this.#maxBytes = maxBytes;
  }

  get records(): number {
    return this.#items.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.records >= this.#maxRecords || this.#bytes >= this.#maxBytes;
  }

  push(item: QueuedItem): void {
    this.#items.push(item);
    this.#bytes += item.bytes;
  }

  shift(): QueuedItem | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head += 1;
    this.#bytes -= item.bytes;
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
