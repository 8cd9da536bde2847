import type { Attributes } from '../attributes.ts';
import type { DecisionRequest } from '../decision-request.ts';
import type { Verdict } from '../verdict.ts';

/**
 * How safe a record is: `accepted` in memory; `os` handed to the operating system (survives the
 * process); `disk` synced (survives the machine, if the device is honest); `checkpointed` covered by a
 * signed checkpoint.
 */
export const DURABILITIES = ['accepted', 'os', 'disk', 'checkpointed'] as const;

export type Durability = (typeof DURABILITIES)[number];

/** Something that is not a decision and belongs in the log: start, stop, kill, policy change. */
export interface EvidenceEvent {
  /** Such as `boot`, `kill_switch`, `policy_update`. */
  readonly type: string;
  readonly properties: Attributes;
}

/** Returned by {@link EvidenceSink.appendDecision} for a record that was dropped, and counted. */
export const EVIDENCE_DROPPED = -1;

/** Takes verdicts off the request path. */
export interface EvidenceSink {
  /** Whether a call whose record was dropped must be denied. */
  readonly required: boolean;
  /** False when {@link required} and a decision appended now would be dropped. */
  ready(): boolean;
  /**
   * Queues one verdict in constant time; MUST NOT do I/O or throw. Returns a ticket for
   * {@link EvidenceWriter.durable}, or {@link EVIDENCE_DROPPED}.
   */
  appendDecision(request: DecisionRequest, verdict: Verdict): number;
}

/** Why records were dropped; every drop is counted by one of these. */
export type EvidenceDropReason =
  | 'queue_full'
  | 'record_too_large'
  | 'record_invalid'
  | 'writer_failed'
  | 'closed';

/** Where the writer stands, for metrics, status pages and health. */
export interface EvidenceStatus {
  readonly healthy: boolean;
  /** Why the writer is not healthy; empty when it is. */
  readonly problem: string;
  readonly dir: string;
  /** Name of the log, the first line of its checkpoints. */
  readonly origin: string;
  readonly queuedRecords: number;
  readonly queuedBytes: number;
  /** Age of the oldest record that waits in memory, in milliseconds, by the time in its id. */
  readonly oldestQueuedMs: number;
  /** Records in the log, whatever their durability. */
  readonly records: number;
  /** Records covered by the newest signed checkpoint. */
  readonly checkpointed: number;
  /** How long the oldest synced record has waited for a checkpoint over it, in milliseconds. */
  readonly uncheckpointedMs: number;
  readonly drops: Readonly<Record<EvidenceDropReason, number>>;
}

/** Records that were written and synced together. */
export interface EvidenceGroup {
  readonly records: number;
  readonly bytes: number;
  /** How long the device took to say that they are there, in milliseconds. */
  readonly syncMs: number;
}

/** The evidence log of one process. */
export interface EvidenceWriter extends EvidenceSink {
  /** Queues an event; as {@link appendDecision}. */
  appendEvent(event: EvidenceEvent): number;
  /** Resolves when the ticket's record has reached the level. @throws {GovernanceError} EVIDENCE_WRITE_FAILED when it never will. */
  durable(ticket: number, level: Durability): Promise<void>;
  /** Writes, syncs and checkpoints everything queued so far. @throws {GovernanceError} EVIDENCE_WRITE_FAILED */
  flush(): Promise<void>;
  status(): EvidenceStatus;
  /** Tells of every group that was stored, until the function returned is called. Must not throw. */
  onGroup(listener: (group: EvidenceGroup) => void): () => void;
  /** Flushes, checkpoints, and gives the log free for another writer. */
  close(): Promise<void>;
}
