import { errorMessage } from '@cortex-governance/core';
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server';

/** As many messages wait before the sources of messages are asked to pause. */
const PAUSE_AT_MESSAGES = 16;

/**
 * Most messages that wait for a side that does not read. One block of the read buffer (64 KiB) can hold about
 * 2,000 of the smallest requests, each of which is answered, so a source that pauses never gets here.
 */
const MAX_QUEUED_MESSAGES = 8192;

/** What an outbox reports. */
export interface OutboxListener {
  /** True when messages begin to pile up, false when none waits any more. */
  waiting(waits: boolean): void;
  /** The side does not read, or its transport fails; told once, and nothing is sent any more. */
  failed(problem: string): void;
}

/** Sends messages to one side in their order, one at a time, and holds a bounded number of them. */
export class Outbox {
  readonly #transport: Transport;
  readonly #listener: OutboxListener;
  #queue: JSONRPCMessage[] = [];
  #sending = false;
  #waits = false;
  #draining: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(transport: Transport, listener: OutboxListener) {
    this.#transport = transport;
    this.#listener = listener;
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
    if (this.#queue.length >= PAUSE_AT_MESSAGES) this.#report(true);
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
    this.#report(false);
  }

  #report(waits: boolean): void {
    if (this.#waits === waits || this.#closed) return;
    this.#waits = waits;
    this.#listener.waiting(waits);
  }

  #fail(problem: string): void {
    if (this.#closed) return;
    this.close();
    this.#listener.failed(problem);
  }
}
