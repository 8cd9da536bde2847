import {
  type Durability,
  EVIDENCE_DROPPED,
  type EvidenceStatus,
  type EvidenceWriter,
  GovernanceError,
} from '@cortex-governance/core';

/**
 * Stands in for a log that could not be opened when the configuration says to start without
 * (`evidence.mode: standard`). Every record is dropped and counted; whether calls go on is up to
 * `evidence.whenFull`.
 */
export class UnavailableEvidence implements EvidenceWriter {
  readonly #dir: string;
  readonly #problem: string;
  readonly required: boolean;
  #dropped = 0;

  /** @param required whether a decision that cannot be recorded must be denied. */
  constructor(dir: string, problem: string, required: boolean) {
    this.#dir = dir;
    this.#problem = problem;
    this.required = required;
  }

  ready(): boolean {
    return !this.required;
  }

  appendDecision(): number {
    this.#dropped += 1;
    return EVIDENCE_DROPPED;
  }

  appendEvent(): number {
    this.#dropped += 1;
    return EVIDENCE_DROPPED;
  }

  durable(_ticket: number, _level: Durability): Promise<void> {
    return Promise.reject(this.#error());
  }

  flush(): Promise<void> {
    return Promise.reject(this.#error());
  }

  status(): EvidenceStatus {
    return {
      healthy: false,
      problem: this.#problem,
      dir: this.#dir,
      origin: '',
      queuedRecords: 0,
      queuedBytes: 0,
      oldestQueuedMs: 0,
      records: 0,
      checkpointed: 0,
      uncheckpointedMs: 0,
      drops: {
        queue_full: 0,
        record_too_large: 0,
        record_invalid: 0,
        writer_failed: this.#dropped,
        closed: 0,
      },
    };
  }

  onGroup(): () => void {
    return () => {};
  }

  async close(): Promise<void> {}

  #error(): GovernanceError {
    return new GovernanceError('EVIDENCE_WRITE_FAILED', {
      file: this.#dir,
      problem: this.#problem,
    });
  }
}
