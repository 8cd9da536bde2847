import type { KillSwitchChange } from '@cortex-governance/core';
import { targetKey } from './kill-order.ts';
import { changeOf, type KillSwitchRecord } from './kill-switch-file.ts';

/** Up to where a history is known. */
export interface KnownUpTo {
  /** False before the first file: then its history is the past, and no news. */
  readonly known: boolean;
  /** Last revision taken over; null when the file went back, so that revisions say nothing. */
  readonly revision: number | null;
  /** Wall time of the last file taken over, in milliseconds; decides when the revision cannot. */
  readonly readAtMs: number;
}

/** What a history tells that was not known. */
export interface StateNews {
  readonly changes: readonly KillSwitchChange[];
  /** Keys of the targets whose last news is a release. */
  readonly released: readonly string[];
}

/** The records of a history that are new, as changes, in their order. */
export function findNews(history: readonly KillSwitchRecord[], upTo: KnownUpTo): StateNews {
  if (!upTo.known) return { changes: [], released: [] };
  const records = history.filter(({ revision, at }) =>
    upTo.revision === null ? Date.parse(at) > upTo.readAtMs : revision > upTo.revision,
  );
  const last = new Map(records.map((record) => [targetKey(record), record.type]));
  return {
    changes: records.map((record) => changeOf(record.type, record)),
    released: [...last].filter(([, type]) => type === 'released').map(([key]) => key),
  };
}
