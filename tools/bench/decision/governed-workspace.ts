import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createGovernor, type Governor } from '@cortex-governance/governor';
import { FILES, FOLDERS, OUTSIDE, PER_MINUTE, type Workload } from './workload.ts';

/** A tool of one admission a day, for denials by the limit. */
export const TIGHT_TOOL = 'tight';

/** A governor of a workspace on disk that holds the workload, with evidence on. */
export interface GovernedWorkspace {
  readonly governor: Governor;
  remove(): Promise<void>;
}

/**
 * Writes the workload as grant files and configuration, and opens the real governor on them.
 * @param recording false: the evidence log cannot be opened, and every record is dropped and counted.
 */
export async function openGovernedWorkspace(
  workload: Workload,
  recording = true,
): Promise<GovernedWorkspace> {
  const workspace = await mkdtemp(join(tmpdir(), 'bench-decision-'));
  writeFolders(workspace);
  writeGrants(workspace, workload);
  writeFileSync(join(workspace, '.cortex', 'governance.yaml'), configuration(workload, recording));
  const governor = await createGovernor({ root: join(workspace, '.cortex'), name: 'bench' });
  const remove = async (): Promise<void> => {
    await governor.close();
    await rm(workspace, { recursive: true, force: true });
  };
  return { governor, remove };
}

function writeFolders(workspace: string): void {
  for (const folder of [...FOLDERS, OUTSIDE]) {
    for (const file of FILES) {
      const path = join(workspace, folder, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, '');
    }
  }
}

function writeGrants(workspace: string, { grants }: Workload): void {
  const folder = join(workspace, '.cortex', 'policy', 'tools');
  mkdirSync(folder, { recursive: true });
  const args = { path: { type: 'string' } };
  for (const { tool, actions, folders } of grants) {
    const grant = { tool, actions, args, fsScope: folders, rate: { perMinute: PER_MINUTE } };
    writeFileSync(join(folder, `${tool}.json`), JSON.stringify(grant));
  }
  const tight = { tool: TIGHT_TOOL, actions: ['read'], args, fsScope: FOLDERS };
  const rate = { perMinute: 1, perDay: 1 };
  writeFileSync(join(folder, `${TIGHT_TOOL}.json`), JSON.stringify({ ...tight, rate }));
}

function configuration({ tenants }: Workload, recording: boolean): string {
  // Below a file there can be no folder, whoever asks for one.
  const dir = `../${FOLDERS[0]}/${FILES[0]}/evidence`;
  return JSON.stringify({
    tenancy: { tenants },
    grants: { watch: false },
    killSwitch: { watch: false },
    log: { level: 'silent' },
    ...(recording ? {} : { evidence: { mode: 'standard', whenFull: 'gap', dir } }),
  });
}
