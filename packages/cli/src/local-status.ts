import type { KillSwitchStatus } from '@cortex-governance/core';
import type { CliContext, GlobalOptions } from './cli-context.ts';
import { checkpointedRecords, findEvidenceLogs } from './evidence-logs.ts';
import { withLocalSwitch } from './local-kill-switch.ts';
import { openWorkspace } from './workspace.ts';

/** What the files of a workspace say, without a server. */
export interface LocalStatus {
  readonly root: string;
  /** Why every decision would be a denial, or no server would start; empty when neither. */
  readonly problems: readonly string[];
  readonly grants: { readonly grants: number; readonly errors: number; readonly warnings: number };
  readonly killSwitch: KillSwitchStatus;
  readonly evidence: readonly { readonly name: string; readonly checkpointed: number | null }[];
}

/** Reads kill switch, grants and evidence logs; writes nothing. */
export async function readLocalStatus(
  context: CliContext,
  options: GlobalOptions,
): Promise<LocalStatus> {
  const { root, paths } = await openWorkspace(context, options);
  const killSwitch = await withLocalSwitch(context, options, async (one) => one.status());
  const { lintGrants } = await import('@cortex-governance/grant-loader');
  const { grants, errors, warnings } = await lintGrants(root, { workspace: paths.workspace });
  const logs = await findEvidenceLogs(paths.evidenceDir);
  const evidence = await Promise.all(
    logs.map(async (log) => ({ name: log.name, checkpointed: await checkpointedRecords(log) })),
  );
  const problems: string[] = [];
  if (!killSwitch.readable) problems.push(`kill switch: ${killSwitch.problem}`);
  if (killSwitch.entries.some(({ scope }) => scope === 'global')) {
    problems.push('kill switch: everything is stopped');
  }
  if (errors > 0) problems.push(`grants: ${errors} errors; see govern grants lint`);
  return { root, problems, grants: { grants, errors, warnings }, killSwitch, evidence };
}
