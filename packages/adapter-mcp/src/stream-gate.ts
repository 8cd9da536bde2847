import type { Readable, Writable } from 'node:stream';
import type { Transport } from '@modelcontextprotocol/server';

/** Pauses reading while something that was read cannot be passed on. Holds nest. */
export class StreamGate {
  readonly #source: Readable;
  #holds = 0;

  constructor(source: Readable) {
    this.#source = source;
  }

  hold(): void {
    this.#holds += 1;
    this.#source.pause();
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds === 0 && this.#source.listenerCount('data') > 0) this.#source.resume();
  }
}

/**
 * Makes a transport that writes to `sink` hold these gates while the sink is full, so that what waits in
 * memory stays within one block of each source.
 */
export function holdWhileFull(
  transport: Transport,
  sink: Writable,
  gates: readonly StreamGate[],
): Transport {
  const send = transport.send.bind(transport);
  transport.send = async (message, options) => {
    const sent = send(message, options);
    if (!sink.writableNeedDrain) return sent;
    for (const gate of gates) gate.hold();
    try {
      await sent;
    } finally {
      for (const gate of gates) gate.release();
    }
  };
  return transport;
}
