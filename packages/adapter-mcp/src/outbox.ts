import { errorMessage } from '@cortex-governance/core';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server';

/**
 * Most messages that wait for a slow reader. A block of the read buffer (64 KiB) can hold about 2,000 of the
 * smallest requests, and each is answered; reading is paused beyond that where the streams are ours.
 */
const MAX_QUEUED_MESSAGES = 8192;

/** Sends messages to one side in their order, one at a time, and holds a bounded number of them. */
export class Outbox {
  readonly #transport: Transport;
  readonly #onFailure: (problem: string) => void;
  #queue: JSONRPCMessage[] = [];
  #sending = false;
  #draining: Promise<void> = Promise.resolve();
  #closed = false;

  /** @param onFailure told once, when the side does not read or its transport fails. */
  constructor(transport: Transport, onFailure: (problem: string) => void) {
    this.#transport = transport;
    this.#onFailure = onFailure;
  }

  /** Queues a message; after {@link close} it is discarded. */
  push(message: JSONRPCMessage): void {
    if (this.#closed) return;
    if (this.#queue.length >= MAX_QUEUED_MESSAGES) {
      this.#fail(`it does not read: ${MAX_QUEUED_MESSAGES} messages wait`);
      return;
    }
    this.#queue.push(message);
    if (!this.#sending) this.#draining = this.#drain();
  }

  /** Resolves when nothing waits any more; never rejects. */
  async flush(): Promise<void> {
    await this.#draining;
  }

  /** Discards what waits, and everything from now on. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
  }

  async #drain(): Promise<void> {
    this.#sending = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      try {
        await this.#transport.send(next);
      } catch (error) {
        this.#fail(errorMessage(error));
      }
    }
    this.#sending = false;
  }

  #fail(problem: string): void {
    if (this.#closed) return;
    this.close();
    this.#onFailure(problem);
  }
}
