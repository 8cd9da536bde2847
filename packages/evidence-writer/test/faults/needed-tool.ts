import { execFileSync } from 'node:child_process';

/** Whether something that a test needs works here. */
export interface NeededTool {
  readonly works: boolean;
  /** What to do about it, for the name of the test that is skipped; empty when it works. */
  readonly note: string;
}

type Command = readonly [program: string, ...args: string[]];

/**
 * A program. With CI set, one that does not work fails the tests; otherwise they are skipped, and their
 * name says what to install.
 * @param probe a command that succeeds only where the tests can run.
 */
export function neededTool(probe: Command, advice: string): NeededTool {
  const tool = isPermitted(probe, advice);
  if (!tool.works && (process.env['CI'] ?? '') !== '') throw new Error(tool.note);
  return tool;
}

/** Something that the system may forbid: where it does, the tests are skipped everywhere. */
export function isPermitted([program, ...args]: Command, advice: string): NeededTool {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 60_000 });
    return { works: true, note: '' };
  } catch {
    return { works: false, note: ` — SKIPPED, ${program} does not work here: ${advice}` };
  }
}
