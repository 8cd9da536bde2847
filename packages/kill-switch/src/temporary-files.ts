import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A temporary file older than this (ms) belongs to a process that was killed: a write takes a few. */
const LEFT_AFTER_MS = 60_000;

/**
 * Removes the temporary files that processes left which were killed while they replaced a file.
 * Never rejects: a leftover takes space and does no harm.
 */
export async function removeLeftovers(folder: string, file: string): Promise<void> {
  try {
    const names = await readdir(folder);
    for (const name of names) {
      if (!name.startsWith(`.${file}.`) || !name.endsWith('.tmp')) continue;
      const path = join(folder, name);
      if (Date.now() - (await stat(path)).mtimeMs > LEFT_AFTER_MS) await rm(path, { force: true });
    }
  } catch {
    // Gone meanwhile, or not ours to remove.
  }
}
