/**
 * Runs one task at a time. Whoever asks while it runs shares the one run that starts right after, so
 * that the run they wait for has seen everything that was there when they asked.
 */
export class CoalescedTask<T> {
  readonly #work: () => Promise<T>;
  #running: Promise<T> | null = null;
  #next: Promise<T> | null = null;

  constructor(work: () => Promise<T>) {
    this.#work = work;
  }

  run(): Promise<T> {
    if (this.#next !== null) return this.#next;
    if (this.#running === null) return this.#start();
    const begin = (): Promise<T> => {
      this.#next = null;
      return this.#start();
    };
    this.#next = this.#running.then(begin, begin);
    return this.#next;
  }

  /** The run that is under way, or else a new one. For those who did not ask for a newer state. */
  join(): Promise<T> {
    return this.#running ?? this.run();
  }

  #start(): Promise<T> {
    const run = this.#work().finally(() => {
      this.#running = null;
    });
    this.#running = run;
    return run;
  }
}
