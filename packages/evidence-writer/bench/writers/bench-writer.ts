import type { DecisionRequest, Verdict } from '@cortex-governance/core';

/** A way to keep records, as the bench sees it. */
export interface BenchWriter {
  /**
   * Takes a record. The promise resolves when the record is as safe as this writer promises, null when it
   * promises nothing.
   */
  write(request: DecisionRequest, verdict: Verdict): Promise<void> | null;
  /** Whether so much waits that a caller should. */
  isBusy(): boolean;
  /** Resolves when everything taken was written. */
  end(): Promise<void>;
}

/** What makes a writer, and counts what it left on disk. */
export interface BenchWriterKind {
  /** As in the tables. */
  readonly name: string;
  /** What an acknowledgement means; empty when there is none. */
  readonly promise: string;
  open(dir: string): Promise<BenchWriter>;
  /** Records in the folder, read back after the writer ended or was killed. */
  count(dir: string): Promise<number>;
  /** Bytes of everything that is left. */
  bytes(dir: string): Promise<number>;
}
