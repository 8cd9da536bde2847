import { basename, dirname, resolve } from 'node:path';
import type { Erasure, ErasureSelection, EvidenceLog } from '@cortex-governance/evidence-writer';
import type { Command } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { parseTimeOption } from '../evidence-filter.ts';
import { type EvidenceLogFolder, findEvidenceLogs } from '../evidence-logs.ts';
import { leafCommand } from '../leaf-command.ts';
import { logOrigin } from '../log-origin.ts';
import { osUser } from '../os-user.ts';
import { printResult } from '../output.ts';
import { openWorkspace, type Workspace } from '../workspace.ts';
import { workspaceSigningKey } from '../workspace-signing-key.ts';

interface EraseOptions extends GlobalOptions {
  readonly before?: number;
  readonly tenant?: string;
  readonly subject?: string;
  readonly session?: string;
  readonly reason: string;
  readonly actor?: string;
}

/** `govern evidence erase`: takes the content of decisions out of the logs; hashes and proofs stay. */
export function evidenceEraseCommand(context: CliContext): Command {
  return leafCommand(
    'erase',
    'Erase the content of decisions from the logs of this workspace, by all of the criteria given. Their hashes stay, so that checkpoints and proofs remain valid; who erased what and why is recorded first. No process may be writing the logs; a running governor erases by itself what evidence.retention says.',
    [
      {
        line: 'govern evidence erase --subject bot-7 --reason "request 4711"',
        meaning: 'Everything that one agent asked.',
      },
      {
        line: 'govern evidence erase --tenant acme --before 400d --reason "contract ended"',
        meaning: "A tenant's decisions that are older than 400 days.",
      },
    ],
  )
    .argument('[folder]', 'a log, or a folder with logs (default: as configured)')
    .option('--before <time>', 'decided before: ISO 8601, or an age such as 90d', parseTimeOption)
    .option('--tenant <id>', 'for this tenant')
    .option('--subject <id>', 'asked by this subject')
    .option('--session <id>', 'of this session')
    .requiredOption('--reason <text>', 'why; kept in the log for good, so no personal data')
    .option('--actor <name>', 'who orders it (default: the user of the operating system)')
    .action((folder: string | undefined, options: EraseOptions) => erase(context, folder, options));
}

async function erase(
  context: CliContext,
  folder: string | undefined,
  options: EraseOptions,
): Promise<void> {
  const { before, tenant, subject, session } = options;
  const select = { before, tenant, subject, session };
  if (Object.values(select).every((part) => part === undefined)) {
    throw usageError('one of --before, --tenant, --subject, --session is needed');
  }
  const workspace = await openWorkspace(context, options);
  const dir = folder === undefined ? workspace.paths.evidenceDir : resolve(context.cwd, folder);
  const logs = await findEvidenceLogs(dir);
  if (logs.length === 0) throw usageError(`no evidence log in ${dir}`);
  const order = { select, by: options.actor ?? osUser(context), reason: options.reason };
  const erased = [];
  for (const log of logs) {
    const erasure = await eraseFrom(context, workspace, log, order);
    erased.push({ dir: log.dir, ...erasure });
  }
  const lines = erased.map(
    ({ dir: where, records, tooNew }) =>
      `erased ${records} from ${where}${tooNew === 0 ? '' : `; ${tooNew} are too new: their bundle of 256 is not full yet`}`,
  );
  printResult(context, options.json, { erased }, lines);
}

async function eraseFrom(
  context: CliContext,
  workspace: Workspace,
  log: EvidenceLogFolder,
  order: { readonly select: ErasureSelection; readonly by: string; readonly reason: string },
): Promise<Erasure> {
  const writer = await openLog(context, workspace, log);
  try {
    return await writer.erase(order);
  } finally {
    await writer.close();
  }
}

async function openLog(
  context: CliContext,
  workspace: Workspace,
  { dir }: EvidenceLogFolder,
): Promise<EvidenceLog> {
  const { createEvidenceWriter } = await import('@cortex-governance/evidence-writer');
  const name = basename(dir);
  const origin = await logOrigin(dir);
  return createEvidenceWriter({
    dir: dirname(dir),
    name,
    originPrefix: origin.slice(0, -name.length - 1),
    key: await workspaceSigningKey(context, workspace),
  });
}
