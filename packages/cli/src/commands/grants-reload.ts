import type { GrantReload } from '@cortex-governance/core';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import { leafCommand } from '../leaf-command.ts';
import { printResult } from '../output.ts';
import { openServer, type ServerOptions, tokenFileOption, urlOption } from '../server-access.ts';

/** `govern grants reload`: makes a running server read its grants now. */
export function grantsReloadCommand(context: CliContext): Command {
  return leafCommand(
    'reload',
    'Make the running server read its grants again. Exit 1 when a bad file keeps the grants in force; exit 4 when no server runs.',
    [{ line: 'govern grants reload', meaning: 'The server that this workspace configures.' }],
  )
    .addOption(urlOption('the server (default: as configured)'))
    .addOption(tokenFileOption())
    .action((options: ServerOptions) => reload(context, options));
}

async function reload(context: CliContext, options: ServerOptions): Promise<void> {
  const server = await openServer(context, options);
  const answer = (await server.post('/grants/reload', {}, 'ok')) as GrantReload;
  context.exit = answer.ok ? 'OK' : 'NO';
  const state = answer.changed ? 'new grants in force' : 'grants unchanged';
  printResult(context, options.json, answer, [
    answer.ok ? state : 'reload refused: the grants in force stay',
    ...answer.problems.map((problem) => `  ${problem}`),
    `  policy ${answer.policyHash}`,
  ]);
}
