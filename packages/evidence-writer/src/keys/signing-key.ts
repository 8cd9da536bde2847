import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { rawPublicKey } from '../verifier-key.ts';

/**
 * An Ed25519 key that signs checkpoints, wherever it is: in a file, in the environment, or in a key
 * management service that never gives it out.
 */
export interface SigningKey {
  /** The raw 32 bytes of the public key. */
  readonly publicKey: Uint8Array;
  /**
   * The 64 bytes of the Ed25519 signature over the message (RFC 8032, not prehashed). May reject or take
   * its time: it is asked again, and the log goes on meanwhile, without new checkpoints.
   */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** Whether a value has the shape of a {@link SigningKey}. */
export function isSigningKey(value: unknown): value is SigningKey {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<SigningKey>).sign === 'function'
  );
}

/** A key held by this process. */
export function keyObjectSigningKey(privateKey: KeyObject): SigningKey {
  return {
    publicKey: rawPublicKey(createPublicKey(privateKey)),
    sign: async (message) => sign(null, message, privateKey),
  };
}

/**
 * The key in a PKCS#8 PEM text.
 * @throws {Error} whose message never quotes the text.
 */
export function parseSigningKey(pem: string): SigningKey {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // What the parser says may quote the text; the key must not reach a log.
    throw new Error('not a private key in PKCS#8 PEM');
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new Error(`key of type ${key.asymmetricKeyType ?? 'unknown'}, not ed25519`);
  }
  return keyObjectSigningKey(key);
}
