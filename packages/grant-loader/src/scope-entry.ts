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
  if (entry.split('/').includes('..')) return 'contains ".."';
  // Elsewhere these are patterns. As plain text they would silently cover less than they seem to.
  if (/[{}]/.test(entry)) return 'contains a brace; write an entry for each alternative';
  if (/[@!+?*]\(/.test(entry))
    return 'contains an extended glob; only "*", "?" and "**" are patterns';
  if (!isPathText(entry)) return 'has a form that is refused in every path';
  return null;
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
