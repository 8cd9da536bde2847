import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage, findUnsafeMode } from '@cortex-governance/core';
import { MAX_KILL_SWITCH_BYTES } from './kill-switch-file.ts';

/**
 * A file that changed less than this long ago (ms) may change again without a trace in its times, which
 * tick in milliseconds on common file systems; it is read again until it is older.
 */
const SETTLED_AFTER_MS = 2000;

/** Signature of a file that is not there, in a folder that is. */
export const MISSING = 'missing';

/** A file that must not, or cannot, be read. */
export interface UnreadableFile {
  readonly kind: 'unreadable';
  readonly problem: string;
  /** Empty when the cause may end without a trace in the file, so that it must be tried again. */
  readonly signature: string;
  /** False when nothing is known of the file itself, because something is wrong with its folder. */
  readonly exists: boolean;
}

/** What a look at the file found. */
export type FileReading =
  | { readonly kind: 'text'; readonly text: string; readonly signature: string }
  | { readonly kind: 'missing'; readonly signature: string }
  | UnreadableFile;

/**
 * What tells one state of the file from another: device, inode, size and times. {@link MISSING} when
 * there is none, empty when it cannot be told. Never rejects.
 */
export async function fileSignature(path: string): Promise<string> {
  try {
    return signatureOf(await lstat(path, { bigint: true }));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return '';
    return (await findFolderProblem(path)) === null ? MISSING : '';
  }
}

/** Reads the file whole, if it is one that may be trusted. Never rejects. */
export async function readStateFile(path: string): Promise<FileReading> {
  let file: FileHandle;
  try {
    // Not blocking, so that a pipe in the file's place does not hang; not through a link.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    file = await open(path, flags);
  } catch (error) {
    return await explainOpenError(path, error);
  }
  try {
    return await readOpened(file);
  } catch (error) {
    return unreadable(describeError(error), '');
  } finally {
    await file.close().catch(() => {});
  }
}

async function readOpened(file: FileHandle): Promise<FileReading> {
  const status = await file.stat({ bigint: true });
  const signature = settledSignature(status);
  if (!status.isFile()) return unreadable('not a regular file', signature);
  const unsafe = findUnsafeMode({ mode: Number(status.mode) });
  if (unsafe !== null) return unreadable(unsafe, signature);
  const bytes = await readBounded(file);
  if (bytes === null) return unreadable(`larger than ${MAX_KILL_SWITCH_BYTES} bytes`, signature);
  try {
    return {
      kind: 'text',
      text: new TextDecoder('utf-8', { fatal: true }).decode(bytes),
      signature,
    };
  } catch {
    return unreadable('not UTF-8', signature);
  }
}

/** Everything in the file, or null when it is too large, whatever its size says. */
async function readBounded(file: FileHandle): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const chunk = new Uint8Array(65_536);
    const { bytesRead } = await file.read(chunk, 0, chunk.length, length);
    if (bytesRead === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, bytesRead));
    length += bytesRead;
    if (length > MAX_KILL_SWITCH_BYTES) return null;
  }
}

async function explainOpenError(path: string, error: unknown): Promise<FileReading> {
  const code = codeOf(error);
  if (code === 'ENOENT') {
    const problem = await findFolderProblem(path);
    if (problem === null) return { kind: 'missing', signature: MISSING };
    return { kind: 'unreadable', problem, signature: '', exists: false };
  }
  const signature = await fileSignature(path);
  // Links are refused with either code. Other causes can end without a trace in the file.
  if (code === 'ELOOP' || code === 'EMLINK') return unreadable('a symbolic link', signature);
  return {
    ...unreadable(describeError(error), ''),
    exists: signature !== '' && signature !== MISSING,
  };
}

async function findFolderProblem(path: string): Promise<string | null> {
  const folder = dirname(path);
  try {
    return (await stat(folder)).isDirectory() ? null : `${folder} is not a folder`;
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? `no folder ${folder}` : describeError(error);
  }
}

function unreadable(problem: string, signature: string): UnreadableFile {
  return { kind: 'unreadable', problem, signature, exists: true };
}

function signatureOf({ dev, ino, mode, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${mode}:${size}:${mtimeNs}:${ctimeNs}`;
}

function settledSignature(status: BigIntStats): string {
  // The file's times are the system's, so they are compared with the system's clock, not an injected one.
  const ageMs = Date.now() - Number(status.ctimeMs);
  return Math.abs(ageMs) < SETTLED_AFTER_MS ? '' : signatureOf(status);
}

/** The error's code and text, without the path that the caller names anyway. */
function describeError(error: unknown): string {
  return errorMessage(error).replace(/, \w+ '.*'$/s, '');
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}
