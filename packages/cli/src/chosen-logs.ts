import { resolve } from 'node:path';
import type { CliContext, GlobalOptions } from './cli-context.ts';
import { CliError } from './cli-error.ts';
import { type EvidenceLogFolder, findEvidenceLogs } from './evidence-logs.ts';
import { openWorkspace } from './workspace.ts';

/** Options of a command that works on logs. */
export interface LogOptions extends GlobalOptions {
  /** A log, or a folder with logs. */
  readonly log?: string;
}

/**
 * The logs that `--log` names, or else those of the workspace; at least one.
 * @throws {CliError} FAULT when there is none.
 */
export async function chosenLogs(
  context: CliContext,
  { log, ...options }: LogOptions,
): Promise<readonly EvidenceLogFolder[]> {
  const dir =
    log === undefined
      ? (await openWorkspace(context, options)).paths.evidenceDir
      : resolve(context.cwd, log);
  const logs = await findEvidenceLogs(dir);
  if (logs.length === 0) throw new CliError('FAULT', `no evidence log in ${dir}`, 'NO_LOG');
  return logs;
}
