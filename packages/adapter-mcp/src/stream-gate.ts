import type { Readable } from 'node:stream';

/** Pauses reading a stream while what was read cannot be passed on. Holds nest. */
export class StreamGate {
  readonly #source: Readable;
  #holds = 0;

  constructor(source: Readable) {
    this.#source = source;
  }

  /** Adds a hold, or takes one back. */
  hold(on: boolean): void {
    this.#holds += on ? 1 : -1;
    if (this.#holds > 0) this.#source.pause();
    // Without its listener the transport has closed, and what is read would be lost.
    else if (this.#source.listenerCount('data') > 0) this.#source.resume();
  }
}
