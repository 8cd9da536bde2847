import { GovernanceError } from '@cortex-governance/core';
import { CHECKPOINTS, originOfName, sizeOfKey } from './archive-keys.ts';
import type { ArchiveStore } from './archive-store.ts';

/** A log in an archive. */
export interface ArchivedLogName {
  /** What it is called in keys. */
  readonly name: string;
  readonly origin: string;
  /** Records under its newest archived checkpoint. */
  readonly size: number;
}

/** The logs in an archive, by name. @throws {GovernanceError} EVIDENCE_TIER_UNAVAILABLE */
export async function listArchivedLogs(store: ArchiveStore): Promise<readonly ArchivedLogName[]> {
  const sizes = new Map<string, number>();
  for await (const { key } of store.list(`${CHECKPOINTS}/`)) {
    const [, name = ''] = key.split('/');
    sizes.set(name, Math.max(sizes.get(name) ?? 0, sizeOfKey(key) ?? 0));
  }
  return [...sizes].map(([name, size]) => ({ name, origin: originOfName(name) ?? '', size }));
}

/** The log that is asked for. @throws {GovernanceError} OPTIONS_INVALID when none fits, or several. */
export function chooseLog(logs: readonly ArchivedLogName[], wanted: string): ArchivedLogName {
  const fitting = logs.filter(
    ({ name, origin }) => wanted === '' || wanted === name || wanted === origin,
  );
  const [first, second] = fitting;
  if (first !== undefined && second === undefined) return first;
  const names = (fitting.length === 0 ? logs : fitting).map(({ name }) => name).join(', ');
  const problem = `${fitting.length} archived logs fit; there are: ${names === '' ? 'none' : names}`;
  throw new GovernanceError('OPTIONS_INVALID', { where: 'restoreLog(log)', problem });
}
