import { link, rename } from 'node:fs/promises';
import type { SigningKey } from '@cortex-governance/evidence-writer';
import type { Command } from 'commander';
import type { CliContext, GlobalOptions } from '../cli-context.ts';
import { usageError } from '../cli-error.ts';
import { leafCommand } from '../leaf-command.ts';
import { osUser } from '../os-user.ts';
import { printResult } from '../output.ts';
import { openWorkspace, type Workspace } from '../workspace.ts';
import { workspaceSigningKey } from '../workspace-signing-key.ts';

interface RotateOptions extends GlobalOptions {
  readonly reason: string;
  readonly actor?: string;
  readonly toEnv?: string;
}

/** `govern evidence rotate-key`: gives the logs of a workspace a new signing key. */
export function evidenceRotateKeyCommand(context: CliContext): Command {
  return leafCommand(
    'rotate-key',
    'Give every evidence log of this workspace a new signing key. The old key endorses the new one, so that whoever holds the old public key can verify the log as before. No process may be writing the logs. Interrupted, it can be run again. The old key file stays beside the new one, with .old and a time behind its name: destroy it once its backups are gone, too.',
    [
      {
        line: 'govern evidence rotate-key --reason "yearly rotation"',
        meaning: 'A new key file in the place of the old one.',
      },
      {
        line: 'govern evidence rotate-key --reason "leaked" --to-env NEW_EVIDENCE_KEY',
        meaning: 'To the key in an environment variable; set evidence.keyEnv to it afterwards.',
      },
    ],
  )
    .requiredOption('--reason <text>', 'why; kept in the logs')
    .option('--actor <name>', 'who orders it (default: the user of the operating system)')
    .option('--to-env <name>', 'the new key is in this environment variable')
    .action((options: RotateOptions) => rotate(context, options));
}

async function rotate(context: CliContext, options: RotateOptions): Promise<void> {
  const workspace = await openWorkspace(context, options);
  const { rotateSigningKey } = await import('@cortex-governance/evidence-writer');
  const from = await workspaceSigningKey(context, workspace);
  const to = await newKey(context, workspace, options);
  const dir = workspace.paths.evidenceDir;
  const by = options.actor ?? osUser(context);
  const rotated = await rotateSigningKey({ dir, from, to, by, reason: options.reason });
  const oldKeyFile = options.toEnv === undefined ? await replaceKeyFile(workspace) : null;
  const lines = rotated.map(({ name, vkey }) => `${name} ${vkey}`);
  printResult(context, options.json, { rotated, oldKeyFile }, [
    ...lines,
    ...(oldKeyFile === null ? [] : [`the old key is in ${oldKeyFile}`]),
  ]);
}

async function newKey(
  context: CliContext,
  { config, paths }: Workspace,
  { toEnv }: RotateOptions,
): Promise<SigningKey> {
  const evidence = await import('@cortex-governance/evidence-writer');
  if (toEnv !== undefined) return evidence.environmentSigningKey(toEnv, context.env);
  if (config.evidence.keyEnv !== undefined) {
    throw usageError('the key is in an environment variable: name that of the new one by --to-env');
  }
  // One that an interrupted rotation left is taken up again.
  return evidence.fileSigningKey(nextKeyFile(paths.evidenceKeyFile), true);
}

async function replaceKeyFile({ paths }: Workspace): Promise<string> {
  const file = paths.evidenceKeyFile;
  const old = `${file}.old-${new Date().toISOString().replace(/[:.]/g, '')}`;
  // A link first: at no moment is there no key file, for which a start would make a stranger's key.
  await link(file, old);
  await rename(nextKeyFile(file), file);
  return old;
}

function nextKeyFile(file: string): string {
  return `${file}.next`;
}
