import { hash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';

/** SHA-256 of bytes or of a string's UTF-8, in lower-case hex. */
export function sha256Hex(data: string | Uint8Array): string {
  // In one call: an object for each hash costs more than the hash of a short text.
  return hash('sha256', data, 'hex');
}

/** SHA-256 (hex) of a value's canonical JSON (RFC 8785). @throws {TypeError} see `canonicalJson`. */
export function canonicalDigest(value: unknown): string {
  return sha256Hex(canonicalJson(value));
}
