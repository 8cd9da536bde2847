import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { errorMessage, findUnsafeMode, GovernanceError } from '@cortex-governance/core';
import type { ArchiveStore } from '@cortex-governance/evidence-writer/cold';
import type { GovernanceConfig } from './governance-config.ts';
import { CONFIG_FILE_NAME } from './governor-paths.ts';

/** Longest URL file that is read, in bytes. */
const MAX_URL_BYTES = 4_096;

/** Where the index of the evidence is: a database server, or a folder of this machine. */
export type EvidenceIndexAddress = { readonly url: string } | { readonly dir: string };

/**
 * Where `evidence.warm` says that the index is; null when there is none.
 * @throws {GovernanceError} CONFIG_INVALID when the variable is not set, or the file cannot be read or can
 * be read by others.
 */
export async function findEvidenceIndex(
  root: string,
  config: GovernanceConfig,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<EvidenceIndexAddress | null> {
  const { warm } = config.evidence;
  if (warm === undefined) return null;
  if (warm.urlEnv !== undefined) {
    const url = env[warm.urlEnv];
    if (url !== undefined && url !== '') return { url };
    throw invalid('urlEnv', `the environment variable ${warm.urlEnv} is not set`);
  }
  if (warm.urlFile !== undefined) return { url: await readSecret(resolve(root, warm.urlFile)) };
  return { dir: resolve(root, warm.dir) };
}

/**
 * Opens the archive that `evidence.cold` names.
 * @throws {GovernanceError} CONFIG_INVALID when it names none; EVIDENCE_TIER_UNAVAILABLE
 */
export async function openEvidenceArchive(
  root: string,
  config: GovernanceConfig,
): Promise<ArchiveStore> {
  const { createFolderStore, createS3Store } = await import(
    '@cortex-governance/evidence-writer/cold'
  );
  const { dir, s3 } = config.evidence.cold ?? {};
  if (dir !== undefined) return createFolderStore(resolve(root, dir));
  if (s3 !== undefined) return createS3Store(s3);
  throw new GovernanceError('CONFIG_INVALID', {
    file: CONFIG_FILE_NAME,
    place: 'evidence.cold',
    problem: 'is not there',
  });
}

async function readSecret(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const status = await handle.stat();
      const unsafe = findUnsafeMode(status, 0o077);
      if (unsafe !== null) throw new Error(unsafe);
      if (!status.isFile() || status.size > MAX_URL_BYTES) throw new Error('not a short file');
      return (await handle.readFile('utf8')).trim();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw invalid('urlFile', `${file}: ${errorMessage(error)}`);
  }
}

function invalid(member: string, problem: string): GovernanceError {
  return new GovernanceError('CONFIG_INVALID', {
    file: CONFIG_FILE_NAME,
    place: `evidence.warm.${member}`,
    problem,
  });
}
