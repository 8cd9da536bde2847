import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { link, open, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  errorMessage,
  findForeignOwner,
  findUnsafeMode,
  GovernanceError,
} from '@cortex-governance/core';
import { isMissing } from '../bounded-read.ts';
import { nodeLogFiles } from '../log-files.ts';
import { parseSigningKey, type SigningKey } from './signing-key.ts';

/** Permission bits that a private key must not have: anything for group and others. */
const OPEN_TO_OTHERS = 0o077;

/** Longest key file that is read, in bytes; an Ed25519 key in PEM has 119. */
const MAX_KEY_BYTES = 16_384;

/**
 * The Ed25519 private key in a PKCS#8 PEM file that only its owner may read. Links are followed:
 * secret mounts are made of them.
 * @param create whether to make a key when there is no file. Defaults to false.
 * @throws {GovernanceError} EVIDENCE_KEY_INVALID, naming the file.
 */
export async function fileSigningKey(file: string, create = false): Promise<SigningKey> {
  try {
    const pem = (await readKeyFile(file)) ?? (create ? await createKeyFile(file) : null);
    if (pem === null) throw new Error('no such file');
    return parseSigningKey(pem);
  } catch (error) {
    throw new GovernanceError(
      'EVIDENCE_KEY_INVALID',
      { file, problem: errorMessage(error) },
      { cause: error },
    );
  }
}

async function readKeyFile(file: string): Promise<string | null> {
  try {
    const status = await stat(file);
    if (!status.isFile()) throw new Error('not a regular file');
    const problem = findUnsafeMode(status, OPEN_TO_OTHERS) ?? findForeignOwner(status);
    if (problem !== null) throw new Error(problem);
    if (status.size > MAX_KEY_BYTES)
      throw new Error(`${status.size} bytes, more than ${MAX_KEY_BYTES}`);
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Makes a key file, or reads the one that another process made at the same moment. */
async function createKeyFile(file: string): Promise<string | null> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = String(privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const folder = dirname(file);
  await nodeLogFiles.makeFolder(folder);
  const scratch = join(folder, `.${basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(scratch, 'wx', 0o600);
    try {
      await handle.writeFile(pem);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await linkUnlessThere(scratch, file);
    // A checkpoint may be signed with it that survives what the key does not.
    await nodeLogFiles.syncFolder(folder);
  } finally {
    await rm(scratch, { force: true });
  }
  return readKeyFile(file);
}

async function linkUnlessThere(from: string, to: string): Promise<void> {
  try {
    // A link, unlike a rename, never replaces the key that another process just made.
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
