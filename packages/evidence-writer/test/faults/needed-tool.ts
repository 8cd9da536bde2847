import { execFileSync } from 'node:child_process';

/**
 * Whether a program that a test needs works here. With CI set, one that does not fails the test.
 * Otherwise the test is skipped, and its name says what to install.
 */
export interface NeededTool {
  readonly works: boolean;
  /** Empty when it works. */
  readonly note: string;
}

/** @param probe a command that succeeds only where the tests can run. */
export function neededTool(probe: readonly [string, ...string[]], advice: string): NeededTool {
  const [program, ...args] = probe;
  try {
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 60_000 });
    return { works: true, note: '' };
  } catch (error) {
    const { message } = error as Error;
    const problem = `${program} does not work here: ${advice}`;
    if ((process.env['CI'] ?? '') !== '') throw new Error(`${problem} (${message})`);
    return { works: false, note: ` — SKIPPED, ${problem}` };
  }
}
