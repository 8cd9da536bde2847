/*
 * Checks the layering of the packages (docs: CONTRIBUTING, "Layers"): over the Nx project graph
 * and its tags, over the manifests, and over every import. `npm run check:layers`
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findGraphProblems } from './layers/graph-rules.ts';
import { findSourceProblems } from './layers/source-rules.ts';
import type { Manifest, Project, SourceFile } from './layers/workspace.ts';

const root = join(import.meta.dirname, '..', '..');

/** The folders of a package whose imports are checked. */
const SOURCE_FOLDERS = ['src', 'test', 'bench'];

interface NxGraph {
  readonly graph: {
    readonly nodes: Readonly<Record<string, { data: { root: string; tags?: string[] } }>>;
    readonly dependencies: Readonly<Record<string, { target: string }[]>>;
  };
}

function readJson<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(...path), 'utf8')) as T;
}

function readGraph(): NxGraph {
  const folder = mkdtempSync(join(tmpdir(), 'cortex-layers-'));
  try {
    const file = join(folder, 'graph.json');
    const { bin } = readJson<{ bin: { nx: string } }>(root, 'node_modules/nx/package.json');
    const nx = join(root, 'node_modules/nx', bin.nx);
    const env = { ...process.env, NX_DAEMON: 'false' };
    execFileSync(process.execPath, [nx, 'graph', `--file=${file}`], { cwd: root, env });
    return readJson(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readProjects(): Project[] {
  const { graph } = readGraph();
  return Object.entries(graph.nodes).map(([name, { data }]) => ({
    name,
    root: data.root,
    tags: (data.tags ?? []).filter((tag) => !tag.startsWith('npm:')),
    manifest: readJson<Manifest>(root, data.root, 'package.json'),
    dependencies: (graph.dependencies[name] ?? []).map(({ target }) => target),
  }));
}

function readSources(project: Project): SourceFile[] {
  const folder = join(root, project.root);
  const paths = SOURCE_FOLDERS.flatMap((name) => {
    const entries = readdirOptional(join(folder, name));
    return entries.map((entry) => `${name}/${entry.replaceAll('\\', '/')}`);
  });
  return paths
    .filter((path) => /\.[cm]?tsx?$/.test(path))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }));
}

function readdirOptional(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function main(): void {
  const projects = readProjects();
  const context = {
    workspace: new Map(projects.map(({ manifest }) => [manifest.name, manifest])),
    testTools: new Set(Object.keys(readJson<Manifest>(root, 'package.json').devDependencies ?? {})),
  };
  const packages = projects.filter(({ root: folder }) => folder.startsWith('packages/'));
  const problems = [
    ...findGraphProblems(projects),
    ...packages.flatMap((project) => findSourceProblems(project, readSources(project), context)),
  ];
  for (const problem of problems) console.error(problem);
  if (packages.length === 0) problems.push('no packages found');
  console.log(`${packages.length} packages checked, ${problems.length} problems`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}

main();
