import { join } from 'node:path';
import type { Durability } from '@cortex-governance/core';
import { createEvidenceWriter, verifyEvidence } from '../../src/index.ts';
import type { BenchWriterKind } from './bench-writer.ts';
import { folderBytes } from './folder-bytes.ts';

/** Records in the queue above which a caller waits: below the bound at which calls are denied. */
const MOST_QUEUED = 20_000;

/** Our log, with an acknowledgement at a level. */
export function evidenceLog(level: Durability): BenchWriterKind {
  return {
    name: `evidence-writer, ${level}`,
    promise: level === 'accepted' ? '' : level,
    async open(dir) {
      const log = await createEvidenceWriter({ dir });
      return {
        write(request, verdict) {
          const ticket = log.appendDecision(request, verdict);
          return level === 'accepted' ? null : log.durable(ticket, level);
        },
        isBusy: () => log.status().queuedRecords > MOST_QUEUED,
        end: () => log.close(),
      };
    },
    async count(dir) {
      // A start finishes what a kill left.
      await (await createEvidenceWriter({ dir })).close();
      const report = await verifyEvidence(join(dir, 'default'));
      if (!report.ok) throw new Error(`damaged: ${report.firstFault?.problem}`);
      return report.counts.kinds.decision;
    },
    bytes: (dir) => folderBytes(join(dir, 'default')),
  };
}
