import picomatch from 'picomatch';
import { climbsByGlob } from './glob-text.ts';
import { isPathText } from './path-text.ts';

/**
 * Says why an entry of `fsScope` is refused, or null when it is a folder, a file or a glob below
 * the workspace.
 */
export function findScopeEntryProblem(entry: string): string | null {
  if (entry === '') return 'is empty; write "." for the whole workspace';
  if (hasControlCharacter(entry)) return 'contains a control character';
  if (entry.includes('\\')) return 'contains a backslash; separate folders by "/"';
  if (entry.startsWith('/') || /^[A-Za-z]:/.test(entry))
    return 'is absolute; write it relative to the workspace';
  if (entry.startsWith('~')) return 'starts with "~"; write it relative to the workspace';
  if (entry.startsWith('!')) return 'is negated; name what is in scope';
  if (entry.split('/').includes('..') || climbsByGlob(entry)) return 'contains ".."';
  if (!isPathText(entry)) return 'has a form that is refused in every path';
  return null;
}

/** Whether an entry is a pattern rather than the name of a folder or file. */
export function isScopeGlob(entry: string): boolean {
  return picomatch.scan(entry).isGlob;
}

/** The test that a glob makes on a path relative to the workspace. */
export function compileScopeGlob(glob: string): (path: string) => boolean {
  // Not picomatch() itself, which also accepts the glob's own text as a path.
  const expression = picomatch.makeRe(normaliseScopeEntry(glob), { dot: true, nonegate: true });
  return (path) => expression.test(path);
}

/** An entry in the one form that scopes compare: no `.` and no empty segments; '' is the workspace. */
export function normaliseScopeEntry(entry: string): string {
  return entry
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.')
    .join('/');
}

function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
