import type { Effect } from '@cortex-governance/core';
import type { EvidenceRecord, EvidenceRecordKind } from './evidence-record.ts';
import type { EvidenceCounts } from './evidence-report.ts';

/** Counts records by kind and decisions by effect. */
export class RecordCounts {
  readonly #kinds: Record<EvidenceRecordKind, number> = { decision: 0, event: 0, gap: 0 };
  readonly #effects: Record<Effect, number> = { allow: 0, deny: 0, escalate: 0 };
  #erased = 0;

  add(record: EvidenceRecord): void {
    if (record.kind === 'decision') this.addDecision(record.effect);
    else this.#kinds[record.kind] += 1;
  }

  addDecision(effect: Effect): void {
    this.#kinds.decision += 1;
    if (Object.hasOwn(this.#effects, effect)) this.#effects[effect] += 1;
  }

  addErased(): void {
    this.#erased += 1;
  }

  /** Adds what was counted elsewhere. */
  addAll(counts: EvidenceCounts): void {
    for (const kind of ['decision', 'event', 'gap'] as const)
      this.#kinds[kind] += counts.kinds[kind];
    for (const effect of ['allow', 'deny', 'escalate'] as const) {
      this.#effects[effect] += counts.effects[effect];
    }
    this.#erased += counts.erased;
  }

  counts(): EvidenceCounts {
    return { kinds: { ...this.#kinds }, effects: { ...this.#effects }, erased: this.#erased };
  }
}
