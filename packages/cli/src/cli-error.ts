import { errorMessage, GovernanceError } from '@cortex-governance/core';
import { CommanderError } from 'commander';
import type { ExitCode } from './exit-code.ts';
import { printable } from './printable.ts';

/** A failure that only the command line has: wrong usage, or a server that does not answer. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exit: ExitCode;
  /** Shown in brackets. */
  readonly code: string;

  constructor(exit: ExitCode, message: string, code: string = exit) {
    super(message);
    this.exit = exit;
    this.code = code;
  }
}

/** The failure of a command line or its input that is wrong. */
export function usageError(message: string): CliError {
  return new CliError('USAGE', message);
}

/** What the user is told about anything that was thrown, on one line. */
export interface Failure {
  readonly exit: ExitCode;
  /** `error [CODE] message` */
  readonly line: string;
}

/** The failure for anything that was thrown; INTERNAL for what nobody expected. */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof CliError) return failure(thrown.exit, thrown.code, thrown.message);
  if (thrown instanceof CommanderError) {
    if (thrown.code === 'commander.help') {
      return failure('USAGE', 'USAGE', 'a command is missing; see govern --help');
    }
    return failure('USAGE', 'USAGE', thrown.message.replace(/^error: /, ''));
  }
  if (GovernanceError.isInstance(thrown)) {
    // Options come from the command line; what comes from files has codes of its own.
    const exit = thrown.code === 'OPTIONS_INVALID' ? 'USAGE' : 'FAULT';
    return failure(exit, thrown.code, thrown.message);
  }
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  // Errors of the operating system name file and cause, and are no defect of this program.
  if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)) {
    return failure('FAULT', code, errorMessage(thrown));
  }
  return failure('INTERNAL', 'INTERNAL', errorMessage(thrown));
}

function failure(exit: ExitCode, code: string, message: string): Failure {
  return { exit, line: `error [${code}] ${printable(message)}` };
}
