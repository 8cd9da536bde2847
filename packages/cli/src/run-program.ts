import { CommanderError } from 'commander';
import type { CliContext } from './cli-context.ts';
import { toFailure } from './cli-error.ts';
import { EXIT_CODES } from './exit-code.ts';
import { createProgram } from './program.ts';
import { isDebug } from './quiet-logger.ts';

/**
 * Runs `govern` with the arguments after its name, and resolves with the exit status. Never rejects:
 * a failure is one line on stderr, with the stack after it when GOVERN_DEBUG=1.
 */
export async function runProgram(args: readonly string[], context: CliContext): Promise<number> {
  try {
    await createProgram(context).parseAsync(args, { from: 'user' });
    return typeof context.exit === 'number' ? context.exit : EXIT_CODES[context.exit].status;
  } catch (error) {
    // Help and version arrive as errors too.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT_CODES.OK.status;
    return reportFailure(error, context);
  }
}

/** Tells the user about a failure; returns the exit status for it. */
export function reportFailure(error: unknown, context: CliContext): number {
  const { exit, line } = toFailure(error);
  context.stderr.write(`${line}\n`);
  if (isDebug(context) && error instanceof Error) context.stderr.write(`${error.stack ?? ''}\n`);
  return EXIT_CODES[exit].status;
}
