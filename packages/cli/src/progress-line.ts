/** Shortest time between two changes of the line, in milliseconds. */
const REFRESH_MS = 200;

/** Clears the line in which the cursor is (ECMA-48), from its start. */
const CLEAR_LINE = '\r\u001b[2K';

/** One line on a terminal that says how far a long command is. Nothing where nobody watches. */
export class ProgressLine {
  readonly #terminal: NodeJS.WritableStream | null;
  readonly #unit: string;
  readonly #now: () => number;
  readonly #start: number;
  #shownAt: number;
  #isShown = false;
  /** What earlier parts of the work came to, and the part under way. */
  #before = 0;
  #count = 0;

  /** @param now milliseconds of a clock that never goes back. */
  constructor(
    stream: NodeJS.WritableStream,
    unit: string,
    now: () => number = () => performance.now(),
  ) {
    this.#terminal = (stream as Partial<NodeJS.WriteStream>).isTTY === true ? stream : null;
    this.#unit = unit;
    this.#now = now;
    this.#start = now();
    this.#shownAt = this.#start;
  }

  /** @param count done so far in this part of the work; a smaller one than before begins the next part. */
  show(count: number): void {
    if (this.#terminal === null) return;
    if (count < this.#count) this.#before += this.#count;
    this.#count = count;
    const now = this.#now();
    if (now - this.#shownAt < REFRESH_MS) return;
    this.#shownAt = now;
    this.#isShown = true;
    const done = this.#before + count;
    const rate = Math.round((done * 1000) / (now - this.#start));
    this.#terminal.write(`${CLEAR_LINE}${format(done)} ${this.#unit}, ${format(rate)} a second`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#isShown) this.#terminal?.write(CLEAR_LINE);
    this.#isShown = false;
  }
}

function format(count: number): string {
  return count.toLocaleString('en-US');
}
