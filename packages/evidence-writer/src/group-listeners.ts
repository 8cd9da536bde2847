import { type EvidenceGroup, errorMessage, type Logger } from '@cortex-governance/core';

/** Who is told of every group that was stored. A listener that throws is reported once, and told no more. */
export class GroupListeners {
  readonly #logger: Logger;
  readonly #listeners = new Set<(group: EvidenceGroup) => void>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Returns the function that ends it. */
  add(listener: (group: EvidenceGroup) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(group: EvidenceGroup): void {
    for (const listener of this.#listeners) {
      try {
        listener(group);
      } catch (error) {
        // What a listener does must never end the writer.
        this.#listeners.delete(listener);
        this.#logger.error('EVIDENCE_LISTENER_FAILED', { problem: errorMessage(error) });
      }
    }
  }
}
