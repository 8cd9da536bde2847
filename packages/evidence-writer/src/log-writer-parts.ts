import type { Clock, Logger } from '@cortex-governance/core';
import type { Journal } from './journal.ts';
import type { LogLock } from './log-lock.ts';
import type { LogTree } from './log-tree.ts';

/** An open log and how to write it. */
export interface LogWriterParts {
  readonly folder: string;
  readonly origin: string;
  readonly lock: LogLock;
  readonly journal: Journal;
  readonly tree: LogTree;
  readonly maxQueueRecords: number;
  readonly maxQueueBytes: number;
  readonly denyWhenFull: boolean;
  readonly groupRecords: number;
  readonly groupMaxAgeMs: number;
  readonly checkpointIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}
