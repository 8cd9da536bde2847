import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { errorMessage, findUnsafeMode } from '@cortex-governance/core';
import { type GrantFileReading, type LoadedGrant, readGrantFile } from './grant-file.ts';
import { findGrantIdProblem } from './grant-id.ts';
import { fileProblem, type GrantProblem, invalidGrant } from './grant-problem.ts';
import type { JsonDocument } from './json-document.ts';

/** Most grant files in one folder. */
export const MAX_GRANT_FILES = 16_384;

/** Files read at once. */
const READ_BATCH = 16;

const EXTENSION = '.json';

/** What a folder of grants holds. */
export interface GrantFolderReading {
  /** By file name. */
  readonly loaded: ReadonlyMap<string, LoadedGrant>;
  /** By file name; without those that were not parsed again. */
  readonly documents: ReadonlyMap<string, JsonDocument>;
  /** Everything that is wrong, in the order of file names. Empty: the folder can be used. */
  readonly problems: readonly GrantProblem[];
  /** Names in the folder that are no grant files. */
  readonly ignored: readonly string[];
}

/**
 * Reads every `*.json` of a folder, without its subfolders and hidden files.
 * @param known what was read before, by file name.
 */
export async function readGrantFolder(
  folder: string,
  known: ReadonlyMap<string, LoadedGrant> = new Map(),
): Promise<GrantFolderReading> {
  const loaded = new Map<string, LoadedGrant>();
  const documents = new Map<string, JsonDocument>();
  const entries = await listFolder(folder);
  if ('code' in entries) return { loaded, documents, problems: [entries], ignored: [] };
  const names = entries.filter(isGrantFile).map((entry) => entry.name);
  const ignored = entries.filter((entry) => !isGrantFile(entry)).map((entry) => entry.name);
  const problems: GrantProblem[] = folderProblems(folder, names);
  for (let i = 0; i < Math.min(names.length, MAX_GRANT_FILES); i += READ_BATCH) {
    const batch = names.slice(i, Math.min(i + READ_BATCH, MAX_GRANT_FILES));
    const readings = await Promise.all(batch.map((name) => readNamed(folder, name, known)));
    for (const [at, reading] of readings.entries()) {
      const name = batch[at] as string;
      if (reading.problems !== null) problems.push(...reading.problems);
      else loaded.set(name, reading.loaded);
      if (reading.document !== null) documents.set(name, reading.document);
    }
  }
  problems.push(...findDoubleTools(loaded));
  return { loaded, documents, problems, ignored };
}

async function readNamed(
  folder: string,
  name: string,
  known: ReadonlyMap<string, LoadedGrant>,
): Promise<GrantFileReading> {
  const idProblem = findGrantIdProblem(name.slice(0, -EXTENSION.length));
  if (idProblem !== null) {
    const problem = fileProblem('GRANT_ID_INVALID', join(folder, name), `file name ${idProblem}`);
    return { loaded: null, document: null, problems: [problem] };
  }
  return readGrantFile(folder, name, known.get(name));
}

async function listFolder(folder: string): Promise<Dirent[] | GrantProblem> {
  try {
    const unsafe = findUnsafeMode(await stat(folder));
    if (unsafe !== null) return fileProblem('GRANT_FILE_UNSAFE', folder, unsafe);
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return fileProblem('GRANT_NOT_FOUND', join(folder, '*.json'), 'the folder does not exist');
    }
    return fileProblem('GRANT_FILE_UNSAFE', folder, `cannot be read: ${errorMessage(error)}`);
  }
}

function folderProblems(folder: string, names: readonly string[]): GrantProblem[] {
  if (names.length === 0) {
    return [fileProblem('GRANT_NOT_FOUND', join(folder, '*.json'), 'the folder holds no grant')];
  }
  if (names.length > MAX_GRANT_FILES) {
    return [fileProblem('GRANT_FILE_UNSAFE', folder, `holds more than ${MAX_GRANT_FILES} grants`)];
  }
  return [];
}

function findDoubleTools(loaded: ReadonlyMap<string, LoadedGrant>): GrantProblem[] {
  const files = new Map<string, string>();
  const problems: GrantProblem[] = [];
  for (const [name, { grant, file, toolAt }] of loaded) {
    const first = files.get(grant.tool);
    if (first === undefined) files.set(grant.tool, name);
    else problems.push(invalidGrant(file, { ...toolAt, problem: `the same tool as in ${first}` }));
  }
  return problems;
}

/** Hidden files are what editors and file systems leave behind. */
function isGrantFile(entry: Dirent): boolean {
  return !entry.isDirectory() && !entry.name.startsWith('.') && extname(entry.name) === EXTENSION;
}
