import { posix } from 'node:path';

/*
 * What the README says of paths, written once more: slowly, a rule at a time, without regular
 * expressions and without a look at src. The fuzz test holds the fast code against it.
 */

export type ReferenceAnswer = 'ok' | 'PATH_INVALID' | 'PATH_OUT_OF_SCOPE';

const MAX_LENGTH = 4096;

const DEVICES = new Set([
  ...['con', 'prn', 'aux', 'nul', 'conin$', 'conout$'],
  ...[...'0123456789\u00b9\u00b2\u00b3'].flatMap((digit) => [`com${digit}`, `lpt${digit}`]),
]);

const LOOK_ALIKES = new Set(
  [...'\u2024\u2025\u2044\u2100\u2101\u2105\u2106\u2215\u2216\u2571\u2572\u27cb\u27cd'].concat([
    ...'\u29f5\u29f8\u29f9\ufe52\ufe68\uff0e\uff0f\uff3c',
  ]),
);

const DIRECTIONS_AND_LINES = new Set([
  ...'\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069',
]);

const ENCODINGS = ['%2e', '%2f', '%5c', '%25', '%00', '%c0', '%c1', '%e0%80', '%f0%80'];

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const HEX = '0123456789abcdef';

/** Judges a path by its text: a folder or file of the scope, something below one, or a match of a glob. */
export function referenceAnswer(
  scope: readonly string[],
  workspace: string,
  path: string,
): ReferenceAnswer {
  if (isMalformed(path)) return 'PATH_INVALID';
  const target = resolveByText(workspace, path);
  const home = namesOf(workspace);
  const isBelow = home.every((name, i) => target[i] === name);
  if (!isBelow) return 'PATH_OUT_OF_SCOPE';
  const rest = target.slice(home.length);
  return scope.some((entry) => coversEntry(namesOf(entry), rest)) ? 'ok' : 'PATH_OUT_OF_SCOPE';
}

/** The names on the way to a path, one segment at a time. Held against Node's own once more. */
function resolveByText(workspace: string, path: string): string[] {
  const names = path.startsWith('/') ? [] : namesOf(workspace);
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') names.pop();
    else names.push(segment);
  }
  if (posix.resolve(workspace, path) !== `/${names.join('/')}`)
    throw new Error('the reference is wrong');
  return names;
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function coversEntry(entry: readonly string[], names: readonly string[]): boolean {
  if (entry.some((name) => name.includes('*') || name.includes('?')))
    return matchNames(entry, names);
  return entry.every((name, i) => names[i] === name);
}

function matchNames(glob: readonly string[], names: readonly string[]): boolean {
  const [first, ...rest] = glob;
  if (first === undefined) return names.length === 0;
  if (first === '**') {
    return names.some((_, i) => matchNames(rest, names.slice(i))) || matchNames(rest, []);
  }
  const [name, ...others] = names;
  return name !== undefined && matchName([...first], [...name]) && matchNames(rest, others);
}

function matchName(glob: readonly string[], name: readonly string[]): boolean {
  const [first, ...rest] = glob;
  if (first === undefined) return name.length === 0;
  if (first === '*') {
    return matchName(rest, name) || (name.length > 0 && matchName(glob, name.slice(1)));
  }
  return name.length > 0 && (first === '?' || first === name[0]) && matchName(rest, name.slice(1));
}

function isMalformed(path: string): boolean {
  if (path === '' || path.length > MAX_LENGTH) return true;
  if (path.startsWith('~') || (path.startsWith('//') && path.length > 1)) return true;
  for (const character of path) if (isRefused(character)) return true;
  return hasScheme(path) || hasEncoding(path) || path.split('/').some(isBadName);
}

function isRefused(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  const isControl = code < 0x20 || (code >= 0x7f && code <= 0x9f);
  const isHalf = code >= 0xd800 && code <= 0xdfff;
  return (
    isControl ||
    isHalf ||
    character === '\\' ||
    LOOK_ALIKES.has(character) ||
    DIRECTIONS_AND_LINES.has(character)
  );
}

function hasScheme(path: string): boolean {
  const colon = path.indexOf(':');
  if (colon < 1) return false;
  const scheme = [...lower(path.slice(0, colon))];
  return (
    LETTERS.includes(scheme[0] ?? '?') &&
    scheme.every((character) => `${LETTERS}0123456789+.-`.includes(character))
  );
}

function hasEncoding(path: string): boolean {
  const text = lower(path);
  if (ENCODINGS.some((encoding) => text.includes(encoding))) return true;
  return text.split('%u').some((piece, i) => {
    const digits = [...piece.slice(0, 4)];
    return i > 0 && digits.length === 4 && digits.every((digit) => HEX.includes(digit));
  });
}

function isBadName(name: string): boolean {
  if (name === '' || name === '.' || name === '..') return false;
  if (name.endsWith('.') || name.endsWith(' ') || isDevice(name)) return true;
  const visible = [...name].filter((character) => !isIgnorable(character)).join('');
  return visible !== name && (visible === '' || visible.endsWith('.') || visible.endsWith(' '));
}

function isDevice(name: string): boolean {
  const ends = [name.indexOf('.'), name.indexOf(':')].filter((at) => at >= 0);
  let stem = name.slice(0, Math.min(...ends, name.length));
  while (stem.endsWith(' ')) stem = stem.slice(0, -1);
  return DEVICES.has(lower(stem));
}

function isIgnorable(character: string): boolean {
  return /^\p{Default_Ignorable_Code_Point}$/u.test(character);
}

/** ASCII letters in lower case, and no others. */
function lower(text: string): string {
  return [...text]
    .map((character) =>
      character >= 'A' && character <= 'Z' ? character.toLowerCase() : character,
    )
    .join('');
}
