import { basename, dirname, join } from 'node:path';

/** Name of a log's newest signed checkpoint. */
export const CHECKPOINT_FILE = 'checkpoint';

/** Folder of a log that holds its entry bundles and hash tiles. */
export const TILE_FOLDER = 'tile';

/** Folder of a log that holds the journal's segments. */
export const JOURNAL_FOLDER = 'journal';

/** Folder of a log in which files are written before they are renamed into place; never read. */
export const SCRATCH_FOLDER = 'tmp';

/** Name of the newest checkpoint that witnesses have cosigned. */
export const WITNESSED_CHECKPOINT_FILE = 'checkpoint.witnessed';

/** Name of the file in which each old key of a log names its successor. */
export const KEY_ENDORSEMENTS_FILE = 'key-endorsements';

/** Ending of the public key file beside a log's folder, and so the mark of a log. */
export const KEY_FILE_SUFFIX = '.vkey';

/** Longest public key file that is read, in bytes. */
export const MAX_KEY_FILE_BYTES = 65_536;

/** The public key file beside a log. */
export function keyFileOf(folder: string): string {
  return join(dirname(folder), `${basename(folder)}${KEY_FILE_SUFFIX}`);
}

/** Whether a name is that of a file of the log whose writing was interrupted before its rename. */
export function isInterruptedFile(name: string): boolean {
  return /^\.(?:checkpoint|checkpoint\.witnessed|key-endorsements)\.[0-9a-f]{12}\.tmp$/.test(name);
}
