import { basename, dirname, join } from 'node:path';
import { GovernanceError } from '@cortex-governance/core';
import { readBounded } from '../bounded-read.ts';
import { parseVerifierKey, type VerifierKey } from '../verifier-key.ts';

/** Longest key file that is read, in bytes. */
const MAX_VKEY_BYTES = 65_536;

/**
 * The keys of `vkey` lines.
 * @param where names the lines in the error.
 * @throws {GovernanceError} EVIDENCE_KEY_INVALID when there is none, or a line is no Ed25519 key.
 */
export function parseKeyLines(lines: readonly string[], where: string): readonly VerifierKey[] {
  const keys = lines.map((line, i) => {
    const key = parseVerifierKey(line);
    if (key === null) throw invalid(where, `line ${i + 1} is not an Ed25519 vkey line`);
    return key;
  });
  if (keys.length === 0) throw invalid(where, 'no vkey line');
  return keys;
}

/**
 * The keys in the file beside a log.
 * @throws {GovernanceError} EVIDENCE_KEY_INVALID
 */
export async function readLogKeys(folder: string): Promise<readonly VerifierKey[]> {
  const file = join(dirname(folder), `${basename(folder)}.vkey`);
  const text = await readBounded(file, MAX_VKEY_BYTES);
  if (text === null) throw invalid(file, 'missing, and no public key was given');
  const lines = text.toString().split('\n');
  return parseKeyLines(
    lines.filter((line) => line.trim() !== ''),
    file,
  );
}

function invalid(file: string, problem: string): GovernanceError {
  return new GovernanceError('EVIDENCE_KEY_INVALID', { file, problem });
}
