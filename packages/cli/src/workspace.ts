import { join } from 'node:path';
import type { GovernanceConfig, GovernorPaths } from '@cortex-governance/governor';
import type { CliContext, GlobalOptions } from './cli-context.ts';
import { findRoot } from './find-root.ts';

/** A `.cortex` folder and what its configuration says. */
export interface Workspace {
  readonly root: string;
  readonly config: GovernanceConfig;
  readonly paths: GovernorPaths;
}

/**
 * The workspace that the options name, read but not started.
 * @throws {CliError} ROOT_NOT_FOUND; {GovernanceError} CONFIG_INVALID
 */
export async function openWorkspace(
  context: CliContext,
  options: GlobalOptions,
): Promise<Workspace> {
  const root = await findRoot(context.cwd, options.root);
  const governor = await import('@cortex-governance/governor');
  const config = await governor.loadGovernanceConfig(join(root, governor.CONFIG_FILE_NAME));
  return { root, config, paths: governor.resolveGovernorPaths(root, config) };
}
