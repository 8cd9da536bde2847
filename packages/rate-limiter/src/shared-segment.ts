import type { SharedContext } from './shared-context.ts';
import type { SharedKey } from './shared-key.ts';
import {
  CURSOR,
  FULL_NOTE,
  FULL_UNTIL,
  noteFreed,
  noteFull,
  noteMs,
  SLOTS_AT,
} from './shared-slots.ts';
import { UNITS_PER_MS } from './shared-time.ts';
import { casNumber, loadNumber, toWord } from './shared-words.ts';

/** Looks that a thread takes again because slots were given back meanwhile. */
const MAX_LOOKS = 8;

/**
 * Takes slots of one segment. A slot is taken by one compare-and-swap from an end that has come to a new end, so it
 * admits at most once in each window, whatever happens in between; and a dead thread leaves a slot that ends by itself.
 */
export class SharedSegment {
  /** Of the latest claim: the slot's index within the segment, and the end that was written. */
  slot = 0;
  end = 0;
  /** When the first slot ends, after a claim that found none. */
  earliest = 0;
  readonly #context: SharedContext;

  constructor(context: SharedContext) {
    this.#context = context;
  }

  /** Whether a note says that all slots are taken; sets {@link earliest}. */
  isNotedFull(key: SharedKey): boolean {
    const { time, words } = this.#context;
    const until = noteMs(Atomics.load(words, key.base + FULL_NOTE)) * UNITS_PER_MS;
    if (until <= time.now) return false;
    const exact = loadNumber(words, key.base + FULL_UNTIL);
    this.earliest = exact >= until && exact < until + UNITS_PER_MS ? exact : until;
    return true;
  }

  /**
   * Takes one of the first `count` slots until `end`; false when all are taken.
   *
   * It has looked at all of them: a slot that was taken when it looked is free by now only if it was given back, and
   * then the version of the note has changed, and it looks again.
   */
  claim(key: SharedKey, count: number, end: number): boolean {
    const { words } = this.#context;
    for (let look = 1; ; look++) {
      const note = Atomics.load(words, key.base + FULL_NOTE);
      if (this.#claimOne(key.base, count, end)) return true;
      const full = noteFull(note, Math.floor(this.earliest / UNITS_PER_MS));
      if (Atomics.load(words, key.base + FULL_NOTE) === note) {
        Atomics.store(words, key.base + FULL_UNTIL, toWord(this.earliest));
        if (Atomics.compareExchange(words, key.base + FULL_NOTE, note, full) === note) return false;
      }
      if (look === MAX_LOOKS) return false;
    }
  }

  #claimOne(base: number, count: number, end: number): boolean {
    const { time, words } = this.#context;
    const cursor = loadNumber(words, base + CURSOR);
    this.earliest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const slot = (cursor + i) % count;
      const index = base + SLOTS_AT + slot;
      let held = loadNumber(words, index);
      while (held <= time.now) {
        if (casNumber(words, index, held, end)) {
          Atomics.store(words, base + CURSOR, toWord(slot + 1));
          this.slot = slot;
          this.end = end;
          return true;
        }
        this.#context.retries += 1;
        held = loadNumber(words, index);
      }
      if (held < this.earliest) this.earliest = held;
    }
    return false;
  }

  /** Frees a slot if it still has the end that was written when it was taken. */
  release(key: SharedKey, slot: number, end: number): boolean {
    const { words } = this.#context;
    if (!casNumber(words, key.base + SLOTS_AT + slot, end, 0)) return false;
    // Who dies here leaves a note that may say "full" until the first of the other slots ends.
    noteFreed(words, key.base);
    return true;
  }
}
