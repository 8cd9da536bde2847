const CR = 0x0d;
const LF = 0x0a;

/** Longest part of an event that is held back (bytes). A longer one passes in pieces. */
export const MAX_HELD_BYTES = 1_048_576;

const NOTHING = new Uint8Array();

/**
 * Cuts a stream of server-sent events (WHATWG HTML section 9.2.5) between events, so that a stream
 * that is ended early ends with a whole one. The bytes that come out are those that went in.
 */
export class EventSplitter {
  #held: Uint8Array = NOTHING;
  #lineIsEmpty = true;
  #afterReturn = false;
  #insideEvent = false;

  /** Whether what came out so far ends inside an event: one too long to be held back. */
  get insideEvent(): boolean {
    return this.#insideEvent;
  }

  /** Takes a chunk; returns what ends with a whole event, which may be nothing. */
  push(chunk: Uint8Array): Uint8Array {
    const end = this.#lastEventEnd(chunk);
    if (end === 0 && this.#held.length + chunk.length <= MAX_HELD_BYTES) {
      this.#held = concat(this.#held, chunk);
      return NOTHING;
    }
    this.#insideEvent = end === 0;
    const cut = end === 0 ? chunk.length : end;
    const whole = concat(this.#held, chunk.subarray(0, cut));
    this.#held = chunk.subarray(cut);
    return whole;
  }

  /** What is held back, when the stream ends of itself. */
  rest(): Uint8Array {
    const rest = this.#held;
    this.#held = NOTHING;
    return rest;
  }

  /** Bytes of the chunk up to the end of its last event; 0 when none ends in it. */
  #lastEventEnd(chunk: Uint8Array): number {
    let end = 0;
    for (let i = 0; i < chunk.length; i += 1) {
      const byte = chunk[i];
      if (byte === LF && this.#afterReturn) {
        // The second half of a CRLF belongs to the line that its first half ended.
        if (end === i) end = i + 1;
        this.#afterReturn = false;
        continue;
      }
      this.#afterReturn = byte === CR;
      const endsLine = byte === LF || byte === CR;
      if (endsLine && this.#lineIsEmpty) end = i + 1;
      this.#lineIsEmpty = endsLine;
    }
    return end;
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  return second.length === 0 ? first : Buffer.concat([first, second]);
}
