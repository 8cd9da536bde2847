import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A grant file's content; anything, so that bad ones can be written too. */
export type GrantFile = Readonly<Record<string, unknown>> & { readonly tool: string };

/** A grant for tests: one path argument, one scope, and a limit that is not reached by chance. */
export const GIT_MAP_GRANT = Object.freeze({
  tool: 'git-map',
  actions: Object.freeze(['tree', 'search']),
  args: Object.freeze({ path: Object.freeze({ type: 'string' }) }),
  rate: Object.freeze({ perMinute: 10_000 }),
  fsScope: Object.freeze(['docs']),
});

/** What a workspace begins with. */
export interface TempWorkspaceFiles {
  /** @defaultValue {@link GIT_MAP_GRANT} */
  readonly grants?: readonly GrantFile[];
  /** Text of `governance.yaml`. @defaultValue no such file */
  readonly config?: string;
}

/** A governed folder that exists for one test. */
export class TempWorkspace {
  /** The folder; its own path, without links. */
  readonly folder: string;
  /** Its `.cortex`. */
  readonly root: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.root = join(folder, '.cortex');
  }

  /** A fresh folder with grants, a configuration if given, and an empty `docs`. */
  static async create({
    grants = [GIT_MAP_GRANT],
    config,
  }: TempWorkspaceFiles = {}): Promise<TempWorkspace> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'governed-')));
    const workspace = new TempWorkspace(folder);
    await mkdir(join(workspace.root, 'policy', 'tools'), { recursive: true });
    await mkdir(join(folder, 'docs'));
    for (const grant of grants) await workspace.writeGrant(grant);
    if (config !== undefined) await writeFile(join(workspace.root, 'governance.yaml'), config);
    return workspace;
  }

  /** Writes a grant file, named after its tool unless told otherwise. */
  async writeGrant(grant: GrantFile, name: string = grant.tool): Promise<void> {
    await writeFile(join(this.root, 'policy', 'tools', `${name}.json`), JSON.stringify(grant));
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
