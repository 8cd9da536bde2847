/**
 * The bits of the switch in one word of shared memory: whoever holds the buffer, a worker thread too,
 * reads them with one load.
 */
export class StateWord {
  readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #word = new Int32Array(this.buffer);

  load(): number {
    // An atomic load is one plain move on x64, and cannot be hoisted out of a worker's loop.
    return Atomics.load(this.#word, 0);
  }

  store(bits: number): void {
    Atomics.store(this.#word, 0, bits);
  }
}
