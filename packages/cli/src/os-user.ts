import { userInfo } from 'node:os';
import type { CliContext } from './cli-context.ts';

/** Name of the operating system's user, for records of who ordered something. */
export function osUser(context: CliContext): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry, as in many containers.
    const uid = process.getuid?.();
    return context.env['USER'] ?? (uid === undefined ? 'unknown' : `uid ${uid}`);
  }
}
