import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@cortex-governance/core';
import { createGovernor, type Governor, type GovernorOptions } from '@cortex-governance/governor';

/** A grant that lets `notes` be read and echoed within `docs`. */
export const NOTES_GRANT = {
  tool: 'notes',
  actions: ['read', 'echo', 'slow', 'approve', 'rare'],
  args: {},
  actionRules: {
    read: { effect: 'read', args: { path: { type: 'string', format: 'path', required: true } } },
    approve: { approval: true },
    rare: { rate: { perMinute: 1 } },
  },
  rate: { perMinute: 1_000_000 },
  fsScope: ['docs'],
};

/** A governed workspace in a temporary folder. */
export interface TestWorkspace {
  /** Real path of the workspace. */
  readonly dir: string;
  readonly governor: Governor;
  writeGrant(grant: object): Promise<void>;
  close(): Promise<void>;
}

export async function openTestWorkspace(
  grant: object | null = NOTES_GRANT,
  options: Omit<GovernorOptions, 'root'> = {},
): Promise<TestWorkspace> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'mcp-proxy-')));
  const tools = join(dir, '.cortex', 'policy', 'tools');
  await mkdir(tools, { recursive: true });
  await mkdir(join(dir, 'docs'));
  await writeFile(join(dir, 'docs', 'a.txt'), 'content of a');
  await writeFile(join(dir, 'secret.txt'), 'secret');
  await writeFile(
    join(dir, '.cortex', 'governance.yaml'),
    'version: 1\nevidence:\n  durability: accepted\n',
  );
  const writeGrant = (content: object) =>
    writeFile(join(tools, 'notes.json'), JSON.stringify(content));
  await writeGrant(grant ?? { ...NOTES_GRANT, tool: 'other' });
  const governor = await createGovernor({
    root: join(dir, '.cortex'),
    logger: silentLogger,
    ...options,
  });
  return {
    dir,
    governor,
    writeGrant,
    close: async () => {
      await governor.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
