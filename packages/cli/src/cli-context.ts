import type { ExitCode } from './exit-code.ts';

/** What a command may touch besides files: its streams, environment and folder. */
export interface CliContext {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Set by the command that ran: a name of the table, or the status of a program that it ran. */
  exit: ExitCode | number;
}

/** Options that every command takes. */
export interface GlobalOptions {
  readonly root?: string;
  readonly json?: boolean;
}
