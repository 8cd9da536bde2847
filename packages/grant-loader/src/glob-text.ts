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

/** A bracket expression. A `]` right after its start is one of its characters. */
const CLASS = /\[[!^]?\]?(?:\[[:.=][^\]]*\]|[^\]])*\]/g;

/** What splits a segment into alternatives, with the sign that makes a parenthesis an extended glob. */
const SPLIT = /[?*+@!]?\(|[{}),|]/;

/** Ranges as `{-..0}` that some shells fill with punctuation. */
const PUNCTUATION_RANGE = /\{[!-.]\.\.|\.\.[!-.]\}/;

/**
 * Whether some expansion makes a `..` of a segment. Shells differ: dash and perl match `.*` with the
 * parent folder, others do not. A wildcard in front matches no dot in any of them. With alternatives,
 * a piece that can only be dots is enough.
 */
function mayBecomeParent(segment: string): boolean {
  if (PUNCTUATION_RANGE.test(segment)) return true;
  // Behind the last `]` no class can end; to look for one there would cost the cube of its length.
  const classesEnd = segment.lastIndexOf(']') + 1;
  const head = segment.slice(0, classesEnd);
  const classes = head.match(CLASS) ?? [];
  // Braces are expanded before brackets are read, so such a class is not what it seems.
  if (classes.some((text) => ALTERNATION.test(text))) return true;
  const plain =
    head.replace(CLASS, (text) => (acceptsDot(text) ? '.' : 'x')) + segment.slice(classesEnd);
  if (!ALTERNATION.test(plain)) return /^\.(?:\*+|\**[.?]\**)$/.test(plain);
  // What is not `x` may be anything, dots included.
  if (/^!\(.*\)[.?*]*$/.test(plain)) return true;
  return plain.split(SPLIT).some((piece) => /^\.[.?*]*$/.test(piece));
}

/** Whether a bracket expression accepts a dot. Named classes count as if they did. */
function acceptsDot(text: string): boolean {
  const inside = text.slice(1, -1);
  // To POSIX shells `^` may be a character like any other, which makes `[^.]` accept a dot.
  if (inside.startsWith('^')) return true;
  const negated = inside.startsWith('!');
  const members = negated ? inside.slice(1) : inside;
  if (members.includes('[')) return true;
  const accepts =
    members.includes('.') ||
    [...members.matchAll(/(?=(.)-(.))/gsu)].some(
      ([, low = '', high = '']) => low <= '.' && high >= '.',
    );
  return accepts !== negated;
}

/** Whether a glob argument is well formed and selects only below the folder it is applied to. */
export function isContainedGlob(glob: string): boolean {
  return (
    isPathText(glob) &&
    !glob.startsWith('/') &&
    !glob.split('/').includes('..') &&
    !climbsByGlob(glob) &&
    !glob.split('/').some(mayBecomeParent)
  );
}
