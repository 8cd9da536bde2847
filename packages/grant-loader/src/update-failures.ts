import { errorMessage, type Logger } from '@cortex-governance/core';

/** Told about each failed update: one line for each problem. MUST NOT throw. */
export type UpdateFailureListener = (problems: readonly string[]) => void;

/** Counts updates that failed, and says so in the log. */
export class UpdateFailures {
  #count = 0;
  readonly #logger: Logger;
  readonly #listener: UpdateFailureListener;

  constructor(logger: Logger, listener: UpdateFailureListener = () => {}) {
    this.#logger = logger;
    this.#listener = listener;
  }

  get count(): number {
    return this.#count;
  }

  /** Logs POLICY_UPDATE_FAILED once. */
  record(problems: readonly string[]): void {
    this.#count += 1;
    this.#logger.error('POLICY_UPDATE_FAILED', { problems });
    try {
      this.#listener(problems);
    } catch (error) {
      this.#logger.error('LISTENER_FAILED', { problem: errorMessage(error) });
    }
  }
}
