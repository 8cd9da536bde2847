import { type ModelUsage, readModelUsage } from './model-usage.ts';

/** Most of an answer, or of one event, that is held to read its usage (bytes). */
export const MAX_METERED_BYTES = 1_048_576;

/** Reads what an upstream says that a call used, from its answer as it passes. Nothing is changed or delayed. */
export interface UsageMeter {
  /** Takes the next bytes of the answer. */
  push(chunk: Uint8Array): void;
  /** To be called when the answer ended of itself. */
  end(): void;
  /** Null until all of the usage is known, and for good when the answer does not say. */
  readonly usage: ModelUsage | null;
}

/** The meter of an answer. @param events whether it is a stream of server-sent events. */
export function createUsageMeter(events: boolean): UsageMeter {
  return events ? new EventMeter() : new JsonMeter();
}

/** Holds an answer of up to {@link MAX_METERED_BYTES}; of a longer one the usage stays unknown. */
class JsonMeter implements UsageMeter {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #usage: ModelUsage | null = null;

  get usage(): ModelUsage | null {
    return this.#usage;
  }

  push(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > MAX_METERED_BYTES) this.#chunks = [];
    else this.#chunks.push(chunk);
  }

  end(): void {
    if (this.#bytes > MAX_METERED_BYTES) return;
    this.#usage = usageIn(Buffer.concat(this.#chunks, this.#bytes).toString('utf8'));
    this.#chunks = [];
  }
}

/** Reads the last event that states a usage. It holds once `[DONE]` or the end has come. */
class EventMeter implements UsageMeter {
  readonly #decoder = new TextDecoder();
  /** The line that has begun, and the data of the event that has. */
  #line = '';
  #lineIsEmpty = true;
  #data: string[] = [];
  #held = 0;
  #afterReturn = false;
  #latest: ModelUsage | null = null;
  #done = false;

  get usage(): ModelUsage | null {
    return this.#done ? this.#latest : null;
  }

  push(chunk: Uint8Array): void {
    let text = this.#decoder.decode(chunk, { stream: true });
    if (this.#afterReturn && text.startsWith('\n')) text = text.slice(1);
    if (text === '') return;
    this.#afterReturn = text.endsWith('\r');
    const lines = text.split(/\r\n|\r|\n/);
    const unfinished = lines.pop() ?? '';
    for (const line of lines) {
      this.#take(line);
      this.#endLine();
    }
    this.#take(unfinished);
  }

  end(): void {
    this.#endLine();
    this.#endEvent();
    this.#done = true;
  }

  /** Adds to the line, of which no more is kept than can be read. */
  #take(text: string): void {
    this.#held += text.length;
    if (text !== '') this.#lineIsEmpty = false;
    if (this.#held <= MAX_METERED_BYTES) this.#line += text;
  }

  #endLine(): void {
    if (this.#lineIsEmpty) this.#endEvent();
    else if (this.#line.startsWith('data:')) this.#data.push(this.#line.slice('data:'.length));
    this.#line = '';
    this.#lineIsEmpty = true;
  }

  #endEvent(): void {
    const data = this.#data.join('\n').trim();
    const whole = this.#held <= MAX_METERED_BYTES;
    this.#data = [];
    this.#held = 0;
    if (!whole) return;
    if (data === '[DONE]') this.#done = true;
    // Most events are text without a usage, and are not worth reading.
    else if (data.includes('"usage"')) this.#latest = usageIn(data) ?? this.#latest;
  }
}

function usageIn(text: string): ModelUsage | null {
  try {
    return readModelUsage(JSON.parse(text));
  } catch {
    return null;
  }
}
