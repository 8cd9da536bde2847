import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { decodeBase64 } from './strict-base64.ts';

/** Signature types of keys (C2SP signed-note). */
export const KEY_TYPES = Object.freeze({
  /** Ed25519 over the note's text. */
  ed25519: 0x01,
  /** Ed25519 over a time and the text: a witness's cosignature. */
  cosignature: 0x04,
});

/** Which signatures a key makes. */
export type KeyType = keyof typeof KEY_TYPES;

/** DER of an Ed25519 SubjectPublicKeyInfo before its 32 key bytes (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

const KEY_ID_BYTES = 4;
const PUBLIC_KEY_BYTES = 32;

/** A public key that checks signed notes. */
export interface VerifierKey {
  /** Equal to the log's origin. */
  readonly name: string;
  /** The whole key as a `vkey` line. */
  readonly line: string;
  /** SHA-256(name || 0x0A || type || key), first four bytes, hex. */
  readonly keyId: string;
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/** Whether a string may name a key: not empty, no white space, no `+` (C2SP signed-note). */
export function isKeyName(name: string): boolean {
  return name !== '' && name.isWellFormed() && !/[\s+\p{Cc}]/u.test(name);
}

/** Key id of an Ed25519 key under a name, as hex. */
export function keyIdOf(name: string, publicKey: Uint8Array, type: KeyType = 'ed25519'): string {
  return createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.from([KEY_TYPES[type]]))
    .update(publicKey)
    .digest('hex')
    .slice(0, KEY_ID_BYTES * 2);
}

/** The `vkey` line of an Ed25519 key: `name+keyid+base64(0x01 || key)`. */
export function formatVerifierKey(name: string, publicKey: Uint8Array): string {
  const bytes = Buffer.concat([Buffer.from([KEY_TYPES.ed25519]), publicKey]);
  return `${name}+${keyIdOf(name, publicKey)}+${bytes.toString('base64')}`;
}

/** The raw 32 bytes of an Ed25519 public key. */
export function rawPublicKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: 'der', type: 'spki' })).subarray(SPKI_PREFIX.length);
}

/**
 * The key of a `vkey` line; null when the line is malformed, its id wrong, or it is not an Ed25519 key of
 * this type. @param type that of logs when left out.
 */
export function parseVerifierKey(line: string, type: KeyType = 'ed25519'): VerifierKey | null {
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(line.trim());
  if (match === null) return null;
  const [, name = '', keyId = '', text = ''] = match;
  const bytes = decodeBase64(text);
  if (bytes === null || bytes.length !== PUBLIC_KEY_BYTES + 1) return null;
  if (bytes[0] !== KEY_TYPES[type]) return null;
  const publicKey = bytes.subarray(1);
  if (!isKeyName(name) || keyIdOf(name, publicKey, type) !== keyId) return null;
  const key = createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, publicKey]),
    format: 'der',
    type: 'spki',
  });
  return {
    name,
    line: match[0],
    keyId,
    verify: (message, signature) => verify(null, message, key, signature),
  };
}
