import type { UnderlyingSource } from 'node:stream/web';
import { GovernanceError } from '@cortex-governance/core';
import { EventSplitter } from './event-splitter.ts';
import type { Ending, Exchange } from './exchange.ts';
import { denialBody, type GatewayErrorBody, upstreamErrorBody } from './gateway-error.ts';
import type { UsageMeter } from './usage-meter.ts';

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** An upstream body that has begun. */
export interface BegunBody {
  readonly first: Uint8Array;
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  /** Whether it is a stream of server-sent events. */
  readonly events: boolean;
  /** Reads the usage as the body passes; null where nobody needs it. */
  readonly meter: UsageMeter | null;
  /** Longest silence between two chunks that somebody waits for, in milliseconds. */
  readonly idleMs: number;
}

/**
 * The upstream's body for the client: chunk by chunk, read only as fast as the client reads. When it
 * ends early, events end with an error event; any other body, and an event of which a part is gone,
 * breaks off, so that nobody takes the half for the whole.
 */
export function responseStream(body: BegunBody, exchange: Exchange): ReadableStream<Uint8Array> {
  // Nothing is read ahead: what a stop finds in a queue would still reach the client.
  return new ReadableStream<Uint8Array>(new ResponseSource(body, exchange), { highWaterMark: 0 });
}

class ResponseSource implements UnderlyingSource<Uint8Array> {
  readonly #body: BegunBody;
  readonly #exchange: Exchange;
  readonly #splitter: EventSplitter | null;
  #first: Uint8Array | null;

  constructor(body: BegunBody, exchange: Exchange) {
    this.#body = body;
    this.#exchange = exchange;
    this.#splitter = body.events ? new EventSplitter() : null;
    this.#first = body.first;
  }

  start(controller: Controller): void {
    this.#exchange.listener = (ending) => this.#endEarly(controller, ending);
    if (this.#exchange.ending !== null) this.#endEarly(controller, this.#exchange.ending);
  }

  async pull(controller: Controller): Promise<void> {
    try {
      await this.#passOn(controller);
    } catch {
      // After an early ending, which the listener has dealt with, or a cancel there is no more to say.
      if (this.#exchange.signal.aborted) return;
      this.#exchange.close();
      this.#failUpstream(controller, 'the answer broke off');
    }
  }

  cancel(): void {
    this.#exchange.close();
  }

  /** Passes on the next bytes there are, or the end. */
  async #passOn(controller: Controller): Promise<void> {
    for (;;) {
      const chunk = await this.#next();
      const bytes = this.#ready(chunk);
      if (bytes.length > 0) controller.enqueue(bytes);
      if (chunk === null) {
        this.#body.meter?.end();
        this.#exchange.close();
        controller.close();
      }
      if (chunk === null || bytes.length > 0) return;
    }
  }

  async #next(): Promise<Uint8Array | null> {
    const chunk = this.#first ?? (await this.#read());
    this.#first = null;
    if (chunk !== null) this.#body.meter?.push(chunk);
    return chunk;
  }

  async #read(): Promise<Uint8Array | null> {
    const { reader, idleMs } = this.#body;
    const { done, value } = await this.#exchange.within(idleMs, () => reader.read());
    return done ? null : value;
  }

  /** What can be passed on after a chunk, or after the end (null). */
  #ready(chunk: Uint8Array | null): Uint8Array {
    if (chunk === null) return this.#splitter?.rest() ?? new Uint8Array();
    return this.#splitter?.push(chunk) ?? chunk;
  }

  #endEarly(controller: Controller, ending: Ending): void {
    if (ending.kind === 'client') {
      controller.error(new DOMException('the client went away', 'AbortError'));
    } else if (ending.kind === 'timeout') {
      this.#failUpstream(controller, `nothing more within ${this.#body.idleMs} ms`);
    } else {
      const { verdict } = ending;
      const error = new GovernanceError(verdict.code, {}, { verdict });
      this.#breakOff(controller, denialBody(verdict), error);
    }
  }

  #failUpstream(controller: Controller, problem: string): void {
    const error = new GovernanceError('UPSTREAM_UNAVAILABLE', { problem });
    this.#breakOff(controller, upstreamErrorBody(problem), error);
  }

  #breakOff(controller: Controller, body: GatewayErrorBody, error: GovernanceError): void {
    // Inside an event there is no place for another one: the client would read both as one.
    if (this.#splitter?.insideEvent === false) {
      controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(body)}\n\n`));
      controller.close();
    } else {
      controller.error(error);
    }
  }
}
