/** Name of a log's newest signed checkpoint. */
export const CHECKPOINT_FILE = 'checkpoint';

/** Folder of a log that holds its entry bundles and hash tiles. */
export const TILE_FOLDER = 'tile';

/** Folder of a log that holds the journal's segments. */
export const JOURNAL_FOLDER = 'journal';

/** Folder of a log in which files are written before they are renamed into place; never read. */
export const SCRATCH_FOLDER = 'tmp';

/** Whether a name is that of a checkpoint whose writing was interrupted before its rename. */
export function isCheckpointScratch(name: string): boolean {
  return /^\.checkpoint\.[0-9a-f]{12}\.tmp$/.test(name);
}
