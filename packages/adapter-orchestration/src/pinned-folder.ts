import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

const OPEN_FOLDER = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);

/** What opening says when the last segment is a link, or no folder. */
const NO_FOLDER: ReadonlySet<string> = new Set(['ELOOP', 'ENOTDIR']);

/**
 * A folder held open, so that links planted on the way to it are seen, or do not matter.
 *
 * On Linux the names made by {@link child} go through the open folder itself: whatever happens to its
 * path, they stay in it. Elsewhere they are plain paths, and {@link isInPlace} narrows the gap.
 */
export class PinnedFolder {
  /** The real path at which the folder was expected. */
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #descriptor: string | null;

  private constructor(path: string, handle: FileHandle, descriptor: string | null) {
    this.path = path;
    this.#handle = handle;
    this.#descriptor = descriptor;
  }

  /**
   * Opens the folder. Null when it is not, or no longer, at that path without a link on the way.
   * @param path absolute, with every link followed.
   * @param via another name to open it by, such as {@link child} of its parent.
   * @throws the system's error when nothing is there (ENOENT) or it cannot be opened.
   */
  static async open(path: string, via: string = path): Promise<PinnedFolder | null> {
    let handle: FileHandle;
    try {
      handle = await open(via, OPEN_FOLDER);
    } catch (error) {
      if (NO_FOLDER.has((error as NodeJS.ErrnoException).code ?? '')) return null;
      throw error;
    }
    const folder = new PinnedFolder(path, handle, await descriptorPath(handle));
    if (await folder.isInPlace()) return folder;
    await folder.close();
    return null;
  }

  /** Whether the open folder still is what its path leads to, without a link on the way. */
  async isInPlace(): Promise<boolean> {
    if (this.#descriptor !== null) return (await readlink(this.#descriptor)) === this.path;
    try {
      const [real, named, held] = await Promise.all([
        realpath(this.path),
        stat(this.path, { bigint: true }),
        this.#handle.stat({ bigint: true }),
      ]);
      return real === this.path && named.dev === held.dev && named.ino === held.ino;
    } catch {
      return false;
    }
  }

  /** A name for an entry of the folder; `name` is one path segment. */
  child(name: string): string {
    return join(this.#descriptor ?? this.path, name);
  }

  /** Makes renames in the folder durable. Nothing on Windows, which cannot sync a folder. */
  async sync(): Promise<void> {
    if (process.platform !== 'win32') await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** The name under which Linux shows an open file; null where there is none. */
async function descriptorPath(handle: FileHandle): Promise<string | null> {
  if (process.platform !== 'linux') return null;
  const path = `/proc/self/fd/${handle.fd}`;
  try {
    await readlink(path);
    return path;
  } catch {
    // No /proc mounted.
    return null;
  }
}
