import { HONEST_PATHS, HOSTILE_PATHS } from './hostile-paths.ts';

/** A source of numbers that gives the same ones for the same seed: mulberry32. */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Where paths start. */
const STARTS = [
  ...['', '', '', '', './', '../', '/', '//', '/work/', '/work/space/', '/work/space', '~', '/../'],
  ...['docs/', 'packages/a/', '../space/', 'C:', 'file:', '/work/../work/space/', 'a/../', '%2e/'],
];

/** Names and what may stand in place of one. */
const SEGMENTS = [
  ...['.', '..', '..', '..', '', '...', 'docs', 'docs', 'docs', 'packages', 'a', 'a', 'b', 'x.md'],
  ...['space', 'work', 'src', 'x', '.git', '.a', '..a', 'a..b', 'a.', 'a ', ' a', ' ', '. ', '-rf'],
  ...[
    'con',
    'NUL',
    'aux.txt',
    'com1',
    'config',
    'console',
    'common',
    'lpt9 .x',
    'conin$',
    'com\u00b9',
  ],
  ...[
    'nul:x',
    'CONTRIBUTING',
    'prn',
    'lpt',
    'com',
    'nulx',
    '[id]',
    '(main)',
    'index.test.ts',
    'Docs',
  ],
];

/** Pieces that are put into names. */
const PIECES = [
  ...[
    '.',
    '.',
    ' ',
    '%',
    ':',
    '~',
    '\\',
    '*',
    '?',
    '[',
    '(',
    '{',
    '$',
    '+',
    '^',
    '|',
    '"',
    "'",
    '@',
  ],
  ...['a', 'B', '0', '_', '-', '=', ',', ';', '\u00e9', '\u65e5', '\u{1f600}', 'e\u0301'],
  ...['\0', '\t', '\n', '\u001b', '\u007f', '\u0085', '\u00a0', '\ud800', '\udc00'],
  ...['\u200b', '\u200d', '\u00ad', '\ufeff', '\ufe0f', '\u202e', '\u2066', '\u2028'],
  ...['\u2024', '\u2025', '\u2215', '\uff0e', '\uff0f', '\uff3c', '\u2100', '\u29f8', '\u17b4'],
  ...[
    '%2e',
    '%2F',
    '%5c',
    '%25',
    '%00',
    '%c0%af',
    '%C1',
    '%e0%80',
    '%f0%80',
    '%u002e',
    '%uzz',
    '%20',
  ],
];

/** A path put together from pieces that path code trips over. */
export function nastyPath(random: () => number): string {
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? '';
  const kind = random();
  if (kind < 0.03) return mutate(pick(HOSTILE_PATHS).slice(0, 5000), pick, random);
  if (kind < 0.1) return mutate(pick(HONEST_PATHS), pick, random);
  const segments = Array.from({ length: Math.floor(random() * 8) }, () => {
    const segment = pick(SEGMENTS);
    return random() < 0.06 ? mutate(segment, pick, random) : segment;
  });
  return pick(STARTS) + segments.join(random() < 0.03 ? '//' : '/') + (random() < 0.1 ? '/' : '');
}

/** The text with one piece put in, one character left out, or both. */
function mutate(
  text: string,
  pick: (from: readonly string[]) => string,
  random: () => number,
): string {
  const at = Math.floor(random() * (text.length + 1));
  const dropped = random() < 0.3 ? 1 : 0;
  const piece = random() < 0.8 ? pick(PIECES) : '';
  return text.slice(0, at) + piece + text.slice(at + dropped);
}
