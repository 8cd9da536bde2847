import type { KillSwitchEntry } from '@cortex-governance/core';
import { targetKey } from './kill-order.ts';
import {
  holds,
  type KillSwitchFile,
  MAX_HISTORY,
  serializeKillSwitchFile,
  withReleased,
} from './kill-switch-file.ts';
import type { LocalStop } from './local-stops.ts';

/** What an order writes. */
export interface WritePlan {
  /** Everything in force before, as a file. */
  readonly before: KillSwitchFile;
  readonly after: KillSwitchFile;
  readonly text: string;
  /** The stops of this process that need no keeping once this is written. */
  readonly settled: readonly LocalStop[];
  /** False when there is nothing to release. */
  readonly found: boolean;
}

/**
 * Plans the write of the stops in `local`, or of a release.
 *
 * Stops that could not be written earlier come along, unless the file would be too large with them:
 * they must not keep a release, or a smaller stop, from the file.
 * @throws {RangeError} when the file would be too large all the same.
 */
export function planWrite(
  file: KillSwitchFile,
  local: readonly LocalStop[],
  release: KillSwitchEntry | null,
): WritePlan {
  const before = withLocalStops(file, local);
  const found = release !== null && holds(before, release);
  const released = found ? release : null;
  try {
    const after = released === null ? before : withReleased(before, released);
    return { before, after, text: serializeKillSwitchFile(after), settled: local, found };
  } catch (error) {
    const key = release === null ? '' : targetKey(release);
    const own = local.filter((stop) => stop.state === 'writing' || stop.key === key);
    if (own.length === local.length) throw error;
    const filled = withLocalStops(file, own);
    const after = released === null ? filled : withReleased(filled, released);
    return { before, after, text: serializeKillSwitchFile(after), settled: own, found };
  }
}

/** The file with the stops of this process; those that it lost come back as they were, without a record. */
function withLocalStops(file: KillSwitchFile, stops: readonly LocalStop[]): KillSwitchFile {
  const keys = new Set(file.entries.map(targetKey));
  const entries = [...file.entries];
  const history = [...file.history];
  let { revision } = file;
  for (const { state, entry, key } of stops) {
    const known = keys.has(key);
    if (known && state === 'kept') continue;
    revision += 1;
    if (!known) entries.push(entry);
    if (state !== 'kept') history.push({ type: 'engaged', ...entry, revision });
    keys.add(key);
  }
  return { ...file, revision, entries, history: history.slice(-MAX_HISTORY) };
}
