import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DecisionRequest, toolCall } from '@cortex-governance/core';
import { type GrantFile, TempWorkspace } from '@cortex-governance/testkit';
import { afterEach } from 'vitest';
import { createGovernor, type Governor, type GovernorOptions } from '../src/index.ts';

export const GIT_GRANT = {
  tool: 'git-map',
  actions: ['tree', 'search', 'publish'],
  args: { repo: { type: 'string' }, path: { type: 'string' } },
  actionRules: { publish: { approval: true } },
  rate: { perMinute: 3 },
  fsScope: ['docs'],
};

const QUIET = 'log: { level: silent }\n';
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A temp workspace with grants and a configuration, removed after the test; returns its `.cortex`. */
export async function createWorkspace(
  grants: Readonly<Record<string, GrantFile>> = { git: GIT_GRANT },
  config = '',
): Promise<string> {
  const workspace = await TempWorkspace.create({ grants: [], config: QUIET + config });
  cleanups.push(() => workspace.remove());
  await mkdir(join(workspace.folder, 'secrets'));
  await writeFile(join(workspace.folder, 'docs', 'a.md'), 'a');
  await symlink('../secrets', join(workspace.folder, 'docs', 'out'));
  for (const [name, grant] of Object.entries(grants)) await workspace.writeGrant(grant, name);
  return workspace.root;
}

export async function writeGrant(root: string, name: string, grant: unknown): Promise<void> {
  await writeFile(join(root, 'policy', 'tools', `${name}.json`), JSON.stringify(grant));
}

/** A governor of the workspace, closed after the test. */
export async function openGovernor(
  root: string,
  options: Omit<GovernorOptions, 'root'> = {},
): Promise<Governor> {
  const governor = await createGovernor({ root, ...options });
  cleanups.push(() => governor.close());
  return governor;
}

export function call(
  path = 'docs/a.md',
  change: { action?: string; callId?: string } = {},
): DecisionRequest {
  const { action = 'tree', ...rest } = change;
  return toolCall({
    tenant: 'default',
    agent: 'a1',
    tool: 'git-map',
    action,
    args: { path },
    ...rest,
  });
}
