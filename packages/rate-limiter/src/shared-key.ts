import type { FingerprintHash } from './shared-fingerprint.ts';

/** Bits of a place's word that are the generation and the state; the tag is above. */
export const TAG_SHIFT = 20n;

/** What a block of the heap is for. Blocks keep their shape for ever: one is only re-used for another key of its own. */
export interface BlockShape {
  readonly words: number;
  /** Tells shapes apart, with {@link param}. */
  readonly kind: number;
  /** First word of a block of a budget: the length of its window, which must be the same for two keys; else 0. */
  readonly param: number;
  /** Whether the block has no effect any more at that time: it equals a new one. */
  isIdle(words: BigInt64Array, base: number, now: number): boolean;
  /**
   * Makes what a slow thread read of an idle block useless to it; false when the block changed meanwhile.
   * Called while the place is closing.
   */
  retire(words: BigInt64Array, base: number, now: number): boolean;
}

/**
 * What one thread knows of one key: its fingerprint, and where its block was found. {@link word} is what the place
 * held then: as long as it still does, the block belongs to the key.
 */
export class SharedKey {
  readonly shape: BlockShape;
  /** 44 bits of the fingerprint, in the position that they have in a place's word. */
  readonly tag: bigint;
  /** First of the places that the key may be in. */
  readonly home: number;
  /** Index of the place's word; -1 when it is not known. */
  place = -1;
  word = 0n;
  /** Index of the first word of the block. */
  base = 0;
  /** A word of the block that this thread has checked, so that it need only compare. */
  checked = -1n;

  constructor(hash: FingerprintHash, text: string, shape: BlockShape, places: number) {
    hash.read(text);
    this.shape = shape;
    const tag = (BigInt(hash.high) << 12n) | BigInt(hash.low & 0xfff);
    this.tag = BigInt.asIntN(64, tag << TAG_SHIFT);
    // The other 20 bits choose the home; a directory of more places than that starts keys at every nth.
    const bits = hash.low >>> 12;
    this.home = places <= 2 ** 20 ? bits & (places - 1) : bits * (places / 2 ** 20);
  }
}
