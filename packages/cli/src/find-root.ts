import { lstat, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CliError } from './cli-error.ts';

const FOLDER = '.cortex';

/** What tells a `.cortex` folder of another name from any other folder. */
const MARKS = ['governance.yaml', 'kill-switch.json', 'policy'] as const;

/**
 * The `.cortex` folder to work on: the one that is given, which may also be named by the folder that
 * holds it, or else the nearest one from the working folder upward.
 * @throws {CliError} ROOT_NOT_FOUND
 */
export async function findRoot(cwd: string, given: string | undefined): Promise<string> {
  if (given !== undefined) return givenRoot(resolve(cwd, given));
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const candidate = join(folder, FOLDER);
    if (await isFolder(candidate)) return candidate;
    if (dirname(folder) === folder) break;
  }
  throw notFound(`no ${FOLDER} folder in ${cwd} or above; name one with --root`);
}

async function givenRoot(folder: string): Promise<string> {
  const inner = join(folder, FOLDER);
  if (await isFolder(inner)) return inner;
  if (!(await isFolder(folder))) throw notFound(`${folder} is not a folder`);
  // A stop that is written where nothing reads it would stop nothing.
  if (basename(folder) === FOLDER || (await holdsGovernance(folder))) return folder;
  throw notFound(`${folder} is no ${FOLDER} folder: it holds none of ${MARKS.join(', ')}`);
}

async function holdsGovernance(folder: string): Promise<boolean> {
  const found = await Promise.all(MARKS.map((name) => exists(join(folder, name))));
  return found.includes(true);
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    // Whatever hides it (missing, not permitted, a NUL byte in the name), it is not a folder to us.
    return false;
  }
}

function notFound(message: string): CliError {
  return new CliError('FAULT', message, 'ROOT_NOT_FOUND');
}
