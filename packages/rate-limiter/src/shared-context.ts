import { LIMITER_FULL } from '@cortex-governance/core';
import { SharedDirectory } from './shared-directory.ts';
import { FingerprintHash } from './shared-fingerprint.ts';
import { type BlockShape, SharedKey } from './shared-key.ts';
import type { SharedLayout } from './shared-memory.ts';
import type { SharedTime } from './shared-time.ts';

/** What the counters of one thread have in common. */
export class SharedContext {
  readonly words: BigInt64Array;
  readonly time: SharedTime;
  readonly directory: SharedDirectory;
  /** Compare-and-swaps of counters that another thread was ahead of. */
  retries = 0;
  refusedFull = 0;
  readonly #hash: FingerprintHash;
  readonly #places: number;

  constructor(layout: SharedLayout, time: SharedTime) {
    this.words = layout.words;
    this.time = time;
    this.directory = new SharedDirectory(layout, time);
    this.#hash = new FingerprintHash(layout.seed);
    this.#places = layout.places;
  }

  key(text: string, shape: BlockShape): SharedKey {
    return new SharedKey(this.#hash, text, shape, this.#places);
  }

  refuseFull(): number {
    this.refusedFull += 1;
    return LIMITER_FULL;
  }
}
