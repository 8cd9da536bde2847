import {
  type DecisionRequest,
  type EvidenceEvent,
  type Verdict,
  verdictTime,
} from '@cortex-governance/core';
import { QueuedItem } from './queued-item.ts';

/** Places of a new queue; a power of two, as every number of places. */
const FIRST_PLACES = 256;

/**
 * Items that wait to become records, first in first out: a ring whose places are used again. It is full
 * at its bound of records or of estimated bytes; an item that is let in while there is room may go over
 * the bytes, once.
 */
export class EvidenceQueue {
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  #places: QueuedItem[] = [];
  #head = 0;
  #count = 0;
  #bytes = 0;
  #pushing = false;

  constructor(maxRecords: number, maxBytes: number) {
    this.#maxRecords = maxRecords;
    this.#maxBytes = maxBytes;
  }

  get records(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * When the oldest item was decided, in milliseconds since the Unix epoch, by the time in its id; null when
   * nothing waits or the id holds no time.
   */
  get oldestMs(): number | null {
    if (this.#count === 0) return null;
    const { id } = this.#places[this.#head] as QueuedItem;
    const ms = typeof id === 'string' ? verdictTime(id) : Number.NaN;
    return Number.isFinite(ms) ? ms : null;
  }

  get full(): boolean {
    return this.#count >= this.#maxRecords || this.#bytes >= this.#maxBytes;
  }

  /** Throws, and queues nothing, when the request or the verdict does. */
  pushDecision(request: DecisionRequest, verdict: Verdict): void {
    const item = this.#beginPush();
    try {
      item.setDecision(request, verdict);
      this.#commit(item);
    } finally {
      this.#pushing = false;
    }
  }

  /** Throws, and queues nothing, when the event does. */
  pushEvent(event: EvidenceEvent, id: string): void {
    const item = this.#beginPush();
    try {
      item.setEvent(event, id);
      this.#commit(item);
    } finally {
      this.#pushing = false;
    }
  }

  /** Shows the oldest item to the function and takes it out of the queue. Undefined when there is none. */
  take<T>(use: (item: QueuedItem) => T): T | undefined {
    if (this.#count === 0) return undefined;
    const item = this.#places[this.#head] as QueuedItem;
    this.#head = (this.#head + 1) & (this.#places.length - 1);
    this.#count -= 1;
    this.#bytes -= item.bytes;
    try {
      return use(item);
    } finally {
      item.clear();
    }
  }

  /** Drops everything, and the memory of it. */
  clear(): void {
    this.#places = [];
    this.#head = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #commit(item: QueuedItem): void {
    this.#count += 1;
    this.#bytes += item.bytes;
  }

  #beginPush(): QueuedItem {
    // A getter in what is being copied may append something itself: it would get the same place.
    if (this.#pushing) throw new Error('appended while another item is being read');
    this.#pushing = true;
    if (this.#count === this.#places.length) this.#grow();
    return this.#places[(this.#head + this.#count) & (this.#places.length - 1)] as QueuedItem;
  }

  #grow(): void {
    const places = Math.max(FIRST_PLACES, this.#places.length * 2);
    // The oldest item comes first in the wider ring.
    const wider = [...this.#places.slice(this.#head), ...this.#places.slice(0, this.#head)];
    while (wider.length < places) wider.push(new QueuedItem());
    this.#places = wider;
    this.#head = 0;
  }
}
