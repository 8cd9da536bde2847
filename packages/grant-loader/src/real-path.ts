import { lstat, readlink, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, parse, sep } from 'node:path';
import type { DenialCode } from '@cortex-governance/core';

/** A path on disk with every link followed, or the code that says why there is none. */
export type RealPath =
  | { readonly path: string; readonly code: null }
  | { readonly path: null; readonly code: DenialCode };

/** Segments looked at in one path, those of links included; more is a loop. */
const MAX_STEPS = 10_000;

/** What says that the path itself is wrong, rather than that it cannot be looked at. */
const MALFORMED: ReadonlySet<string> = new Set([
  'EINVAL',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOTDIR',
  'ERR_INVALID_ARG_VALUE',
]);

/**
 * Follows every link of an absolute path, as the system would when opening it. What does not exist
 * yet is kept as written behind the real path of what does. Never rejects: a loop, a file used as a
 * folder or a name that is too long is PATH_INVALID; what cannot be looked at is PATH_OUT_OF_SCOPE.
 */
export async function findRealPath(path: string): Promise<RealPath> {
  try {
    return found(await realpath(path));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return refused(error);
  }
  try {
    return await walk(path);
  } catch (error) {
    return refused(error);
  }
}

async function walk(path: string): Promise<RealPath> {
  const pending = segmentsOf(path);
  let current = parse(path).root;
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const segment = pending.pop();
    if (segment === undefined) return found(current);
    if (segment === '..') {
      current = dirname(current);
      continue;
    }
    const next = join(current, segment);
    const target = await linkTarget(next);
    if (target === null) {
      current = next;
      continue;
    }
    if (isAbsolute(target)) current = parse(target).root;
    pending.push(...segmentsOf(target));
  }
  return { path: null, code: 'PATH_INVALID' };
}

/** Where a link points; null for what is no link or does not exist. */
async function linkTarget(path: string): Promise<string | null> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** The segments of a path, last one first. */
function segmentsOf(path: string): string[] {
  return path
    .slice(parse(path).root.length)
    .split(sep === '/' ? '/' : /[\\/]/)
    .filter((segment) => segment !== '' && segment !== '.')
    .reverse();
}

function found(path: string): RealPath {
  return { path, code: null };
}

function refused(error: unknown): RealPath {
  return { path: null, code: MALFORMED.has(codeOf(error)) ? 'PATH_INVALID' : 'PATH_OUT_OF_SCOPE' };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
