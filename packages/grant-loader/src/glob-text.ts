import { isPathText } from './path-text.ts';

/** What splits a glob into pieces that expansion may put together again. */
const ALTERNATION = /[{}(),|]/;

/**
 * Whether braces or alternatives of a glob can add up to a `..` segment, as `.{.,x}` does.
 * A piece that holds any other character can never become part of one.
 */
export function climbsByGlob(glob: string): boolean {
  for (const segment of glob.split('/')) {
    const pieces = segment.split(ALTERNATION);
    if (pieces.includes('..') || (pieces.length > 1 && pieces.includes('.'))) return true;
  }
  return false;
}

/** Whether a glob argument is well formed and selects only below the folder it is applied to. */
export function isContainedGlob(glob: string): boolean {
  return (
    isPathText(glob) &&
    !glob.startsWith('/') &&
    !glob.split('/').includes('..') &&
    !climbsByGlob(glob)
  );
}
