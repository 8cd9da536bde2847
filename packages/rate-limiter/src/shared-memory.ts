import { randomBytes } from 'node:crypto';
import { GovernanceError, parseOptions } from '@cortex-governance/core';
import { type SharedMemoryOptions, sharedMemoryOptionsSchema } from './shared-memory-options.ts';
import { loadNumber, toWord } from './shared-words.ts';

/** Counters that the threads of one process share. Pass it to a worker as it is, in `workerData` or a message. */
export interface SharedLimiterMemory {
  readonly buffer: SharedArrayBuffer;
}

/*
 * Header, in words of eight bytes; then the directory, two words for each place; then the heap of counters.
 * Whoever can write to the buffer can forge every counter: it belongs to threads that are trusted alike.
 */
/** Tells this layout from others. */
const MAGIC_WORD = 0;
/** `process.hrtime.bigint()` at creation, in nanoseconds: the zero of shared time. */
const EPOCH_WORD = 1;
/** 128 random bits: the key of the fingerprints. */
const SEED_WORD = 2;
const PLACES_WORD = 4;
/** Index of the first word of the heap that no counter has. */
export const HEAP_NEXT_WORD = 5;
/** Latest time at which a place was taken from an idle key; see {@link SharedDirectory}. */
export const FLOOR_WORD = 6;
/** Places with a live key. */
export const KEYS_WORD = 7;
const HEADER_WORDS = 16;

const MAGIC = 0x43474c3031n;
const WORD_BYTES = 8;

/** Places of a directory that one fingerprint may be in. */
export const PLACES_PER_KEY = 64;

/** What the threads of a memory agree on. */
export interface SharedLayout {
  readonly words: BigInt64Array;
  readonly epochNs: bigint;
  readonly seed: Int32Array;
  /** Places of the directory: a power of two. */
  readonly places: number;
  readonly directory: number;
  /** Index after the last word. */
  readonly end: number;
}

function directoryPlaces(maxKeys: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2 * PLACES_PER_KEY, 2 * maxKeys)));
}

/**
 * Memory for a limiter that the worker threads of this process share; each thread calls {@link openSharedLimiter}.
 * @throws {GovernanceError} OPTIONS_INVALID, also when the system has not that much memory.
 */
export function createSharedLimiterMemory(options: SharedMemoryOptions = {}): SharedLimiterMemory {
  const where = 'createSharedLimiterMemory(options)';
  const { maxKeys, maxBytes } = parseOptions(sharedMemoryOptionsSchema, options, where);
  const places = directoryPlaces(maxKeys);
  const heap = HEADER_WORDS + 2 * places;
  const bytes = heap * WORD_BYTES + Math.ceil(maxBytes / WORD_BYTES) * WORD_BYTES;
  let buffer: SharedArrayBuffer;
  try {
    buffer = new SharedArrayBuffer(bytes);
  } catch {
    const problem = `no ${bytes} bytes of shared memory to be had`;
    throw new GovernanceError('OPTIONS_INVALID', { where, problem });
  }
  const words = new BigInt64Array(buffer);
  const seed = randomBytes(16);
  Atomics.store(words, EPOCH_WORD, process.hrtime.bigint());
  Atomics.store(words, SEED_WORD, seed.readBigInt64LE(0));
  Atomics.store(words, SEED_WORD + 1, seed.readBigInt64LE(8));
  Atomics.store(words, PLACES_WORD, toWord(places));
  Atomics.store(words, HEAP_NEXT_WORD, toWord(heap));
  Atomics.store(words, MAGIC_WORD, MAGIC);
  return { buffer };
}

/**
 * @throws {GovernanceError} OPTIONS_INVALID when it was not made by {@link createSharedLimiterMemory}, or is
 * a part of one: counters beyond its end would fail calls.
 */
export function readLayout(memory: SharedLimiterMemory, where: string): SharedLayout {
  const buffer: unknown = memory?.buffer;
  const words = buffer instanceof SharedArrayBuffer ? wordsOf(buffer) : null;
  if (words === null || !(buffer instanceof SharedArrayBuffer) || !isWhole(words)) {
    const problem = 'not a memory made by createSharedLimiterMemory';
    throw new GovernanceError('OPTIONS_INVALID', { where, problem });
  }
  return {
    words,
    epochNs: Atomics.load(words, EPOCH_WORD),
    seed: new Int32Array(buffer, SEED_WORD * WORD_BYTES, 4),
    places: loadNumber(words, PLACES_WORD),
    directory: HEADER_WORDS,
    end: words.length,
  };
}

function wordsOf(buffer: SharedArrayBuffer): BigInt64Array | null {
  const { byteLength } = buffer;
  const usable = byteLength % WORD_BYTES === 0 && byteLength > HEADER_WORDS * WORD_BYTES;
  return usable ? new BigInt64Array(buffer) : null;
}

function isWhole(words: BigInt64Array): boolean {
  if (Atomics.load(words, MAGIC_WORD) !== MAGIC) return false;
  const places = loadNumber(words, PLACES_WORD);
  const heap = HEADER_WORDS + 2 * places;
  const next = loadNumber(words, HEAP_NEXT_WORD);
  const isPower = places >= 2 * PLACES_PER_KEY && Number.isInteger(Math.log2(places));
  return isPower && heap < words.length && next >= heap && next <= words.length;
}
