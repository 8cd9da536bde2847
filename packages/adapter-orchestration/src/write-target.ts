import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

/**
 * The path that is put to the governor: relative to the workspace, also when it was given as absolute.
 * A grant that treats it as a path answers with an absolute real path; one that does not leaves it
 * relative, which shows.
 */
export function pathInWorkspace(workspace: string, path: string): string {
  if (!isAbsolute(path)) return path;
  const inside = relative(workspace, path);
  return sep === '/' ? inside : inside.replaceAll(sep, '/');
}

/** The part of a folder's path that exists, and the names below it that do not, outermost first. */
export interface FolderState {
  readonly existing: string;
  readonly missing: readonly string[];
}

/** @throws the system's error for a path that cannot be looked at. */
export async function folderState(folder: string): Promise<FolderState> {
  const missing: string[] = [];
  let existing = folder;
  while (!(await exists(existing))) {
    missing.unshift(basename(existing));
    existing = dirname(existing);
  }
  return { existing, missing };
}

/** Where a write that is only watched (shadow mode) goes: as the system would resolve the path. */
export async function unscopedTarget(workspace: string, path: string): Promise<string> {
  const target = resolve(workspace, path);
  const { existing, missing } = await folderState(target);
  return join(await realpath(existing), ...missing);
}

async function exists(path: string): Promise<boolean> {
  // The root exists; it also ends the walk where nothing can be looked at.
  if (path === dirname(path)) return true;
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
