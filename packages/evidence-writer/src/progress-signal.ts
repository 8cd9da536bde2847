/** Wakes whoever waits for something to become true. */
export class ProgressSignal {
  #waiting: (() => void)[] = [];

  /** Everybody looks again. */
  notify(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /**
   * Resolves once the condition holds.
   * @param failure asked before every wait; what it returns is thrown.
   */
  async until(isDone: () => boolean, failure: () => Error | null): Promise<void> {
    while (!isDone()) {
      const error = failure();
      if (error !== null) throw error;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}
