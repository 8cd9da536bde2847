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
 * workspace. Nothing is copied but what is given back, so that a path with `..` costs little more than
 * one without.
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
   * The path below the workspace in normal form; '' for the workspace itself; null for what lies outside.
   * @param path separated by `/`, at most `MAX_PATH_LENGTH` characters. Relative to the workspace, or absolute.
   */
  relative(path: string): string | null {
    const absolute = path.charCodeAt(0) === SLASH;
    const below = absolute && this.#start !== '' && path.startsWith(this.#start);
    const count = this.#keep(
      path,
      below ? this.#start.length : 0,
      absolute && !below ? this.#names.length : 0,
    );
    return count < 0 ? null : join(path, count);
  }

  /**
   * Notes the names of the path that lie below the workspace. Returns how many numbers it noted, two for
   * each name, or -1 for a path outside.
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
    let start = from;
    for (let end = from; end <= path.length; end += 1) {
      if (end < path.length && path.charCodeAt(end) !== SLASH) continue;
      const move = moveOf(path, start, end);
      if (move < 0) {
        if (astray > 0) astray -= 1;
        else if (count > 0) count -= 2;
        // The parent of the root is the root.
        else if (above < depth) above += 1;
      } else if (move > 0) {
        if (astray > 0) astray += 1;
        else if (above === 0) {
          kept[count] = start;
          kept[count + 1] = end;
          count += 2;
        } else if (isName(path, start, end, names[depth - above] as string)) above -= 1;
        else astray = 1;
      }
      start = end + 1;
    }
    return above > 0 || astray > 0 ? -1 : count;
  }
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

/** Joins the kept pieces. What stands together in the path is taken as one. */
function join(path: string, count: number): string {
  let joined = '';
  for (let i = 0; i < count; ) {
    const start = kept[i] as number;
    let end = kept[i + 1] as number;
    for (i += 2; i < count && kept[i] === end + 1; i += 2) end = kept[i + 1] as number;
    const piece = path.slice(start, end);
    joined = joined === '' ? piece : `${joined}/${piece}`;
  }
  return joined;
}
