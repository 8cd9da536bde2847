import { isAbsolute, resolve, sep } from 'node:path';
import type { DenialCode } from '@cortex-governance/core';
import { PATH_MALFORMED, PATH_PLAIN, pathForm } from './path-text.ts';
import { findRealPath, type RealPath } from './real-path.ts';
import { normaliseScopeEntry } from './scope-entry.ts';
import { compileScopeGlob, isScopeGlob } from './scope-glob.ts';
import { isLocatedWithin, locatedText, WorkspacePath } from './workspace-path.ts';

interface RealScope {
  readonly workspace: string;
  readonly roots: readonly string[];
}

const OUT_OF_SCOPE: RealPath = Object.freeze({ path: null, code: 'PATH_OUT_OF_SCOPE' });
const MALFORMED: RealPath = Object.freeze({ path: null, code: 'PATH_INVALID' });

/**
 * The paths that a grant covers: folders and files by name, with all that is below them, and globs,
 * which match whole paths. Without entries, none.
 */
export class PathScope {
  readonly #workspace: string;
  readonly #paths: WorkspacePath;
  /** Relative to the workspace, in normal form; '' covers everything in it. */
  readonly #prefixes: readonly string[];
  /** The same, name by name. */
  readonly #prefixNames: readonly (readonly string[])[];
  readonly #globs: readonly ((path: string) => boolean)[];
  #real: Promise<RealScope | null> | null = null;

  /** @param entries of `fsScope`, as the grant's schema accepts them. */
  constructor(entries: readonly string[], workspace: string) {
    this.#workspace = resolve(workspace);
    this.#paths = new WorkspacePath(this.#workspace);
    this.#globs = entries.filter(isScopeGlob).map(normaliseScopeEntry).map(compileScopeGlob);
    const prefixes = entries.filter((entry) => !isScopeGlob(entry)).map(normaliseScopeEntry);
    // An entry below another one adds nothing; kept, its real root could be moved by whoever may
    // write in the outer one.
    this.#prefixes = [...new Set(prefixes)].filter(
      (entry) => !prefixes.some((outer) => outer !== entry && isWithin(outer, entry)),
    );
    this.#prefixNames = this.#prefixes.map((entry) => (entry === '' ? [] : entry.split('/')));
  }

  /** Judges a path by its text: null when it is in scope. Links are not followed. */
  check(path: string): DenialCode | null {
    const form = pathForm(path);
    if (form === PATH_MALFORMED) return 'PATH_INVALID';
    const isCovered = form === PATH_PLAIN ? this.#covers(path) : this.#coversResolved(path);
    return isCovered ? null : 'PATH_OUT_OF_SCOPE';
  }

  /** The real path behind a path, when both its text and the real path are in scope. Never rejects. */
  async resolve(path: string): Promise<RealPath> {
    const code = this.check(path);
    if (code !== null) return code === 'PATH_INVALID' ? MALFORMED : OUT_OF_SCOPE;
    this.#real ??= this.#findRealScope();
    const scope = await this.#real;
    if (scope === null) return OUT_OF_SCOPE;
    const written = isAbsolute(path) ? path : `${this.#workspace}${sep}${path}`;
    const found = await findRealPath(written);
    if (found.path === null) return found;
    if (path.split('/').includes('..')) {
      // `link/..` is another folder to the system than to a tool that resolves the text first.
      const byText = await findRealPath(resolve(this.#workspace, path));
      if (byText.path !== found.path) return OUT_OF_SCOPE;
    }
    return this.#coversReal(scope, found.path) ? found : OUT_OF_SCOPE;
  }

  /**
   * Looks up where the workspace and the entries really are. Without this call, that happens at the first
   * {@link resolve}. Either way it happens once, so that links planted later change nothing.
   */
  async pin(): Promise<void> {
    this.#real ??= this.#findRealScope();
    await this.#real;
  }

  /** Whether a scope of the same entries was found in the same real places. */
  async isWhere(other: PathScope): Promise<boolean> {
    return JSON.stringify(await this.#real) === JSON.stringify(await other.#real);
  }

  #covers(relative: string): boolean {
    for (let i = 0; i < this.#prefixes.length; i += 1) {
      if (isWithin(this.#prefixes[i] as string, relative)) return true;
    }
    for (let i = 0; i < this.#globs.length; i += 1) {
      if (this.#globs[i]?.(relative) === true) return true;
    }
    return false;
  }

  /** As `#covers`, for a path that has yet to be resolved by its text. */
  #coversResolved(path: string): boolean {
    const count = this.#paths.locate(path);
    if (count < 0) return false;
    for (let i = 0; i < this.#prefixNames.length; i += 1) {
      if (isLocatedWithin(path, count, this.#prefixNames[i] as readonly string[])) return true;
    }
    if (this.#globs.length === 0) return false;
    const relative = locatedText(path, count);
    return this.#globs.some((matches) => matches(relative));
  }

  #coversReal(scope: RealScope, path: string): boolean {
    if (scope.roots.some((root) => relativeTo(root, path) !== null)) return true;
    const relative = relativeTo(scope.workspace, path);
    return relative !== null && this.#globs.some((matches) => matches(relative));
  }

  async #findRealScope(): Promise<RealScope | null> {
    const workspace = await findRealPath(this.#workspace);
    if (workspace.path === null) return null;
    const roots: string[] = [];
    for (const prefix of this.#prefixes) {
      const named = resolve(workspace.path, prefix);
      const root = this.#isInGlob(prefix) ? named : (await findRealPath(named)).path;
      if (root !== null) roots.push(root);
    }
    return { workspace: workspace.path, roots };
  }

  /** Whether an entry lies where a glob lets somebody write: a link there is not the operator's. */
  #isInGlob(entry: string): boolean {
    const segments = entry.split('/');
    return segments.some((_, i) => {
      const ancestor = segments.slice(0, i + 1).join('/');
      return this.#globs.some((matches) => matches(ancestor));
    });
  }
}

/** Whether a path in normal form is the folder or below it. */
function isWithin(folder: string, path: string): boolean {
  const { length } = folder;
  if (length === 0) return true;
  // One look at the character behind tells most entries apart, without comparing names.
  if (path.length > length) return path.charCodeAt(length) === 0x2f && path.startsWith(folder);
  return path === folder;
}

/** The path below a folder, separated by `/`; '' for the folder itself; null outside. Both absolute. */
function relativeTo(folder: string, path: string): string | null {
  if (path === folder) return '';
  const start = folder.endsWith(sep) ? folder : folder + sep;
  if (!path.startsWith(start)) return null;
  const relative = path.slice(start.length);
  return sep === '/' ? relative : relative.replaceAll(sep, '/');
}
