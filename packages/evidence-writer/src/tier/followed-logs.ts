import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../bounded-read.ts';
import { KEY_FILE_SUFFIX } from '../log-layout.ts';
import { isLockHeld } from '../log-lock.ts';

/** Which logs of a folder a process follows. */
export interface FollowedLogs {
  /** The folder of the logs. */
  readonly dir: string;
  /** Folder of the log that this process writes; null while it writes none. */
  readonly own: () => string | null;
  /**
   * Whether logs that other processes write are followed, too: where the tier can be opened by one process
   * alone. Otherwise each follows its own, and those that nobody writes any more.
   */
  readonly others: boolean;
}

/** A function that lists the logs to follow, by name. */
export function followedLogs({ dir, own, others }: FollowedLogs): () => Promise<readonly string[]> {
  return async () => {
    const folders: string[] = [];
    for (const folder of await listLogs(dir)) {
      if (others || folder === own() || !(await isLockHeld(`${folder}.lock`))) folders.push(folder);
    }
    return folders;
  };
}

async function listLogs(dir: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(dir)).filter((name) => name.endsWith(KEY_FILE_SUFFIX)).sort();
    return names.map((name) => join(dir, name.slice(0, -KEY_FILE_SUFFIX.length)));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
