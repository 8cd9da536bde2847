/** What makes an entry a pattern: `*` and `?`, nothing else. */
const WILDCARD = /[*?]/;

/** Whether an entry is a pattern rather than the name of a folder or file. */
export function isScopeGlob(entry: string): boolean {
  return WILDCARD.test(entry);
}

/**
 * The test that a glob makes on a whole path in normal form, relative to the workspace.
 *
 * `**` as a whole segment is any number of segments, none included; `*` is any characters of one segment,
 * but not an empty segment; `?` is one character. Every other character is itself, brackets and
 * parentheses included. Names that start with a dot match like others.
 * @param glob an entry in normal form.
 */
export function compileScopeGlob(glob: string): (path: string) => boolean {
  const expression = new RegExp(`^${sourceOf(glob.split('/'))}$`, 'su');
  return (path) => expression.test(path);
}

/** The folder above everything that a glob in normal form can match; '' is the workspace. */
export function scopeGlobBase(glob: string): string {
  const segments = glob.split('/');
  return segments.slice(0, segments.findIndex(isScopeGlob)).join('/');
}

function sourceOf(segments: readonly string[]): string {
  // Two in a row mean what one does, and would be tried in every way of sharing the path.
  const parts = segments.filter((segment, i) => segment !== '**' || segments[i - 1] !== '**');
  return parts
    .map((part, i) => {
      if (part !== '**') return (i > 0 && parts[i - 1] !== '**' ? '/' : '') + segmentSource(part);
      if (parts.length === 1) return '.*';
      if (i === parts.length - 1) return '(?:/.*)?';
      return i === 0 ? '(?:[^/]+/)*' : '/(?:[^/]+/)*';
    })
    .join('');
}

function segmentSource(segment: string): string {
  if (/^\*+$/.test(segment)) return '[^/]+';
  return segment
    .replaceAll(/[\\^$.+()[\]{}|/]/g, '\\$&')
    .replaceAll(/\*+/g, '[^/]*')
    .replaceAll('?', '[^/]');
}
