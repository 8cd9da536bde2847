/*
 * Numbers in 64-bit words that threads share. A number is kept as the bits of a double: it is exact up to 2^53, zeroed
 * memory is 0, and the conversion through these two views costs no allocation, unlike BigInt(number).
 */
const NUMBER = new Float64Array(1);
const BITS = new BigInt64Array(NUMBER.buffer);
const HALVES = new Int32Array(NUMBER.buffer);
/** Index of the low half: 0 where the least byte comes first. */
const LOW = new Uint8Array(Int32Array.of(1).buffer)[0] === 1 ? 0 : 1;

/** The word that holds a number. */
export function toWord(value: number): bigint {
  NUMBER[0] = value;
  return BITS[0] ?? 0n;
}

/** The number that a word holds. */
export function fromWord(word: bigint): number {
  BITS[0] = word;
  return NUMBER[0] ?? 0;
}

export function loadNumber(words: BigInt64Array, index: number): number {
  BITS[0] = Atomics.load(words, index);
  return NUMBER[0] ?? 0;
}

/** Whether the word held `expected` and now holds `value`. */
export function casNumber(
  words: BigInt64Array,
  index: number,
  expected: number,
  value: number,
): boolean {
  const before = toWord(expected);
  return Atomics.compareExchange(words, index, before, toWord(value)) === before;
}

/** Raises a number that only ever grows; the value it has afterwards. */
export function raiseNumber(words: BigInt64Array, index: number, value: number): number {
  for (;;) {
    const held = loadNumber(words, index);
    if (held >= value) return held;
    if (casNumber(words, index, held, value)) return value;
  }
}

/** The lower 32 bits of a word, unsigned. */
export function lowHalf(word: bigint): number {
  BITS[0] = word;
  return (HALVES[LOW] ?? 0) >>> 0;
}

/** The upper 32 bits of a word, unsigned. */
export function highHalf(word: bigint): number {
  BITS[0] = word;
  return (HALVES[1 - LOW] ?? 0) >>> 0;
}

/** The word of two halves. */
export function joinHalves(high: number, low: number): bigint {
  HALVES[LOW] = low;
  HALVES[1 - LOW] = high;
  return BITS[0] ?? 0n;
}
