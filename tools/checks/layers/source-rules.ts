import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { findImports, type Import } from './imports.ts';
import type { Manifest, Project, SourceFile } from './workspace.ts';

/** A longer file holds more than one concept. */
export const MAX_SOURCE_LINES = 300;

const ENTRY = 'src/index.ts';

/** What the rules need to know beside the project itself. */
export interface RuleContext {
  /** Manifests of all workspace packages, by package name. */
  readonly workspace: ReadonlyMap<string, Manifest>;
  /** Packages that tests and benches may use without naming them: the root's devDependencies. */
  readonly testTools: ReadonlySet<string>;
}

/** Returns one line, `file:line: sentence`, per import or file that breaks a rule. */
export function findSourceProblems(
  project: Project,
  files: readonly SourceFile[],
  context: RuleContext,
): string[] {
  return files.flatMap((file) => {
    const at = (line: number, sentence: string): string =>
      `${posix.join(project.root, file.path)}:${line}: ${sentence}`;
    const published = file.path.startsWith('src/');
    const problems = published ? fileProblems(file).map((sentence) => at(1, sentence)) : [];
    for (const found of findImports(file.path, file.text)) {
      if (published && found.reExportsAll) {
        problems.push(at(found.line, `export * hides what is public; name the exports`));
      }
      const sentence = importProblem(project, file.path, found, context);
      if (sentence !== undefined) problems.push(at(found.line, sentence));
    }
    return problems;
  });
}

function fileProblems(file: SourceFile): string[] {
  const problems: string[] = [];
  if (posix.basename(file.path) === 'index.ts' && file.path !== ENTRY) {
    problems.push('an inner index.ts is a barrel; import the file that holds the name');
  }
  const lines = file.text.replace(/\n$/, '').split('\n').length;
  if (lines > MAX_SOURCE_LINES) {
    problems.push(`${lines} lines; split it by concept (at most ${MAX_SOURCE_LINES})`);
  }
  return problems;
}

function importProblem(
  project: Project,
  path: string,
  found: Import,
  context: RuleContext,
): string | undefined {
  const { specifier } = found;
  if (isBuiltin(specifier)) return undefined;
  if (posix.isAbsolute(specifier) || specifier.startsWith('file:')) {
    return `'${specifier}' is a path of one machine`;
  }
  if (specifier.startsWith('.')) return relativeProblem(path, specifier);
  const name = packageName(specifier);
  const own = name === project.manifest.name;
  if (!(own && !path.startsWith('src/')) && !isDeclared(name, project.manifest, path, context)) {
    return `'${name}' is not declared in the package.json of ${project.name}`;
  }
  const target = context.workspace.get(name);
  return target === undefined ? undefined : deepImportProblem(target, specifier);
}

function relativeProblem(path: string, specifier: string): string | undefined {
  const target = posix.join(posix.dirname(path), specifier);
  // Benches are not published; what reports their results is this repository's own.
  if (path.startsWith('bench/') && target.startsWith('../../tools/bench/')) return undefined;
  if (target.startsWith('../')) return `'${specifier}' leaves the package; import it by its name`;
  if (path.startsWith('src/') && !target.startsWith('src/')) {
    return `'${specifier}' leaves src; it would be missing or wrong in the published package`;
  }
  return undefined;
}

function packageName(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] as string);
}

/** In src only what is installed with the package counts; tests may use development tools too. */
function isDeclared(name: string, manifest: Manifest, path: string, context: RuleContext): boolean {
  const { dependencies, peerDependencies, optionalDependencies, devDependencies } = manifest;
  const groups = [dependencies, peerDependencies, optionalDependencies];
  if (!path.startsWith('src/')) {
    if (context.testTools.has(name)) return true;
    groups.push(devDependencies);
  }
  return groups.some((group) => group !== undefined && Object.hasOwn(group, name));
}

function deepImportProblem(target: Manifest, specifier: string): string | undefined {
  const entry = `.${specifier.slice(target.name.length)}`;
  if (Object.hasOwn(target.exports ?? {}, entry)) return undefined;
  return `'${specifier}' is not an entry of ${target.name}; its exports are the only way in`;
}
