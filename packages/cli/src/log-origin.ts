import { readFile } from 'node:fs/promises';
import { GovernanceError } from '@cortex-governance/core';

/**
 * The origin of the log in a folder: the name of the key beside it.
 * @throws {GovernanceError} EVIDENCE_KEY_INVALID
 */
export async function logOrigin(dir: string): Promise<string> {
  const { parseVerifierKey } = await import('@cortex-governance/evidence-writer');
  const file = `${dir}.vkey`;
  const key = parseVerifierKey(await readFile(file, 'utf8'));
  if (key !== null) return key.name;
  const problem = 'not an Ed25519 vkey line';
  throw new GovernanceError('EVIDENCE_KEY_INVALID', { file, problem });
}
