import { Writable } from 'node:stream';
import pino from 'pino';

/** Takes whole log lines, each with its newline. A Node stream is one. */
export interface LogDestination {
  write(line: string): unknown;
}

/** File descriptor of standard error. Standard output belongs to protocols, such as MCP over stdio. */
const STDERR = 2;

/** Bytes of lines that wait while standard error takes none (4 MiB); further lines are dropped. */
export const MAX_WAITING_BYTES = 4_194_304;

/** Longest wait for waiting lines when the log is closed, in milliseconds. */
export const CLOSE_TIMEOUT_MS = 2000;

/**
 * Characters that are legal in JSON text and not safe to look at: C1 controls (terminals obey some),
 * line separators, and marks that change the direction of text. Written as JSON escapes instead.
 */
const UNSAFE = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Where lines go. Counts those that are lost; nothing here throws. */
export class LogOutput {
  dropped = 0;
  readonly #write: (line: string) => unknown;
  readonly #finish: () => Promise<void>;
  #closed = false;
  #broken = false;

  constructor(destination: LogDestination | undefined, sync: boolean) {
    if (destination === undefined) {
      const stream = pino.destination({ dest: STDERR, sync, maxLength: MAX_WAITING_BYTES });
      stream.on('drop', () => this.#drop());
      stream.on('error', (error: NodeJS.ErrnoException) => {
        this.#drop();
        // From here on the stream takes lines and forgets them, without a word.
        if (error.code === 'EPIPE') this.#broken = true;
      });
      this.#write = (line) => stream.write(line);
      this.#finish = () => endStream(stream);
    } else {
      if (destination instanceof Writable) destination.on('error', () => this.#drop());
      this.#write = (line) => destination.write(line);
      this.#finish = () => drainStream(destination);
    }
  }

  write(line: string): void {
    if (this.#closed || this.#broken) {
      this.#drop();
      return;
    }
    try {
      this.#write(escapeUnsafe(line));
    } catch {
      this.#drop();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#broken) await this.#finish();
  }

  #drop(): void {
    this.dropped += 1;
  }
}

function escapeUnsafe(line: string): string {
  return line.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Ends the stream once what waits is written, or after {@link CLOSE_TIMEOUT_MS}. */
async function endStream(stream: ReturnType<typeof pino.destination>): Promise<void> {
  await settled((done) => {
    stream.once('close', done);
    stream.once('error', done);
    stream.end();
  });
}

/** Waits until a stream has written what waits. It belongs to its owner, who ends it. */
async function drainStream(destination: LogDestination): Promise<void> {
  if (!(destination instanceof Writable) || destination.destroyed) return;
  await settled((done) => {
    if (destination.writableLength === 0) done();
    else destination.write('', done);
  });
}

async function settled(start: (done: () => void) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    start(() => resolve());
  });
  clearTimeout(timer);
}
