import { resolve } from 'node:path';
import { readLogHead } from './log-head.ts';
import { readLogId } from './log-id.ts';

/** What a tier knows a log by, and how much of it is under a signed checkpoint. */
export interface LogState {
  readonly folder: string;
  /** Id of the log in tiers: its origin and the start of its first record's hash. */
  readonly log: string;
  /** Records under the newest checkpoint. */
  readonly size: number;
}

/** The state of a log; null when it has no records. @throws {GovernanceError} EVIDENCE_CORRUPT */
export async function readLogState(folder: string): Promise<LogState | null> {
  const head = await readLogHead(resolve(folder));
  const log = head === null ? null : await readLogId(resolve(folder), head);
  return head === null || log === null ? null : { folder: resolve(folder), log, size: head.size };
}
