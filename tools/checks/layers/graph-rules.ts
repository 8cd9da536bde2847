import { type Project, tagValue } from './workspace.ts';

/** Development-only packages (`testkit`): for tests of others, never part of what is published. */
const DEV_LAYER = 'dev';

/** What only this repository runs; it may use everything, and nothing may use it. */
const TOOLS_LAYER = 'tools';

const LAYER = /^\d+$/;

/** Returns one sentence per edge of the graph that breaks the layering. */
export function findGraphProblems(projects: readonly Project[]): string[] {
  const byName = new Map(projects.map((project) => [project.name, project]));
  return projects.flatMap((project) => [
    ...tagProblems(project),
    ...project.dependencies.flatMap((name) => {
      const target = byName.get(name);
      return target === undefined ? [] : edgeProblems(project, target);
    }),
  ]);
}

function tagProblems(project: Project): string[] {
  const problems: string[] = [];
  const layer = tagValue(project, 'layer');
  if (layer === undefined || !(LAYER.test(layer) || layer === DEV_LAYER || layer === TOOLS_LAYER)) {
    problems.push(
      `${project.name}: needs exactly one tag layer:<number>, layer:dev or layer:tools`,
    );
  }
  if (tagValue(project, 'kind') === undefined) {
    problems.push(`${project.name}: needs exactly one tag kind:<kind>`);
  }
  return problems;
}

function edgeProblems(from: Project, to: Project): string[] {
  const fromLayer = tagValue(from, 'layer');
  const toLayer = tagValue(to, 'layer');
  if (fromLayer === undefined || toLayer === undefined) return [];
  const edge = `${from.name} -> ${to.name}`;
  if (toLayer === TOOLS_LAYER) return [`${edge}: nothing may depend on the repository's tools`];
  if (fromLayer === TOOLS_LAYER) return [];
  if (toLayer === DEV_LAYER) return devProblems(from, to, fromLayer, edge);
  if (fromLayer === DEV_LAYER) {
    if (toLayer === '0') return [];
    return [`${edge}: a development package may depend on layer 0 only`];
  }
  return layerProblems(from, to, edge);
}

function devProblems(from: Project, to: Project, fromLayer: string, edge: string): string[] {
  if (fromLayer === '0') return [`${edge}: layer 0 may not depend on a development package`];
  const { dependencies, peerDependencies, optionalDependencies } = from.manifest;
  const published = [dependencies, peerDependencies, optionalDependencies].some(
    (group) => group !== undefined && Object.hasOwn(group, to.manifest.name),
  );
  return published ? [`${edge}: a development package belongs in devDependencies`] : [];
}

function layerProblems(from: Project, to: Project, edge: string): string[] {
  const fromLayer = Number(tagValue(from, 'layer'));
  const toLayer = Number(tagValue(to, 'layer'));
  if (toLayer < fromLayer) return [];
  const kind = tagValue(from, 'kind');
  if (toLayer === fromLayer && kind === tagValue(to, 'kind')) {
    return [`${edge}: sideways, from one ${kind} to another (layer ${fromLayer})`];
  }
  return [`${edge}: layer ${fromLayer} may not depend on layer ${toLayer}`];
}
