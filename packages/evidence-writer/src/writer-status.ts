import type { EvidenceStatus } from '@cortex-governance/core';
import type { CheckpointPublisher } from './checkpoint-publisher.ts';
import type { WaitingParts } from './group-schedule.ts';
import type { LogWriterParts } from './log-writer-parts.ts';

/** Where a writer stands. @param failure what ended it; null while it works. */
export function writerStatus(
  { clock, folder, origin }: LogWriterParts,
  { queue, builder, drops }: WaitingParts,
  publisher: CheckpointPublisher,
  failure: Error | null,
): EvidenceStatus {
  const now = clock.wallMs();
  return {
    healthy: failure === null,
    problem: failure?.message ?? '',
    dir: folder,
    origin,
    queuedRecords: queue.records,
    queuedBytes: queue.bytes,
    // The clock may have been set back since.
    oldestQueuedMs: Math.max(0, now - (queue.oldestMs ?? now)),
    records: builder.nextIndex + queue.records,
    checkpointed: publisher.checkpointed,
    uncheckpointedMs: publisher.waitingMs,
    drops: drops.totals(),
  };
}
