import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** Flags of every read. Not followed: a link in a log's place. Not waited for: a pipe without writer. */
export const OWN_FILE: number =
  constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);

/**
 * The bytes of a regular file of at most `maxBytes`, or null when there is no such file.
 * @throws {Error} for a link, a folder, a device, a longer file, and every failure to read.
 */
export async function readBounded(path: string, maxBytes: number): Promise<Buffer | null> {
  const file = await openOwnFile(path);
  if (file === null) return null;
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new Error('not a regular file');
    if (status.size > maxBytes) throw new Error(`${status.size} bytes, more than ${maxBytes}`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function openOwnFile(path: string): Promise<Awaited<ReturnType<typeof open>> | null> {
  try {
    return await open(path, OWN_FILE);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Whether an error says that a file or one of its folders is not there. */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
