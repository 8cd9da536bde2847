/** Longest path, in UTF-16 code units: PATH_MAX of Linux. */
export const MAX_PATH_LENGTH = 4096;

/** How a path's text reads. */
export const PATH_MALFORMED = 0;
/** Relative, with no empty, `.` or `..` segment: it can be compared as it stands. */
export const PATH_PLAIN = 1;
/** Well formed, but it must be resolved before it is compared. */
export const PATH_UNRESOLVED = 2;
export type PathForm = typeof PATH_MALFORMED | typeof PATH_PLAIN | typeof PATH_UNRESOLVED;

const SLASH = 0x2f;
const DOT = 0x2e;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;
const TILDE = 0x7e;
const PERCENT = 0x25;
const COLON = 0x3a;

/** A name of ordinary characters, with dots only at its start and inside, that does not start as a device name does. */
const NAME =
  '(?![cpanlCPANL](?:[oO][nNmM]|[rR][nN]|[uU][xXlL]|[pP][tT])(?![a-hj-np-z]))' +
  '\\.?[\\w@+=,-]+(?:\\.[\\w@+=,-]+)*';

/**
 * What nearly every path is: such names, none of them `.` or `..`. One regular expression is twice as fast
 * as a loop; what it does not match is not refused, but looked at character by character. No piece can
 * match in two ways, so it reads no character more than a few times.
 */
const ORDINARY = new RegExp(`^(?:${NAME}(?:/(?!$)|$))+$`);

/** Nearly every other path: such names, `.` and `..`, absolute or not, with or without a slash at the end. */
const ORDINARY_UNRESOLVED = new RegExp(`^/?(?:(?:\\.\\.?(?=/|$)|${NAME})(?:/(?!/)|$))+$`);

/** `file:`, `https:`, `C:`: a URL or a drive, never a path below the workspace. */
const SCHEME_OR_DRIVE = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/** Names that Windows opens as devices in any folder and with any extension. */
const DEVICE_NAME =
  /^(?:con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]|conin\$|conout\$) *(?:[.:].*)?$/is;

/** The first three letters of each of them, as {@link lettersAt} reads them. */
const CON = lettersAt('con', 0);
const PRN = lettersAt('prn', 0);
const AUX = lettersAt('aux', 0);
const NUL = lettersAt('nul', 0);
const COM = lettersAt('com', 0);
const LPT = lettersAt('lpt', 0);

/** Letters that may follow them, as in `conin$`; every other one makes an ordinary name, as `config`. */
const LETTER_I = 0x69;
const LETTER_O = 0x6f;

/**
 * Percent-encoded `.`, `/`, `\`, `%` and NUL, over-long UTF-8 (which lenient decoders turn into
 * them) and `%uXXXX`: a file name to us, a way out for a tool that decodes.
 */
const ENCODED_TRICK = /%(?:2e|2f|5c|25|00|c[01]|e0%80|f0%80|u[0-9a-f]{4})/i;

/**
 * Characters that show as, or are normalised (NFKC, best fit) to, a separator, a dot or a backslash;
 * bidirectional controls, which make a path show as another one; line separators; C1 controls.
 */
const LOOK_ALIKE =
  /[\u0080-\u009f\u2024\u2025\u2028\u2029\u202a-\u202e\u2044\u2066-\u2069\u2100\u2101\u2105\u2106\u2215\u2216\u2571\u2572\u27cb\u27cd\u29f5\u29f8\u29f9\ufe52\ufe68\uff0e\uff0f\uff3c]/;

/** Characters that some file systems and tools drop. */
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * Judges the text of a path alone. Malformed are: the empty path and one beyond
 * {@link MAX_PATH_LENGTH}; control characters and lone surrogates; a backslash; a leading `~` or `//`;
 * a URL scheme or drive; Windows device names; segments ending with a dot or a space; encoded
 * separators, dots and NULs; characters that look like separators or dots, and dots hidden among
 * characters that show as nothing.
 */
export function pathForm(path: string): PathForm {
  const { length } = path;
  if (length === 0 || length > MAX_PATH_LENGTH || path.charCodeAt(0) === TILDE)
    return PATH_MALFORMED;
  if (!startsUnresolved(path) && ORDINARY.test(path)) return PATH_PLAIN;
  if (ORDINARY_UNRESOLVED.test(path)) return PATH_UNRESOLVED;
  let form: PathForm = PATH_PLAIN;
  let rare = false;
  let start = 0;
  for (let i = 0; i <= length; i += 1) {
    const unit = i === length ? SLASH : path.charCodeAt(i);
    if (unit === SLASH) {
      const segment = segmentForm(path, start, i);
      if (segment === PATH_MALFORMED) return PATH_MALFORMED;
      if (segment === PATH_UNRESOLVED) form = PATH_UNRESOLVED;
      start = i + 1;
    } else if (unit < SPACE || unit === BACKSLASH) {
      return PATH_MALFORMED;
    } else if (unit >= DELETE || unit === PERCENT || unit === COLON) {
      rare = true;
    }
  }
  return rare && hasRareTrick(path) ? PATH_MALFORMED : form;
}

/** Whether a path starts with `/`, `./` or `..`, and so needs no first try. */
function startsUnresolved(path: string): boolean {
  const first = path.charCodeAt(0);
  if (first !== DOT) return first === SLASH;
  const second = path.charCodeAt(1);
  return second === DOT || second === SLASH;
}

/** Whether a path is well formed by its text. */
export function isPathText(path: string): boolean {
  return pathForm(path) !== PATH_MALFORMED;
}

function segmentForm(path: string, start: number, end: number): PathForm {
  const length = end - start;
  // An empty second segment at the front is `//`, which Windows reads as a server.
  if (length === 0) return start === 1 && path.length > 1 ? PATH_MALFORMED : PATH_UNRESOLVED;
  const last = path.charCodeAt(end - 1);
  if (last === SPACE) return PATH_MALFORMED;
  if (last === DOT) {
    const dots = length === 1 || (length === 2 && path.charCodeAt(start) === DOT);
    return dots ? PATH_UNRESOLVED : PATH_MALFORMED;
  }
  return length >= 3 && startsLikeDevice(path, start, end) && isDevice(path, start, end)
    ? PATH_MALFORMED
    : PATH_PLAIN;
}

/** Whether a segment of three characters or more may be a device name. Most are not, and need no regular expression. */
function startsLikeDevice(path: string, start: number, end: number): boolean {
  const letters = lettersAt(path, start);
  if (
    letters !== CON &&
    letters !== COM &&
    letters !== PRN &&
    letters !== AUX &&
    letters !== NUL &&
    letters !== LPT
  )
    return false;
  if (end === start + 3) return true;
  const next = path.charCodeAt(start + 3) | 0x20;
  return next < 0x61 || next > 0x7a || next === LETTER_I || next === LETTER_O;
}

function isDevice(path: string, start: number, end: number): boolean {
  return DEVICE_NAME.test(path.slice(start, end));
}

/** Three characters as one number, ASCII letters in lower case. Other characters may give the same number. */
function lettersAt(text: string, at: number): number {
  return (
    ((text.charCodeAt(at) | 0x20) << 16) |
    ((text.charCodeAt(at + 1) | 0x20) << 8) |
    (text.charCodeAt(at + 2) | 0x20)
  );
}

function hasRareTrick(path: string): boolean {
  return (
    path.includes('\x7f') ||
    !path.isWellFormed() ||
    SCHEME_OR_DRIVE.test(path) ||
    ENCODED_TRICK.test(path) ||
    LOOK_ALIKE.test(path) ||
    hasHiddenDots(path)
  );
}

function hasHiddenDots(path: string): boolean {
  return path.split('/').some((segment) => {
    const visible = segment.replace(IGNORABLE, '');
    return visible !== segment && (visible === '' || /[. ]$/.test(visible));
  });
}
