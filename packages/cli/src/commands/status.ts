import type { GovernorStatus } from '@cortex-governance/governor';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import { CliError } from '../cli-error.ts';
import { describeTarget } from '../kill-order.ts';
import { leafCommand } from '../leaf-command.ts';
import { type LocalStatus, readLocalStatus } from '../local-status.ts';
import { printNote, printResult } from '../output.ts';
import { openServer, type ServerOptions, tokenFileOption, urlOption } from '../server-access.ts';

/** `govern status`: where the server stands, or what the files say when none runs. */
export function statusCommand(context: CliContext): Command {
  return leafCommand(
    'status',
    'Tell where the running server stands; without one, what the files say. Exit 1 when decisions would all be denials.',
    [
      { line: 'govern status', meaning: 'The server of this workspace, or its files.' },
      { line: 'govern status --url http://127.0.0.1:9000 --json', meaning: 'A certain server.' },
    ],
  )
    .addOption(urlOption('the server (default: as configured)'))
    .addOption(tokenFileOption())
    .action((options: ServerOptions) => status(context, options));
}

async function status(context: CliContext, options: ServerOptions): Promise<void> {
  const running = await askServer(context, options);
  if (running !== null) {
    context.exit = running.ready ? 'OK' : 'NO';
    printResult(context, options.json, { server: 'running', ...running }, describeRunning(running));
    return;
  }
  const local = await readLocalStatus(context, options);
  context.exit = local.problems.length === 0 ? 'OK' : 'NO';
  printResult(context, options.json, { server: 'none', ...local }, describeLocal(local));
}

/** The running server's status, or null when none is there; one that is named must be there. */
async function askServer(
  context: CliContext,
  options: ServerOptions,
): Promise<GovernorStatus | null> {
  try {
    return (await (await openServer(context, options)).get('/status', 'ready')) as GovernorStatus;
  } catch (error) {
    if (options.url !== undefined || !isAbsence(error)) throw error;
    if (error instanceof CliError && error.code !== 'UNREACHABLE') {
      printNote(context, `warning [${error.code}] ${error.message}`);
    }
    return null;
  }
}

/** No server, or one that is not ours. */
function isAbsence(error: unknown): boolean {
  return error instanceof CliError && (error.exit === 'UNREACHABLE' || error.exit === 'USAGE');
}

function describeRunning(running: GovernorStatus): readonly string[] {
  const { grants, killSwitch, evidence, decisions } = running;
  return [
    `server ${running.ready ? 'ready' : 'not ready'}`,
    ...running.problems.map((problem) => `  problem  ${problem}`),
    `  grants     ${grants.grants}, loaded ${grants.loadedAt}`,
    ...grants.problems.map((problem) => `  problem  ${problem}`),
    `  policy     ${running.policyHash}`,
    `  stops      ${killSwitch.entries.length}`,
    ...killSwitch.entries.map(
      (entry) => `    ${describeTarget(entry)}, by ${entry.actor}: ${entry.reason}`,
    ),
    `  evidence   ${evidence.records} records, ${evidence.checkpointed} checkpointed, in ${evidence.dir}`,
    `  decisions  ${decisions.total}, ${decisions.allowed} allowed`,
  ];
}

function describeLocal(local: LocalStatus): readonly string[] {
  const { killSwitch, grants, evidence } = local;
  return [
    'no server is running; from the files:',
    ...local.problems.map((problem) => `  problem  ${problem}`),
    `  root       ${local.root}`,
    `  grants     ${grants.grants} in order, ${grants.errors} errors, ${grants.warnings} warnings`,
    `  stops      ${killSwitch.entries.length}`,
    ...killSwitch.entries.map(
      (entry) => `    ${describeTarget(entry)}, by ${entry.actor}: ${entry.reason}`,
    ),
    ...evidence.map(
      ({ name, checkpointed }) =>
        `  evidence   ${name}: ${checkpointed ?? 'no'} checkpointed records`,
    ),
  ];
}
