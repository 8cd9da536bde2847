import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, GovernanceError } from '@cortex-governance/core';
import { formatSignedNote } from '../signed-note.ts';
import { formatVerifierKey, parseVerifierKey, type VerifierKey } from '../verifier-key.ts';
import type { SigningKey } from './signing-key.ts';

/** How often a key is asked for one signature: for about eight seconds when it fails at once. */
export const DEFAULT_SIGN_ATTEMPTS = 6;

/** Wait before the second attempt, in milliseconds; it doubles with each. */
const FIRST_WAIT_MS = 250;

/** Longest that one attempt may take, in milliseconds. */
const ATTEMPT_TIMEOUT_MS = 10_000;

/** Bytes of an Ed25519 public key. */
const PUBLIC_KEY_BYTES = 32;

/** Signs the checkpoints of one log. */
export interface CheckpointSigner {
  /** The log's origin, which is also the key's name. */
  readonly name: string;
  /** The public key, as a C2SP `vkey` line. */
  readonly vkey: string;
  /** What checks this signer's signatures. */
  readonly verifier: VerifierKey;
  /** The text as a signed note. @throws {Error} when the key gave no right signature in several attempts. */
  sign(text: string): Promise<string>;
}

/**
 * A signer for the log with this origin. No signature leaves it that was not checked: a wrong one in a
 * checkpoint would make the whole log look forged.
 * @throws {GovernanceError} EVIDENCE_KEY_INVALID for a public key that is none.
 */
export function createCheckpointSigner(
  origin: string,
  key: SigningKey,
  attempts: number = DEFAULT_SIGN_ATTEMPTS,
): CheckpointSigner {
  const { publicKey } = key;
  const isKey = publicKey instanceof Uint8Array && publicKey.length === PUBLIC_KEY_BYTES;
  const vkey = isKey ? formatVerifierKey(origin, publicKey) : '';
  const verifier = parseVerifierKey(vkey);
  if (verifier === null) {
    const problem = `its public key is not the ${PUBLIC_KEY_BYTES} bytes of an Ed25519 key`;
    throw new GovernanceError('EVIDENCE_KEY_INVALID', { file: `key of ${origin}`, problem });
  }
  return {
    name: origin,
    vkey,
    verifier,
    sign: async (text) => {
      const signature = await checkedSignature(key, verifier, Buffer.from(text), attempts);
      return formatSignedNote(text, origin, verifier.keyId, signature);
    },
  };
}

async function checkedSignature(
  key: SigningKey,
  verifier: VerifierKey,
  message: Buffer,
  attempts: number,
): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const signature = await withTimeout(key.sign(message));
      if (!verifier.verify(message, signature)) throw new Error('the signature is wrong');
      return signature;
    } catch (error) {
      // Signing writes nothing, so that, unlike a sync, it may be tried again.
      if (attempt === attempts) throw new Error(`signing key: ${errorMessage(error)}`);
      await sleep(FIRST_WAIT_MS * 2 ** (attempt - 1));
    }
  }
}

async function withTimeout<T>(signature: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const onTimeout = (): void => reject(new Error(`no answer in ${ATTEMPT_TIMEOUT_MS} ms`));
    timer = setTimeout(onTimeout, ATTEMPT_TIMEOUT_MS);
  });
  try {
    return await Promise.race([signature, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
