import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { replaceFileDurably } from '@cortex-governance/core';
import { isMissing } from './bounded-read.ts';

/** Permission bits of the log's files: the owner writes, the group reads. */
const FILE_MODE = 0o640;
const FOLDER_MODE = 0o750;

/** A file that only grows. */
export interface AppendFile {
  /** Writes some of the bytes at the end and returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Returns when everything written is on the device. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Everything the writer does to the log's files. A seam for fault tests: the writer MUST treat any
 * rejection as final.
 */
export interface LogFiles {
  /** Makes a folder and those above it, durably; nothing when it is there. */
  makeFolder(path: string): Promise<void>;
  /** Opens a new file; rejects when there is one. */
  createAppendFile(path: string): Promise<AppendFile>;
  /** Puts a whole file in place by rename; its name is durable only after {@link syncFolder}. */
  placeFile(path: string, scratchFolder: string, content: Uint8Array): Promise<void>;
  /** Puts a whole file in place; file and name are durable. */
  replaceFile(path: string, content: string | Uint8Array): Promise<void>;
  syncFolder(path: string): Promise<void>;
  /** Cuts a file, durably. */
  truncateFile(path: string, length: number): Promise<void>;
  /** Removes a file or folder; nothing when there is none. */
  remove(path: string): Promise<void>;
  /** Names in a folder, sorted; none when there is no folder. */
  list(path: string): Promise<readonly string[]>;
}

/** The file system. */
export const nodeLogFiles: LogFiles = Object.freeze({
  makeFolder,
  createAppendFile,
  placeFile,
  replaceFile: (path: string, content: string | Uint8Array) =>
    replaceFileDurably(path, content, FILE_MODE),
  syncFolder,
  truncateFile,
  remove: (path: string) => rm(path, { recursive: true, force: true }),
  list,
});

async function makeFolder(path: string): Promise<void> {
  if (await makeOneFolder(path)) return;
  // Not mkdir's `recursive`: it never returns where the system says ENOENT for a parent that is there.
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent);
  if (!(await makeOneFolder(path))) throw new Error(`${path}: cannot be made`);
}

/** False when the parent is missing. */
async function makeOneFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: FOLDER_MODE });
  } catch (error) {
    if (isMissing(error)) return false;
    if ((await stat(path)).isDirectory()) return true;
    throw error;
  }
  await syncFolder(dirname(path));
  return true;
}

async function createAppendFile(path: string): Promise<AppendFile> {
  const file = await open(path, 'ax', FILE_MODE);
  return {
    write: async (bytes) => (await file.write(bytes)).bytesWritten,
    datasync: () => file.datasync(),
    close: () => file.close(),
  };
}

async function placeFile(path: string, scratchFolder: string, content: Uint8Array): Promise<void> {
  const scratch = join(scratchFolder, randomBytes(8).toString('hex'));
  const file = await open(scratch, 'wx', FILE_MODE);
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(scratch, path);
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder; its rename is durable by the file system's journal.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function truncateFile(path: string, length: number): Promise<void> {
  await truncate(path, length);
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function list(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
