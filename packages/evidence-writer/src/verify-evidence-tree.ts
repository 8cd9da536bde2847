import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { isMissing, readBounded } from './bounded-read.ts';
import type { EvidenceReport } from './evidence-report.ts';
import { CHECKPOINT_FILE, JOURNAL_FOLDER, KEY_FILE_SUFFIX, TILE_FOLDER } from './log-layout.ts';
import { MAX_NOTE_BYTES } from './signed-note.ts';
import {
  parseVerifyOptions,
  type VerifyEvidenceOptions,
  verifyEvidence,
} from './verify-evidence.ts';

/** Deepest folder below the root at which a log is looked for. */
const MAX_TREE_DEPTH = 8;

/** What {@link verifyEvidenceTree} found. */
export interface EvidenceTreeReport {
  /** There is at least one log, every one is whole, and every kept checkpoint has its log. */
  readonly ok: boolean;
  /** One report for every log, by folder. */
  readonly logs: readonly EvidenceReport[];
  /** Origins of kept checkpoints whose log is not here. */
  readonly missing: readonly string[];
}

/**
 * Checks every log in a folder and below it, each against the kept checkpoints of its origin. A public key
 * without its log is a fault, and so is a kept checkpoint: the log was there.
 * @throws {GovernanceError} OPTIONS_INVALID
 */
export async function verifyEvidenceTree(
  root: string,
  options: VerifyEvidenceOptions = {},
): Promise<EvidenceTreeReport> {
  const { checkpoint: kept } = parseVerifyOptions(options);
  const logs: EvidenceReport[] = [];
  const origins = new Set<string>();
  for (const folder of await findLogs(resolve(root), 0)) {
    const origin = await claimedOrigin(folder);
    origins.add(origin);
    const own = kept.filter((note) => originOf(note) === origin);
    logs.push(await verifyEvidence(folder, { ...options, checkpoint: own }));
  }
  const missing = kept.map(originOf).filter((origin) => !origins.has(origin));
  return {
    ok: logs.length > 0 && missing.length === 0 && logs.every((log) => log.ok),
    logs,
    missing,
  };
}

/** What a log says that it is: enough to choose what it is compared with; empty when it says nothing. */
async function claimedOrigin(folder: string): Promise<string> {
  try {
    const note = await readBounded(join(folder, CHECKPOINT_FILE), MAX_NOTE_BYTES);
    return originOf(note?.toString() ?? '');
  } catch {
    return '';
  }
}

function originOf(note: string): string {
  return note.split('\n', 1)[0] ?? '';
}

async function findLogs(folder: string, depth: number): Promise<readonly string[]> {
  const names = await listFolders(folder);
  const isLog = names.files.has(CHECKPOINT_FILE) || names.folders.has(JOURNAL_FOLDER);
  if (isLog || names.folders.has(TILE_FOLDER)) return [folder];
  const found = new Set<string>();
  for (const file of names.files) {
    if (file.endsWith(KEY_FILE_SUFFIX)) found.add(join(folder, basename(file, KEY_FILE_SUFFIX)));
  }
  if (depth < MAX_TREE_DEPTH) {
    for (const name of names.folders) {
      for (const log of await findLogs(join(folder, name), depth + 1)) found.add(log);
    }
  }
  return [...found].sort();
}

async function listFolders(folder: string): Promise<{ files: Set<string>; folders: Set<string> }> {
  const files = new Set<string>();
  const folders = new Set<string>();
  try {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      (entry.isDirectory() ? folders : files).add(entry.name);
    }
  } catch (error) {
    if (!isMissing(error)) files.add(CHECKPOINT_FILE);
  }
  return { files, folders };
}
