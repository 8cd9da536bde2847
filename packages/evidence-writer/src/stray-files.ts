import type { Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './bounded-read.ts';
import {
  CHECKPOINT_FILE,
  isInterruptedFile,
  JOURNAL_FOLDER,
  KEY_ENDORSEMENTS_FILE,
  SCRATCH_FOLDER,
  WITNESSED_CHECKPOINT_FILE,
} from './log-layout.ts';
import { hashesAtLevel, parseTilePath, TILE_WIDTH } from './tile-path.ts';

/** Deepest folders of a log: six groups of three digits below `tile/<level>`, and `.p`. */
const MAX_DEPTH = 10;

/** A file that the log's records do not account for. */
export interface StrayFile {
  readonly path: string;
  /** First record that it claims to cover; null when it is no tile. */
  readonly index: number | null;
  readonly problem: string;
}

/**
 * Files in a log's folder that are neither its checkpoint, nor a tile of the first `size` records, nor
 * the journal's (which its reader checks), nor scratch files, which nothing ever reads.
 */
export async function* findStrayFiles(folder: string, size: number): AsyncGenerator<StrayFile> {
  for await (const { path, entry } of walk(folder, '', 0)) {
    if (isAccountedFor(path)) continue;
    const tile = parseTilePath(path);
    if (!entry.isFile()) {
      yield { path, index: null, problem: 'not a regular file' };
    } else if (tile === null) {
      yield { path, index: null, problem: 'not a file of a log' };
    } else {
      const level = tile.level === 'entries' ? 0 : tile.level;
      const first = tile.index * TILE_WIDTH;
      const index = first * TILE_WIDTH ** level;
      if (first >= hashesAtLevel(size, level)) {
        yield { path, index, problem: 'covers records that are not in the log' };
      }
    }
  }
}

function isAccountedFor(path: string): boolean {
  return (
    path === CHECKPOINT_FILE ||
    path === KEY_ENDORSEMENTS_FILE ||
    path === WITNESSED_CHECKPOINT_FILE ||
    isInterruptedFile(path) ||
    path.startsWith(`${JOURNAL_FOLDER}/`) ||
    path.startsWith(`${SCRATCH_FOLDER}/`)
  );
}

async function* walk(
  folder: string,
  prefix: string,
  depth: number,
): AsyncGenerator<{ path: string; entry: Dirent }> {
  for await (const entry of await openFolder(join(folder, prefix))) {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    const isOpaque = path === JOURNAL_FOLDER || path === SCRATCH_FOLDER || depth === MAX_DEPTH;
    if (!entry.isDirectory()) yield { path, entry };
    else if (!isOpaque) yield* walk(folder, path, depth + 1);
  }
}

async function openFolder(path: string): Promise<AsyncIterable<Dirent>> {
  try {
    return await opendir(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
    return (async function* () {})();
  }
}
