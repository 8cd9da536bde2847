import type { BlockShape } from './shared-key.ts';
import { highHalf, loadNumber, lowHalf } from './shared-words.ts';

/**
 * Slots of a key come in segments: 16, 16, 32, 64, … so that the slots of segment s begin at 2^(s+3) from the second
 * on. A key has as many segments as it needed so far; each is a block of the directory by itself.
 */
export const FIRST_SLOTS = 16;

/** Segments of the largest limit, a million: 2^20 slots. */
export const MAX_SEGMENTS = 17;

/**
 * Words of a segment before its slots: the note "full until" (whole milliseconds, and a version that grows with every
 * slot that is given back), the same time exactly but not safe from races, and where to look first. Of the first
 * segment alone: the largest limit that slots were taken under, and a time up to which some slot of the other segments
 * may be taken.
 */
export const FULL_NOTE = 0;
export const FULL_UNTIL = 1;
export const CURSOR = 2;
export const LARGEST = 3;
export const BUSY_UNTIL = 4;
export const SLOTS_AT = 5;

const NOTE_BITS = 27n;
const NOTE_MASK = (1n << NOTE_BITS) - 1n;

/** The milliseconds of a note. */
export function noteMs(note: bigint): number {
  // 27 bits of version, then 36 of milliseconds: by halves, because a shift of a bigint allocates.
  return highHalf(note) * 32 + (lowHalf(note) >>> 27);
}

/** The note with other milliseconds. */
export function noteFull(note: bigint, untilMs: number): bigint {
  return (BigInt(untilMs) << NOTE_BITS) | (note & NOTE_MASK);
}

/** Lets every look at the slots that began before this one note nothing. */
export function noteFreed(words: BigInt64Array, base: number): void {
  for (;;) {
    const note = Atomics.load(words, base + FULL_NOTE);
    const next = (note + 1n) & NOTE_MASK;
    if (Atomics.compareExchange(words, base + FULL_NOTE, note, next) === note) return;
  }
}

export function segmentSlots(segment: number): number {
  return segment === 0 ? FIRST_SLOTS : 1 << (segment + 3);
}

/** Slots of the segments before this one. */
export function segmentStart(segment: number): number {
  return segment === 0 ? 0 : 1 << (segment + 3);
}

const FIRST_KIND = 3;

/** A segment. A slot holds the time at which its admission ends: it is free from then on, and 0 is free. */
class SegmentShape implements BlockShape {
  readonly words: number;
  readonly kind: number;
  readonly param: number = 0;

  constructor(segment: number) {
    this.words = SLOTS_AT + segmentSlots(segment);
    this.kind = FIRST_KIND + segment;
  }

  isIdle(words: BigInt64Array, base: number, now: number): boolean {
    if (this.kind === FIRST_KIND && loadNumber(words, base + BUSY_UNTIL) > now) return false;
    for (let i = base + SLOTS_AT; i < base + this.words; i++) {
      if (loadNumber(words, i) > now) return false;
    }
    return true;
  }

  /** Free slots are free for any key: a claim that comes now is taken back by the one who made it. */
  retire(): boolean {
    return true;
  }
}

export const SEGMENT_SHAPES: readonly BlockShape[] = Array.from(
  { length: MAX_SEGMENTS },
  (_, segment) => new SegmentShape(segment),
);
