import type { Effect } from '@cortex-governance/core';
import type { EvidenceRecord, EvidenceRecordKind } from './evidence-record.ts';
import type { EvidenceCounts } from './evidence-report.ts';

/** Counts records by kind and decisions by effect. */
export class RecordCounts {
  readonly #kinds: Record<EvidenceRecordKind, number> = { decision: 0, event: 0, gap: 0 };
  readonly #effects: Record<Effect, number> = { allow: 0, deny: 0, escalate: 0 };

  add(record: EvidenceRecord): void {
    this.#kinds[record.kind] += 1;
    if (record.kind === 'decision' && Object.hasOwn(this.#effects, record.effect)) {
      this.#effects[record.effect] += 1;
    }
  }

  counts(): EvidenceCounts {
    return { kinds: { ...this.#kinds }, effects: { ...this.#effects } };
  }
}
