import type { Clock, Logger } from '@cortex-governance/core';
import type { AttributeMask } from './attribute-mask.ts';
import type { GroupLimits } from './group-schedule.ts';
import type { Journal } from './journal.ts';
import type { LogLock } from './log-lock.ts';
import type { LogTree } from './log-tree.ts';

/** An open log and how to write it. */
export interface LogWriterParts extends GroupLimits {
  readonly folder: string;
  readonly origin: string;
  readonly lock: LogLock;
  readonly journal: Journal;
  readonly tree: LogTree;
  readonly maxQueueRecords: number;
  readonly maxQueueBytes: number;
  readonly denyWhenFull: boolean;
  readonly mask: AttributeMask;
  readonly checkpointIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}
