/** What a package.json says about where imports may go. */
export interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** One project of the Nx graph, with its manifest. */
export interface Project {
  readonly name: string;
  /** Relative to the workspace root. */
  readonly root: string;
  readonly tags: readonly string[];
  readonly manifest: Manifest;
  /** Names of the workspace projects it depends on, as Nx sees them. */
  readonly dependencies: readonly string[];
}

/** One source file of a project. */
export interface SourceFile {
  /** Relative to the project's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** Returns the value of the project's only tag with this prefix, or undefined. */
export function tagValue(project: Project, prefix: string): string | undefined {
  const values = project.tags.filter((tag) => tag.startsWith(`${prefix}:`));
  return values.length === 1 ? values[0]?.slice(prefix.length + 1) : undefined;
}
