import { join } from 'node:path';
import { errorMessage, GovernanceError } from '@cortex-governance/core';
import { readBounded } from '../bounded-read.ts';
import { endorsedKeys } from '../keys/key-endorsement.ts';
import { KEY_ENDORSEMENTS_FILE, keyFileOf, MAX_KEY_FILE_BYTES } from '../log-layout.ts';
import { parseVerifierKey, type VerifierKey } from '../verifier-key.ts';

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
 * The keys to check a log with: those that are given, or else those in the file beside it, and with them
 * every key that one of them endorsed.
 * @throws {GovernanceError} EVIDENCE_KEY_INVALID; EVIDENCE_CORRUPT for endorsements.
 */
export async function keysOfLog(
  folder: string,
  given: readonly string[] | undefined,
): Promise<readonly VerifierKey[]> {
  const keys =
    given === undefined
      ? await readKeysBeside(folder)
      : parseKeyLines(given, 'the given public keys');
  return endorsedKeys(join(folder, KEY_ENDORSEMENTS_FILE), keys);
}

async function readKeysBeside(folder: string): Promise<readonly VerifierKey[]> {
  const file = keyFileOf(folder);
  let text: Buffer | null;
  try {
    text = await readBounded(file, MAX_KEY_FILE_BYTES);
  } catch (error) {
    throw invalid(file, errorMessage(error));
  }
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
