import type { DecisionRequest, Verdict } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import { denialError } from './tool-denial.ts';

/** Watches one allowed call for a kill-switch stop, one engaged since the decision included. */
export class CallStop {
  readonly #controller = new AbortController();
  readonly #unwatch: () => void;
  #verdict: Verdict | null = null;

  constructor(governor: Governor, request: DecisionRequest) {
    this.#unwatch = governor.onStop(request, (verdict) => {
      this.#verdict = verdict;
      this.#controller.abort(denialError(verdict));
    });
  }

  /** Aborted when the call is stopped; its reason is the GovernanceError of the denial. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The denial of a stopped call, or null. */
  get verdict(): Verdict | null {
    return this.#verdict;
  }

  /** Settles as `work` does, or rejects with the signal's reason as soon as the call is stopped. */
  async race<T>(work: () => Promise<T>): Promise<T> {
    const { signal } = this;
    signal.throwIfAborted();
    let onAbort = (): void => {};
    const stopped = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      const result = await Promise.race([stopped, work()]);
      // A stop in the same turn as the end of the work counts.
      signal.throwIfAborted();
      return result;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the watch. */
  end(): void {
    this.#unwatch();
  }
}
