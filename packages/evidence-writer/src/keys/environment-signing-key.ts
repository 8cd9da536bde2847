import { errorMessage, GovernanceError } from '@cortex-governance/core';
import { parseSigningKey, type SigningKey } from './signing-key.ts';

/** Longest value that is read, in UTF-16 code units. */
const MAX_LENGTH = 16_384;

/**
 * The signing key in an environment variable: PKCS#8 PEM, or the same in base64 on one line, as
 * platforms that allow no line breaks need it.
 * @param variable its name, which errors say; they never say its value.
 * @throws {GovernanceError} EVIDENCE_KEY_INVALID
 */
export function environmentSigningKey(
  variable: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): SigningKey {
  try {
    const value = Object.hasOwn(environment, variable) ? environment[variable] : undefined;
    if (value === undefined || value.trim() === '') throw new Error('not set');
    if (value.length > MAX_LENGTH) throw new Error(`longer than ${MAX_LENGTH} characters`);
    const isPem = value.trimStart().startsWith('-----BEGIN');
    return parseSigningKey(isPem ? value : Buffer.from(value, 'base64').toString('utf8'));
  } catch (error) {
    const details = { file: `environment variable ${variable}`, problem: errorMessage(error) };
    // Without the cause: what it holds may quote the value.
    throw new GovernanceError('EVIDENCE_KEY_INVALID', details);
  }
}
