import { createRequire } from 'node:module';
import type { CircularBuffer } from 'mnemonist';

type RingBufferClass = new <T>(
  ArrayClass: Float64ArrayConstructor | ArrayConstructor,
  capacity: number,
) => CircularBuffer<T>;

/** A ring of fixed capacity that overwrites its oldest item: mnemonist's CircularBuffer. */
export type RingBuffer<T> = CircularBuffer<T>;

/*
 * Loaded by its path, which mnemonist exports to `require` alone: importing the package by its name loads
 * all of its structures, and takes ten times as long at every start.
 */
export const RingBuffer: RingBufferClass = createRequire(import.meta.url)(
  'mnemonist/circular-buffer.js',
) as RingBufferClass;
