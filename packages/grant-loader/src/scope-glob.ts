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
 *
 * No regular expression: callers choose the path, and with several wildcards one would try every way of
 * sharing it among them. The work here is at most the length of the glob times that of the path.
 * @param glob an entry in normal form.
 */
export function compileScopeGlob(glob: string): (path: string) => boolean {
  const parts = glob.split('/').map((part) => (part === '**' ? part : part.replace(/\*+/g, '*')));
  return (path) => matchesPath(parts, path);
}

/** The folder above everything that a glob in normal form can match; '' is the workspace. */
export function scopeGlobBase(glob: string): string {
  const segments = glob.split('/');
  return segments.slice(0, segments.findIndex(isScopeGlob)).join('/');
}

/** Matches names one by one. When one does not match, the last `**` takes in one name more. */
function matchesPath(parts: readonly string[], path: string): boolean {
  const over = path.length + 1;
  let at = path === '' ? over : 0;
  let part = 0;
  let afterAny = -1;
  let retryAt = 0;
  while (at < over) {
    const end = nameEnd(path, at);
    const pattern = parts[part];
    if (pattern === '**') {
      part += 1;
      afterAny = part;
      retryAt = at;
    } else if (pattern !== undefined && matchesName(pattern, path, at, end)) {
      part += 1;
      at = end + 1;
    } else if (afterAny >= 0) {
      retryAt = nameEnd(path, retryAt) + 1;
      part = afterAny;
      at = retryAt;
    } else return false;
  }
  while (parts[part] === '**') part += 1;
  return part === parts.length;
}

/** As {@link matchesPath}, for the characters of one name: those of `text` from `start` to `end`. */
function matchesName(pattern: string, text: string, start: number, end: number): boolean {
  let at = start;
  let place = 0;
  let afterStar = -1;
  let retryAt = start;
  while (at < end) {
    const sign = pattern[place];
    if (sign === '*') {
      place += 1;
      afterStar = place;
      retryAt = at;
    } else if (sign === '?') {
      place += 1;
      at = pointEnd(text, at);
    } else if (sign === text[at]) {
      place += 1;
      at += 1;
    } else if (afterStar >= 0) {
      retryAt = pointEnd(text, retryAt);
      place = afterStar;
      at = retryAt;
    } else return false;
  }
  while (pattern[place] === '*') place += 1;
  return place === pattern.length;
}

function nameEnd(path: string, start: number): number {
  const end = path.indexOf('/', start);
  return end < 0 ? path.length : end;
}

/** Where the character at a place ends; one beyond U+FFFF takes two places. */
function pointEnd(text: string, at: number): number {
  return at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
}
