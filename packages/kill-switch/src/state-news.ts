import type { KillSwitchChange } from '@cortex-governance/core';
import { targetKey } from './kill-order.ts';
import { changeOf, type KillSwitchFile, type KillSwitchRecord } from './kill-switch-file.ts';

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
  /** Targets whose last news is a release: when it was given, in milliseconds, by key. */
  readonly released: ReadonlyMap<string, number>;
}

/** The records of a history that are new, as changes, in their order. */
export function findNews(history: readonly KillSwitchRecord[], upTo: KnownUpTo): StateNews {
  if (!upTo.known) return { changes: [], released: new Map() };
  const records = history.filter(({ revision, at }) =>
    upTo.revision === null ? Date.parse(at) > upTo.readAtMs : revision > upTo.revision,
  );
  const last = new Map(records.map((record) => [targetKey(record), record]));
  const released = [...last].filter(([, { type }]) => type === 'released');
  return {
    changes: records.map((record) => changeOf(record.type, record)),
    released: new Map(released.map(([key, { at }]) => [key, Date.parse(at)])),
  };
}

/**
 * Whether a file goes on where another ended: it is no older, and its history has the last change of
 * the other, or begins after it.
 */
export function continues(file: KillSwitchFile, known: KillSwitchFile): boolean {
  if (file.revision < known.revision) return false;
  const last = known.history.at(-1);
  if (last === undefined) return true;
  const first = file.history[0];
  if (first !== undefined && first.revision > last.revision) return true;
  return file.history.some(
    (record) =>
      record.revision === last.revision &&
      record.type === last.type &&
      record.at === last.at &&
      record.actor === last.actor &&
      targetKey(record) === targetKey(last),
  );
}
