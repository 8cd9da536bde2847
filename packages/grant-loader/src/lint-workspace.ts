import { lstat, opendir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { normaliseScopeEntry } from './scope-entry.ts';
import { compileScopeGlob, scopeGlobBase } from './scope-glob.ts';

/** Entries looked at for one glob; a workspace may be huge. */
const MAX_ENTRIES = 20_000;

/** Folders that are only searched when a glob names them. */
const SKIPPED = new Set(['.git', 'node_modules']);

/** What a scope entry that names a file or folder turns out to be. */
export async function inspectScopePath(
  workspace: string,
  entry: string,
): Promise<'present' | 'missing' | 'link'> {
  const path = join(workspace, normaliseScopeEntry(entry));
  try {
    await lstat(path);
    const expected = join(await realpath(workspace), normaliseScopeEntry(entry));
    return (await realpath(path)) === expected ? 'present' : 'link';
  } catch {
    return 'missing';
  }
}

/** Whether a glob matches anything. Also true when the workspace is too large to tell. */
export async function globMatches(workspace: string, glob: string): Promise<boolean> {
  const normal = normaliseScopeEntry(glob);
  const matches = compileScopeGlob(normal);
  const pending = [scopeGlobBase(normal)];
  for (let seen = 0; seen < MAX_ENTRIES; ) {
    const folder = pending.pop();
    if (folder === undefined) return false;
    for (const name of await subentries(join(workspace, folder))) {
      const path = folder === '' ? name.name : `${folder}/${name.name}`;
      if (matches(path)) return true;
      if (name.isFolder && !SKIPPED.has(name.name)) pending.push(path);
      seen += 1;
    }
  }
  return true;
}

async function subentries(path: string): Promise<{ name: string; isFolder: boolean }[]> {
  const entries: { name: string; isFolder: boolean }[] = [];
  try {
    for await (const entry of await opendir(path)) {
      entries.push({ name: entry.name, isFolder: entry.isDirectory() });
      if (entries.length >= MAX_ENTRIES) break;
    }
  } catch {
    // What cannot be read holds no match that a tool could reach.
  }
  return entries;
}
