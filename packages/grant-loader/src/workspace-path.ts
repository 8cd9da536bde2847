import { parse, sep } from 'node:path';
import { MAX_PATH_LENGTH } from './path-text.ts';

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * Where the names of a path that are kept start and end. One for all calls: each ends before the next
 * begins. A name takes two characters of the path, one of them its slash.
 */
const kept = new Int32Array(MAX_PATH_LENGTH + 2);

/**
 * Resolves paths by their text, as `path.resolve(workspace, path)` does, and tells where they lie in the
 * workspace. Nothing is copied until somebody asks for the text, so that a path with `..` costs little more
 * than one without.
 */
export class WorkspacePath {
  readonly #start: string;
  /** Names on the way from the root of the file system to the workspace. */
  readonly #names: readonly string[];

  /** @param workspace an absolute path in normal form, as `path.resolve` gives it. */
  constructor(workspace: string) {
    const { root } = parse(workspace);
    this.#names = workspace
      .slice(root.length)
      .split(sep)
      .filter((name) => name !== '');
    // Where the root is no slash, no path that is written with slashes starts with the workspace.
    this.#start = root === '/' ? `/${this.#names.map((name) => `${name}/`).join('')}` : '';
  }

  /**
   * Finds the names of a path below the workspace. Returns how many there are; -1 for a path outside.
   * @param path separated by `/`, at most `MAX_PATH_LENGTH` characters. Relative to the workspace, or absolute.
   */
  locate(path: string): number {
    if (path.charCodeAt(0) !== SLASH) return this.#keep(path, 0, 0);
    return this.#start !== '' && path.startsWith(this.#start)
      ? this.#keep(path, this.#start.length, 0)
      : this.#keep(path, 0, this.#names.length);
  }

  /**
   * Notes where the names of the path that lie below the workspace start and end. Returns their number.
   * @param from where in the path to begin.
   * @param missing how many of the workspace's names are not yet passed there.
   */
  #keep(path: string, from: number, missing: number): number {
    const names = this.#names;
    const depth = names.length;
    let count = 0;
    let above = missing;
    /** Names behind one that leads away from the workspace. */
    let astray = 0;
    for (let start = from, end = 0; end < path.length; start = end + 1) {
      end = path.indexOf('/', start);
      if (end < 0) end = path.length;
      const move = moveOf(path, start, end);
      if (move < 0) {
        if (astray > 0) astray -= 1;
        else if (count > 0) count -= 1;
        // The parent of the root is the root.
        else if (above < depth) above += 1;
      } else if (move > 0) {
        if (astray > 0) astray += 1;
        else if (above === 0) {
          kept[2 * count] = start;
          kept[2 * count + 1] = end;
          count += 1;
        } else if (isName(path, start, end, names[depth - above] as string)) above -= 1;
        else astray = 1;
      }
    }
    return above > 0 || astray > 0 ? -1 : count;
  }
}

/** Whether the path that was located last, with this many names, is the one with these names or below it. */
export function isLocatedWithin(path: string, count: number, names: readonly string[]): boolean {
  if (count < names.length) return false;
  for (let i = 0; i < names.length; i += 1) {
    const name = names[i] as string;
    if (!isName(path, kept[2 * i] as number, kept[2 * i + 1] as number, name)) return false;
  }
  return true;
}

/** The path that was located last, in normal form, relative to the workspace; '' for the workspace itself. */
export function locatedText(path: string, count: number): string {
  let joined = '';
  for (let i = 0; i < count; ) {
    const start = kept[2 * i] as number;
    let end = kept[2 * i + 1] as number;
    // What stands together in the path is taken as one.
    for (i += 1; i < count && kept[2 * i] === end + 1; i += 1) end = kept[2 * i + 1] as number;
    const piece = path.slice(start, end);
    joined = joined === '' ? piece : `${joined}/${piece}`;
  }
  return joined;
}

/** Where a segment leads: 1 down, 0 nowhere, -1 up. */
function moveOf(path: string, start: number, end: number): -1 | 0 | 1 {
  const length = end - start;
  if (length === 0) return 0;
  if (length > 2 || path.charCodeAt(start) !== DOT) return 1;
  if (length === 1) return 0;
  return path.charCodeAt(start + 1) === DOT ? -1 : 1;
}

function isName(path: string, start: number, end: number, name: string): boolean {
  return end - start === name.length && path.startsWith(name, start);
}
