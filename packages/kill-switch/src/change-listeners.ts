import { errorMessage, type KillSwitchChange, type Logger } from '@cortex-governance/core';

type Listener = (change: KillSwitchChange) => void;

/** Tells every listener of every change; one that throws or rejects is logged and stops no other. */
export class ChangeListeners {
  readonly #listeners = new Set<{ readonly call: Listener }>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Returns the function that ends this. The same function, added twice, is called twice. */
  add(call: Listener): () => void {
    const listener = { call };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  clear(): void {
    this.#listeners.clear();
  }

  tell(change: KillSwitchChange): void {
    for (const { call } of [...this.#listeners]) {
      try {
        // An async function fits the type; its rejection must not end the process.
        Promise.resolve(call(change) as unknown).catch((error: unknown) => this.#report(error));
      } catch (error) {
        this.#report(error);
      }
    }
  }

  #report(error: unknown): void {
    this.#logger.error('KILL_SWITCH_LISTENER_FAILED', { problem: errorMessage(error) });
  }
}
