import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, rename, rm } from 'node:fs/promises';
import type { PinnedFolder } from './pinned-folder.ts';

const CREATE_NEW =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** What is at a name: nothing, a regular file and its permission bits, a link, or something else. */
export type Entry =
  | { readonly kind: 'none' | 'link' | 'other' }
  | { readonly kind: 'file'; readonly mode: number };

/** Looks without following a link. */
export async function entryAt(folder: PinnedFolder, name: string): Promise<Entry> {
  try {
    const status = await lstat(folder.child(name));
    if (status.isFile()) return { kind: 'file', mode: status.mode & 0o777 };
    return { kind: status.isSymbolicLink() ? 'link' : 'other' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'none' };
    throw error;
  }
}

/**
 * Puts a file in place, whole or not at all: a temporary file in the same folder, fsync, rename, fsync
 * of the folder. A link at the name is replaced, never followed. On an error nothing of it stays.
 * @param mode permission bits of the file.
 * @param check called before the first byte is written and before the rename; a throw ends it.
 * @throws what the system says, unchanged, and what `check` throws.
 */
export async function writeAtomically(
  folder: PinnedFolder,
  name: string,
  data: Uint8Array,
  mode: number,
  check: () => Promise<void>,
): Promise<void> {
  const temporary = folder.child(`.cortex-${randomBytes(8).toString('hex')}.tmp`);
  const file = await open(temporary, CREATE_NEW, 0o600);
  try {
    try {
      await check();
      await file.writeFile(data);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await check();
    await rename(temporary, folder.child(name));
  } catch (error) {
    // The first error is the one to report; a temporary file that stays has a name that says so.
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await folder.sync();
}
