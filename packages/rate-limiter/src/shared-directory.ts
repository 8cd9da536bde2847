import { type SharedKey, TAG_SHIFT } from './shared-key.ts';
import {
  FLOOR_WORD,
  HEAP_NEXT_WORD,
  KEYS_WORD,
  PLACES_PER_KEY,
  type SharedLayout,
} from './shared-memory.ts';
import type { SharedTime } from './shared-time.ts';
import { casNumber, loadNumber, raiseNumber, toWord } from './shared-words.ts';

/*
 * A place's word: 44 bits tag, 18 bits generation, 2 bits state. A place is found by its tag within the 64 places
 * from the key's home on, and changes by compare-and-swap of the whole word only. The generation grows with every
 * new tenant of the place and every re-opening, so that a word that was read long ago does not come back.
 *
 * FREE -> INSERTING(key) -> LIVE(key) -> CLOSING(key) -> INSERTING(other key)
 * INSERTING -> FREE (lost to the same key at another place), CLOSING -> LIVE (still in use)
 *
 * One key, one place. Whoever finds a key INSERTING looks at all of its places once more, and makes it LIVE only if
 * the key is nowhere else; another INSERTING is set FREE first, and where that fails, or the key is LIVE, it begins
 * again. Of two threads that insert one key at two places, each writes its place before it looks at the other: at
 * least one sees the other, and both cannot become LIVE.
 *
 * A thread may die between any two steps. INSERTING: the next one who wants the key finishes it, or the next one who
 * finds no other place frees it. CLOSING: either of them opens it again.
 */
const FREE = 0n;
const INSERTING = 1n;
const LIVE = 2n;
const CLOSING = 3n;
const STATE_MASK = 3n;
const GENERATION_STEP = 4n;
const GENERATION_MASK = (1n << TAG_SHIFT) - 4n;

/** Bits of a block word that hold the kind; the index of the block is above. */
const KIND_SIZE = 64;

/** Rounds after which a thread stops to compete for places: it is answered LIMITER_FULL. */
const MAX_ROUNDS = 1000;

/** Where the keys of a memory are: open addressing over the shared buffer, without locks. */
export class SharedDirectory {
  retries = 0;
  evictions = 0;
  readonly words: BigInt64Array;
  readonly #layout: SharedLayout;
  readonly #time: SharedTime;

  constructor(layout: SharedLayout, time: SharedTime) {
    this.#layout = layout;
    this.words = layout.words;
    this.#time = time;
  }

  get keys(): number {
    return loadNumber(this.words, KEYS_WORD);
  }

  /** Whether the key's block is still its own. One load: the whole cost of the directory on the hot path. */
  holds(key: SharedKey): boolean {
    return key.place !== -1 && Atomics.load(this.words, key.place) === key.word;
  }

  /** Finds the key's block; false when it has none. */
  find(key: SharedKey): boolean {
    return this.holds(key) || this.#settle(key, false);
  }

  /**
   * Finds the key's block or gives it one; false when there is no room.
   *
   * Whoever takes a place from an idle key first raises the floor of time to the time at which the key was idle.
   * A thread that comes late, with an older time at which the key still counted, would start it anew: it takes the
   * floor as its time, at which nothing counted any more.
   */
  obtain(key: SharedKey): boolean {
    if (this.holds(key)) return true;
    const found = this.#settle(key, true);
    this.#time.raise(loadNumber(this.words, FLOOR_WORD));
    return found;
  }

  #settle(key: SharedKey, insert: boolean): boolean {
    for (let i = 0; i < MAX_ROUNDS; i++) {
      const place = this.#search(key);
      if (place === -1) {
        if (!insert || !this.#insert(key)) return false;
        continue;
      }
      const word = Atomics.load(this.words, place);
      if (!sameTag(word, key.tag)) continue;
      const state = word & STATE_MASK;
      if (state === LIVE) return this.#bind(key, place, word);
      if (state === CLOSING) this.#swap(place, word, key.tag | nextGeneration(word) | LIVE);
      if (state === INSERTING) this.#promote(key, place, word);
    }
    return false;
  }

  /** Place of the key: one in use if there is one, else the first one where it is being inserted; -1 for none. */
  #search(key: SharedKey): number {
    let inserting = -1;
    for (let i = 0; i < PLACES_PER_KEY; i++) {
      const place = this.#placeAt(key, i);
      const word = Atomics.load(this.words, place);
      if (!sameTag(word, key.tag) || (word & STATE_MASK) === FREE) continue;
      if ((word & STATE_MASK) !== INSERTING) return place;
      if (inserting === -1) inserting = place;
    }
    return inserting;
  }

  #bind(key: SharedKey, place: number, word: bigint): boolean {
    key.base = Math.floor(loadNumber(this.words, place + 1) / KIND_SIZE);
    key.word = word;
    key.place = place;
    return true;
  }

  /** INSERTING to LIVE, if the key is nowhere else. */
  #promote(key: SharedKey, place: number, word: bigint): void {
    for (let i = 0; i < PLACES_PER_KEY; i++) {
      const other = this.#placeAt(key, i);
      if (other === place) continue;
      const seen = Atomics.load(this.words, other);
      if (!sameTag(seen, key.tag) || (seen & STATE_MASK) === FREE) continue;
      const loser = (seen & STATE_MASK) === INSERTING ? other : place;
      const lost = loser === other ? seen : word;
      const freed = this.#swap(loser, lost, nextGeneration(lost) | FREE);
      if (loser === place || !freed) return;
    }
    if (this.#swap(place, word, (word & ~STATE_MASK) | LIVE)) this.#countKeys(1);
  }

  /** Puts the key at some place as INSERTING; false when there is no room. True: look again. */
  #insert(key: SharedKey): boolean {
    for (let i = 0; i < PLACES_PER_KEY; i++) {
      const place = this.#placeAt(key, i);
      const word = Atomics.load(this.words, place);
      if ((word & STATE_MASK) !== FREE || !this.#hasBlock(key, place)) continue;
      this.#swap(place, word, key.tag | nextGeneration(word) | INSERTING);
      return true;
    }
    for (let i = 0; i < PLACES_PER_KEY; i++) {
      if (this.#replace(key, this.#placeAt(key, i))) return true;
    }
    for (let i = 0; i < PLACES_PER_KEY; i++) {
      if (this.#reclaim(this.#placeAt(key, i))) return true;
    }
    return false;
  }

  /**
   * Frees a place whose key was being inserted, and opens one that was being closed: a dead thread may have left it,
   * and a live one finds out by its next swap and begins again.
   */
  #reclaim(place: number): boolean {
    const word = Atomics.load(this.words, place);
    const state = word & STATE_MASK;
    if (state === INSERTING) return this.#swap(place, word, nextGeneration(word) | FREE);
    if (state !== CLOSING) return false;
    return this.#swap(place, word, tagOf(word) | nextGeneration(word) | LIVE);
  }

  /** Whether the place has a block that the key can use; a place without one is given one if the heap has room. */
  #hasBlock(key: SharedKey, place: number): boolean {
    const { shape } = key;
    const held = loadNumber(this.words, place + 1);
    if (held !== 0) {
      const base = Math.floor(held / KIND_SIZE);
      if (held % KIND_SIZE !== shape.kind) return false;
      return shape.param === 0 || loadNumber(this.words, base) === shape.param;
    }
    const base = this.#allocate(shape.words);
    if (base === -1) return false;
    if (shape.param !== 0) Atomics.store(this.words, base, toWord(shape.param));
    // Who dies here, or loses to another thread, has lost the block for good: the heap is that much smaller.
    return casNumber(this.words, place + 1, 0, base * KIND_SIZE + shape.kind);
  }

  #allocate(size: number): number {
    for (;;) {
      const next = loadNumber(this.words, HEAP_NEXT_WORD);
      if (next + size > this.#layout.end) return -1;
      if (casNumber(this.words, HEAP_NEXT_WORD, next, next + size)) return next;
      this.retries += 1;
    }
  }

  /**
   * Gives the place of an idle key to this one. Closing first, then a look: a thread that charges the idle key now
   * sees after its charge that the place has changed, takes the charge back and begins again; or it charged before
   * the look, which then finds the key in use. True: look again.
   */
  #replace(key: SharedKey, place: number): boolean {
    const { words } = this;
    const word = Atomics.load(words, place);
    if ((word & STATE_MASK) !== LIVE || !this.#hasBlock(key, place)) return false;
    const base = Math.floor(loadNumber(words, place + 1) / KIND_SIZE);
    const { now } = this.#time;
    if (!key.shape.isIdle(words, base, now)) return false;
    raiseNumber(words, FLOOR_WORD, now);
    const closing = (word & ~STATE_MASK) | CLOSING;
    if (!this.#swap(place, word, closing)) return true;
    if (key.shape.isIdle(words, base, now) && key.shape.retire(words, base, now)) {
      if (this.#swap(place, closing, key.tag | nextGeneration(closing) | INSERTING)) {
        this.evictions += 1;
        this.#countKeys(-1);
      }
      return true;
    }
    this.#swap(place, closing, tagOf(closing) | nextGeneration(closing) | LIVE);
    return true;
  }

  #placeAt(key: SharedKey, i: number): number {
    return this.#layout.directory + 2 * ((key.home + i) & (this.#layout.places - 1));
  }

  #swap(place: number, before: bigint, after: bigint): boolean {
    if (Atomics.compareExchange(this.words, place, before, after) === before) return true;
    this.retries += 1;
    return false;
  }

  /** A figure for metrics: a thread that dies just before this leaves it off by one. */
  #countKeys(change: number): void {
    for (;;) {
      const keys = loadNumber(this.words, KEYS_WORD);
      if (casNumber(this.words, KEYS_WORD, keys, Math.max(0, keys + change))) return;
    }
  }
}

function sameTag(word: bigint, tag: bigint): boolean {
  return word >> TAG_SHIFT === tag >> TAG_SHIFT;
}

function tagOf(word: bigint): bigint {
  return (word >> TAG_SHIFT) << TAG_SHIFT;
}

function nextGeneration(word: bigint): bigint {
  return (word + GENERATION_STEP) & GENERATION_MASK;
}
