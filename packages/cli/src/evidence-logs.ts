import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Deepest folder below the given one in which logs are looked for. */
const MAX_DEPTH = 8;

const KEY_SUFFIX = '.vkey';

/** One evidence log on disk. */
export interface EvidenceLogFolder {
  readonly name: string;
  readonly dir: string;
}

/**
 * The logs in a folder and below it, by path; the folder may itself be a log. A log is known by the
 * public key beside it, which is written before its first record.
 */
export async function findEvidenceLogs(folder: string): Promise<readonly EvidenceLogFolder[]> {
  const own = `${basename(folder)}${KEY_SUFFIX}`;
  if ((await listEntries(dirname(folder))).some(({ name }) => name === own)) return [logAt(folder)];
  const logs = await findBelow(folder, 0);
  return [...logs].sort((a, b) => (a.dir < b.dir ? -1 : 1));
}

/** Records under a log's newest checkpoint; null when that cannot be read. Its signature is not checked. */
export async function checkpointedRecords(log: EvidenceLogFolder): Promise<number | null> {
  const { parseCheckpoint } = await import('@cortex-governance/evidence-writer');
  const file = join(log.dir, 'checkpoint');
  try {
    return parseCheckpoint(await readFile(file, 'utf8'), file).size;
  } catch {
    // Missing or damaged: `govern evidence verify` tells which.
    return null;
  }
}

async function findBelow(folder: string, depth: number): Promise<readonly EvidenceLogFolder[]> {
  const entries = await listEntries(folder);
  const keys = entries.filter((entry) => entry.isFile() && entry.name.endsWith(KEY_SUFFIX));
  const logs = keys.map(({ name }) => logAt(join(folder, name.slice(0, -KEY_SUFFIX.length))));
  if (depth === MAX_DEPTH) return logs;
  const known = new Set(logs.map(({ dir }) => dir));
  for (const entry of entries) {
    const below = join(folder, entry.name);
    if (entry.isDirectory() && !known.has(below)) logs.push(...(await findBelow(below, depth + 1)));
  }
  return logs;
}

async function listEntries(folder: string): Promise<import('node:fs').Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function logAt(dir: string): EvidenceLogFolder {
  return { name: basename(dir), dir };
}
