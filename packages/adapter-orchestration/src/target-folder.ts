import { mkdir } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import type { Governor } from '@cortex-governance/governor';
import { PinnedFolder } from './pinned-folder.ts';
import { changedPath, refusal, type WritePermit } from './write-permit.ts';
import { folderState } from './write-target.ts';

/**
 * The folder of a permitted file, held open.
 * @throws {GovernanceError} PATH_OUT_OF_SCOPE when it is no longer where it was decided to be.
 * @throws the system's error, such as ENOENT.
 */
export async function openTargetFolder(
  governor: Governor,
  permit: WritePermit,
): Promise<PinnedFolder> {
  return inPlace(governor, permit, await PinnedFolder.open(dirname(permit.target)));
}

/**
 * As {@link openTargetFolder}, and creates what is missing, one folder inside the other. Each of them
 * must be in the grant's scope itself, and be where its text says.
 */
export async function createTargetFolder(
  governor: Governor,
  permit: WritePermit,
): Promise<PinnedFolder> {
  const { existing, missing } = await folderState(dirname(permit.target));
  await checkNewFolders(governor, permit, existing, missing);
  let folder = await inPlace(governor, permit, await PinnedFolder.open(existing));
  for (const name of missing) {
    const outer = folder;
    try {
      folder = await openNewFolder(governor, permit, outer, name);
    } finally {
      await outer.close();
    }
  }
  return folder;
}

async function openNewFolder(
  governor: Governor,
  permit: WritePermit,
  outer: PinnedFolder,
  name: string,
): Promise<PinnedFolder> {
  const via = outer.child(name);
  try {
    await mkdir(via);
  } catch (error) {
    // Another writer made it first; whether it is a folder shows when it is opened.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return inPlace(governor, permit, await PinnedFolder.open(join(outer.path, name), via));
}

async function inPlace(
  governor: Governor,
  permit: WritePermit,
  folder: PinnedFolder | null,
): Promise<PinnedFolder> {
  if (folder === null) throw changedPath(governor, permit);
  return folder;
}

async function checkNewFolders(
  governor: Governor,
  permit: WritePermit,
  existing: string,
  missing: readonly string[],
): Promise<void> {
  if (permit.verdict.shadowed) return;
  let text = posix.dirname(posix.normalize(permit.asked));
  for (let count = missing.length; count > 0; count -= 1) {
    const real = join(existing, ...missing.slice(0, count));
    if (!(await isInScope(governor, permit, text, real))) {
      const detail = 'a missing folder above path is not in fsScope';
      throw refusal(governor, permit.request, 'PATH_OUT_OF_SCOPE', detail);
    }
    text = posix.dirname(text);
  }
}

/** Whether the grant covers the folder, by its text and by its real path. Consumes no limit. */
async function isInScope(
  governor: Governor,
  { request }: WritePermit,
  text: string,
  real: string,
): Promise<boolean> {
  const grant = governor.grants.current().find(request.resource.id);
  const action = grant?.action(request.action.name);
  if (grant === undefined || action === undefined) return false;
  if (grant.shadow) return true;
  const args = { ...request.action.properties, path: text };
  if (action.checkArguments(args) !== null) return false;
  const resolved = await action.resolvePaths(args);
  return resolved.problem === null && resolved.args['path'] === real;
}
