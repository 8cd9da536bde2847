import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { isPlainObject } from '@cortex-governance/core';

/** Most keys accepted in one JSON Web Key Set. */
export const MAX_KEYS = 100;

/** Fewest bits of an RSA modulus (RFC 7518 section 3.3). */
const MIN_RSA_BITS = 2048;

/** Members of a JWK that only private and symmetric keys have (RFC 7518 section 6). */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/**
 * Says why a value is not a JSON Web Key Set (RFC 7517) of public signature keys, or null when it is.
 * The problem starts with the key's place, such as `keys.0`.
 */
export function findKeySetProblem(value: unknown): string | null {
  if (!isPlainObject(value) || !Array.isArray(value['keys'])) return 'not a JSON Web Key Set';
  const keys: unknown[] = value['keys'];
  if (keys.length === 0) return 'keys: empty';
  if (keys.length > MAX_KEYS) return `keys: more than ${MAX_KEYS}`;
  for (const [i, key] of keys.entries()) {
    const problem = findKeyProblem(key);
    if (problem !== null) return `keys.${i}: ${problem}`;
  }
  return null;
}

function findKeyProblem(jwk: unknown): string | null {
  if (!isPlainObject(jwk)) return 'not an object';
  if (jwk['kty'] === 'oct') return 'a symmetric key: whoever can verify with it can also sign';
  if (SECRET_MEMBERS.some((member) => Object.hasOwn(jwk, member))) return 'a private key';
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    return 'not a public key';
  }
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < MIN_RSA_BITS) return `an RSA key below ${MIN_RSA_BITS} bits`;
  return null;
}
