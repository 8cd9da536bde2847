#!/usr/bin/env node
import type { CliContext } from './cli-context.ts';
import { reportFailure, runProgram } from './run-program.ts';

const context: CliContext = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  exit: 'OK',
};

// What nobody awaited is a defect; going on would leave a server in an unknown state.
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => process.exit(reportFailure(error, context)));
}

// A reader that has seen enough, such as `head`, is no fault: commands with long output stop by themselves.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exit(reportFailure(error, context));
});

process.exitCode = await runProgram(process.argv.slice(2), context);
