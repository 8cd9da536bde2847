import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { errorMessage, findUnsafeMode, sha256Hex } from '@cortex-governance/core';
import type { Grant } from './grant.ts';
import { fileProblem, type GrantProblem, invalidGrant } from './grant-problem.ts';
import { readGrantText } from './grant-text.ts';
import type { DocumentProblem, JsonDocument } from './json-document.ts';

/** Largest grant file, in bytes. */
export const MAX_GRANT_FILE_BYTES = 256 * 1024;

/** Where the grants are, below the `.cortex` folder. */
export const GRANT_FOLDER = join('policy', 'tools');

/** A grant file that was read and is in order. */
export interface LoadedGrant {
  readonly file: string;
  /** SHA-256 (hex) of the file's bytes. */
  readonly digest: string;
  readonly grant: Grant;
  /** Where its `tool` stands. */
  readonly toolAt: DocumentProblem;
  readonly mode: number;
  readonly uid: number;
}

/** A grant file, or why it cannot be used. */
export type GrantFileReading =
  | {
      readonly loaded: LoadedGrant;
      /** Null when the file was not parsed again. */
      readonly document: JsonDocument | null;
      readonly problems: null;
    }
  | {
      readonly loaded: null;
      readonly document: null;
      readonly problems: readonly GrantProblem[];
    };

interface RawFile {
  readonly bytes: Uint8Array;
  readonly mode: number;
  readonly uid: number;
}

/** Without O_NONBLOCK, opening a named pipe would wait for its writer forever. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);

/**
 * Reads one grant file of a folder. Refused are a link that leads out of the folder, everything that
 * is not a regular file, more than {@link MAX_GRANT_FILE_BYTES}, and a file that everyone may write.
 * @param known what the file held before: when its bytes are unchanged they are not parsed again.
 */
export async function readGrantFile(
  folder: string,
  name: string,
  known?: LoadedGrant,
): Promise<GrantFileReading> {
  const file = join(folder, name);
  const raw = await readSafely(folder, file);
  if ('code' in raw) return refused([raw]);
  const digest = sha256Hex(raw.bytes);
  const { mode, uid } = raw;
  if (known !== undefined && known.digest === digest) {
    const same = known.mode === mode && known.uid === uid;
    return { loaded: same ? known : { ...known, mode, uid }, document: null, problems: null };
  }
  const { grant, document, problems } = readGrantText(raw.bytes);
  if (grant === null) return refused(problems.map((problem) => invalidGrant(file, problem)));
  const toolAt = document.problem(['tool'], '');
  return { loaded: { file, digest, grant, toolAt, mode, uid }, document, problems: null };
}

async function readSafely(folder: string, file: string): Promise<RawFile | GrantProblem> {
  try {
    const real = await realpath(file);
    if (!real.startsWith((await realpath(folder)) + sep)) {
      return fileProblem('GRANT_FILE_UNSAFE', file, 'is a link that leads out of the folder');
    }
    const handle = await open(real, OPEN_FLAGS);
    try {
      return await readOpened(handle, file);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return fileProblem('GRANT_NOT_FOUND', file, 'does not exist');
    }
    return fileProblem('GRANT_FILE_UNSAFE', file, `cannot be read: ${errorMessage(error)}`);
  }
}

/** All checks are made on the opened file, so that nobody can put another one in its place. */
async function readOpened(handle: FileHandle, file: string): Promise<RawFile | GrantProblem> {
  const status = await handle.stat();
  if (!status.isFile()) return fileProblem('GRANT_FILE_UNSAFE', file, 'is not a regular file');
  const unsafe = findUnsafeMode(status);
  if (unsafe !== null) return fileProblem('GRANT_FILE_UNSAFE', file, unsafe);
  const bytes = Buffer.alloc(Math.min(status.size, MAX_GRANT_FILE_BYTES) + 1);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  if (length > MAX_GRANT_FILE_BYTES) {
    return fileProblem('GRANT_FILE_UNSAFE', file, `is larger than ${MAX_GRANT_FILE_BYTES} bytes`);
  }
  return { bytes: bytes.subarray(0, length), mode: status.mode, uid: status.uid };
}

function refused(problems: readonly GrantProblem[]): GrantFileReading {
  return { loaded: null, document: null, problems };
}
