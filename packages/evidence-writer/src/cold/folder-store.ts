import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { GovernanceError, replaceFileDurably } from '@cortex-governance/core';
import { isMissing, readBounded } from '../bounded-read.ts';
import { nodeLogFiles } from '../log-files.ts';
import { tierError } from '../tier/tier-error.ts';
import { type ArchivedObject, type ArchiveStore, isArchiveKey } from './archive-store.ts';

const FILE_MODE = 0o600;

/** Folder of files that are being written; never listed. */
const SCRATCH_FOLDER = '.tmp';

/** An archive in a folder, such as a mounted disk of its own. */
export function createFolderStore(dir: string): ArchiveStore {
  return new FolderStore(resolve(dir));
}

class FolderStore implements ArchiveStore {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async create(key: string, content: Uint8Array): Promise<boolean> {
    const path = this.#path(key);
    const scratch = join(this.#dir, SCRATCH_FOLDER, randomBytes(8).toString('hex'));
    await nodeLogFiles.makeFolder(dirname(path));
    await mkdir(dirname(scratch), { recursive: true, mode: 0o700 });
    try {
      const file = await open(scratch, 'wx', FILE_MODE);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      // Unlike a rename, a link never takes the place of what is there.
      await link(scratch, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(scratch, { force: true });
    }
    await nodeLogFiles.syncFolder(dirname(path));
    return true;
  }

  async replace(key: string, content: Uint8Array): Promise<void> {
    const path = this.#path(key);
    await nodeLogFiles.makeFolder(dirname(path));
    await replaceFileDurably(path, content, FILE_MODE);
  }

  get(key: string, maxBytes: number): Promise<Buffer | null> {
    return readBounded(this.#path(key), maxBytes);
  }

  async *list(prefix: string): AsyncGenerator<ArchivedObject> {
    const folder = prefix.replace(/\/$/, '');
    if (isArchiveKey(folder)) yield* this.#listFolder(folder);
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    await rm(path, { force: true });
    await nodeLogFiles.syncFolder(dirname(path)).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  }

  async close(): Promise<void> {}

  async *#listFolder(folder: string): AsyncGenerator<ArchivedObject> {
    for (const { name, isFolder } of await namesIn(join(this.#dir, folder))) {
      const key = `${folder}/${name}`;
      if (!isArchiveKey(key)) continue;
      if (isFolder) yield* this.#listFolder(key);
      else yield { key, storedMs: (await stat(join(this.#dir, key))).mtimeMs };
    }
  }

  #path(key: string): string {
    if (!isArchiveKey(key)) throw tierError('cold', `${key} cannot be a key`);
    return join(this.#dir, key);
  }
}

/** Sorted as keys are: a folder's `/` counts. */
async function namesIn(folder: string): Promise<readonly { name: string; isFolder: boolean }[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => (entry.isFile() || entry.isDirectory()) && !entry.name.startsWith('.'))
      .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
      .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error instanceof GovernanceError ? error : tierError('cold', error);
  }
}

function sortKey({ name, isFolder }: { name: string; isFolder: boolean }): string {
  return isFolder ? `${name}/` : name;
}
