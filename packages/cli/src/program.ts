import { Command } from 'commander';
import type { CliContext } from './cli-context.ts';
import { decideCommand } from './commands/decide.ts';
import { evidenceEraseCommand } from './commands/evidence-erase.ts';
import { evidenceExportCommand } from './commands/evidence-export.ts';
import { evidenceListCommand } from './commands/evidence-list.ts';
import { evidenceProveCommand } from './commands/evidence-prove.ts';
import { evidenceQueryCommand } from './commands/evidence-query.ts';
import { evidenceRestoreCommand } from './commands/evidence-restore.ts';
import { evidenceRotateKeyCommand } from './commands/evidence-rotate-key.ts';
import { evidenceTailCommand } from './commands/evidence-tail.ts';
import { evidenceVerifyCommand } from './commands/evidence-verify.ts';
import { evidenceVerifyExportCommand } from './commands/evidence-verify-export.ts';
import { evidenceVerifyProofCommand } from './commands/evidence-verify-proof.ts';
import { grantsLintCommand } from './commands/grants-lint.ts';
import { grantsReloadCommand } from './commands/grants-reload.ts';
import { killCommand } from './commands/kill.ts';
import { mcpCommand } from './commands/mcp.ts';
import { releaseCommand } from './commands/release.ts';
import { serveCommand } from './commands/serve.ts';
import { statusCommand } from './commands/status.ts';
import { VERSION } from './version.ts';

/**
 * The command tree of `govern`, bound to streams, environment and folder. What a command needs beyond
 * core it loads when it runs: a stop must not wait for, or fail with, what it does not use.
 */
export function createProgram(context: CliContext): Command {
  const program = new Command('govern')
    .description('Decides, stops and proves what AI agents may do.')
    .version(VERSION, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .showHelpAfterError(false)
    .enablePositionalOptions();
  const commands = [
    serveCommand(context),
    decideCommand(context),
    group('grants', 'Check and reload the grants.', [
      grantsLintCommand(context),
      grantsReloadCommand(context),
    ]),
    killCommand(context),
    releaseCommand(context),
    statusCommand(context),
    group('evidence', 'Verify and read the evidence logs.', [
      evidenceVerifyCommand(context),
      evidenceListCommand(context),
      evidenceQueryCommand(context),
      evidenceTailCommand(context),
      evidenceEraseCommand(context),
      evidenceRotateKeyCommand(context),
      evidenceRestoreCommand(context),
      evidenceProveCommand(context),
      evidenceVerifyProofCommand(context),
      evidenceExportCommand(context),
      evidenceVerifyExportCommand(context),
    ]),
    mcpCommand(context),
  ];
  for (const command of commands) program.addCommand(command);
  applyToAll(program, (command) => {
    command.exitOverride().configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      // Errors are told on one line, by whoever runs the program.
      writeErr: () => {},
    });
  });
  return program;
}

function group(name: string, description: string, commands: readonly Command[]): Command {
  const command = new Command(name).description(description).helpCommand(false);
  for (const one of commands) command.addCommand(one);
  return command;
}

function applyToAll(command: Command, change: (command: Command) => void): void {
  change(command);
  for (const child of command.commands) applyToAll(child, change);
}
