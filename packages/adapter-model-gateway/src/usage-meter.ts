import { type ModelUsage, readModelUsage, readUsageMember } from './model-usage.ts';

/** Most of an answer, or of one event, that is held to read its usage (bytes). */
export const MAX_METERED_BYTES = 1_048_576;

/** Most of the end of a longer answer that is held (bytes). */
const TAIL_BYTES = 65_536;

/** The member `usage` of the answer itself, last or followed by members that hold no object. */
const USAGE_AT_END =
  /[,{]\s*"usage"\s*:\s*(\{(?:[^{}"]|"[^"\\]*"|\{(?:[^{}"]|"[^"\\]*")*\})*\})\s*(?:,\s*"\w{1,64}"\s*:\s*(?:"[^"\\]*"|[\w.+-]+)\s*)*\}\s*$/;

/** Events of a stream that carry no token: its first, the one that says why it ended, and the usage. */
const SILENT_EVENTS = 3;

/** Reads what an upstream says that a call used, from its answer as it passes. Nothing is changed or delayed. */
export interface UsageMeter {
  /** Takes the next bytes of the answer. */
  push(chunk: Uint8Array): void;
  /** To be called when the answer ended of itself. */
  end(): void;
  /** Null until all of the usage is known, and for good when the answer does not say. */
  readonly usage: ModelUsage | null;
  /** Tokens that the answer has surely used by now, for one that ends without a usage; 0 when nothing is known. */
  readonly leastTokens: number;
}

/** The meter of an answer. @param events whether it is a stream of server-sent events. */
export function createUsageMeter(events: boolean): UsageMeter {
  return events ? new EventMeter() : new JsonMeter();
}

/**
 * Holds an answer of up to {@link MAX_METERED_BYTES}, or the end of a longer one: usage is the last member
 * that servers write, and log probabilities make an answer long.
 */
class JsonMeter implements UsageMeter {
  readonly leastTokens = 0;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #dropped = false;
  #usage: ModelUsage | null = null;

  get usage(): ModelUsage | null {
    return this.#usage;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    if (this.#bytes <= MAX_METERED_BYTES) return;
    // All at once, and not with every chunk: what was copied is at least half of what came.
    const tail = Buffer.concat(this.#chunks, this.#bytes).subarray(-TAIL_BYTES);
    this.#chunks = [Uint8Array.from(tail)];
    this.#bytes = tail.byteLength;
    this.#dropped = true;
  }

  end(): void {
    const text = Buffer.concat(this.#chunks, this.#bytes).toString('utf8');
    this.#usage = this.#dropped ? usageAtEnd(text.slice(-TAIL_BYTES)) : usageIn(text);
    this.#chunks = [];
  }
}

/**
 * The usage in the end of an answer. A quote within a string has a backslash before it, so that no text of
 * the model can be taken for the member.
 */
function usageAtEnd(text: string): ModelUsage | null {
  const member = USAGE_AT_END.exec(text)?.[1];
  if (member === undefined) return null;
  try {
    return readUsageMember(JSON.parse(member));
  } catch {
    return null;
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
  #events = 0;

  get usage(): ModelUsage | null {
    return this.#done ? this.#latest : null;
  }

  /** A token for each event, which is how servers send them, or the latest usage that was stated. */
  get leastTokens(): number {
    return Math.max(0, this.#events - SILENT_EVENTS, this.#latest?.total ?? 0);
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
    if (data !== '') this.#events += 1;
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
