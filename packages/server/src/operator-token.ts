import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  errorMessage,
  findForeignOwner,
  findUnsafeMode,
  GovernanceError,
} from '@cortex-governance/core';

const TOKEN_BYTES = 32;
const MAX_TOKEN_FILE_BYTES = 1_024;
/** RFC 6750 `b64token`, at least as long as 24 random bytes in base64. */
const TOKEN = /^[A-Za-z0-9._~+/-]{32,512}=*$/;
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/**
 * The operator token in a file.
 * @throws {GovernanceError} CONFIG_INVALID when the file is missing, not a regular file, readable by
 * others, or does not hold one token.
 */
export async function readOperatorToken(file: string): Promise<string> {
  let content: string;
  try {
    content = await readSecret(file);
  } catch (error) {
    throw invalid(file, errorMessage(error), error);
  }
  const token = content.trim();
  if (!TOKEN.test(token)) throw invalid(file, 'it does not hold one token of 32 to 512 characters');
  return token;
}

/**
 * The operator token in a file, which is made with 32 random bytes and mode 0600 when it does not exist.
 * Two processes that start together end with the same token.
 * @throws {GovernanceError} as {@link readOperatorToken}, and when the file cannot be made.
 */
export async function ensureOperatorToken(file: string): Promise<string> {
  try {
    if (!(await exists(file))) {
      await createSecret(file, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`);
    }
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw invalid(file, errorMessage(error), error);
  }
  return readOperatorToken(file);
}

/** Whether an `Authorization` header carries the token; the time taken does not tell how much of it is right. */
export function bearsToken(authorization: string | undefined, token: string): boolean {
  const given = BEARER.exec(authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(token));
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function readSecret(path: string): Promise<string> {
  // Not through a link: whoever may place one could point it at a file they can write.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new Error('it is not a regular file');
    const problem = findUnsafeMode(status, 0o077) ?? findForeignOwner(status);
    if (problem !== null) throw new Error(problem);
    if (status.size > MAX_TOKEN_FILE_BYTES)
      throw new Error(`it is larger than ${MAX_TOKEN_FILE_BYTES} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Puts a new file in place, whole, or fails with EEXIST: a reader never sees it half written. */
async function createSecret(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}

function invalid(file: string, problem: string, cause?: unknown): GovernanceError {
  const options = cause === undefined ? {} : { cause };
  return new GovernanceError(
    'CONFIG_INVALID',
    { file, place: 'server.operatorTokenFile', problem },
    options,
  );
}
