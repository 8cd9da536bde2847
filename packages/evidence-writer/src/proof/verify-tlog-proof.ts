import { errorMessage, GovernanceError } from '@cortex-governance/core';
import { openCheckpoint } from '../checkpoint.ts';
import { HASH_BYTES, leafHash } from '../merkle-hash.ts';
import { verifyInclusionProof } from '../merkle-proof.ts';
import type { VerifierKey } from '../verifier-key.ts';
import { parseKeyLines } from './log-keys.ts';
import { parseTlogProof } from './tlog-proof.ts';

const PROOF = 'the proof';

/** What a proof is to prove to be in a log. */
export type ProvedLeaf =
  | {
      /** The record's exact bytes. */
      readonly record: Uint8Array;
    }
  | {
      /** SHA-256(0x00 || record), for a record whose body is not at hand. */
      readonly leafHash: Uint8Array;
    };

/** What {@link verifyTlogProof} found. */
export interface TlogProofReport {
  readonly ok: boolean;
  /** Why not; null when `ok`. */
  readonly problem: string | null;
  /** The log that signed; empty unless `ok`. So are the others. */
  readonly origin: string;
  /** Where in the log the record stands. */
  readonly index: number;
  /** Records under the checkpoint that was signed. */
  readonly size: number;
  /** Its root, base64. */
  readonly root: string;
}

/**
 * Whether a C2SP tlog-proof shows that a record is in a log, offline. The checkpoint must be signed by
 * one of the keys, named as its origin. Never throws for what the proof holds.
 * @param publicKeys C2SP `vkey` lines that the verifier trusts; after a rotation, all of the log's.
 * @throws {GovernanceError} EVIDENCE_KEY_INVALID; OPTIONS_INVALID for a leaf hash that is none.
 */
export function verifyTlogProof(
  proof: string,
  leaf: ProvedLeaf,
  publicKeys: readonly string[],
): TlogProofReport {
  const keys = parseKeyLines(publicKeys, 'the given public keys');
  const hash = 'record' in leaf ? leafHash(leaf.record) : leaf.leafHash;
  if (hash.length !== HASH_BYTES) {
    throw new GovernanceError('OPTIONS_INVALID', {
      where: 'verifyTlogProof(proof, leaf)',
      problem: 'the leaf hash is not of SHA-256',
    });
  }
  try {
    return check(proof, hash, keys);
  } catch (error) {
    return refused(errorMessage(error));
  }
}

function check(text: string, hash: Uint8Array, keys: readonly VerifierKey[]): TlogProofReport {
  const { index, hashes, checkpoint: note } = parseTlogProof(text, PROOF);
  const { origin, size, root } = openCheckpoint(Buffer.from(note), keys, PROOF);
  if (!verifyInclusionProof(index, size, hash, hashes, root)) {
    return refused('the record is not the one that the proof is for');
  }
  const rootText = Buffer.from(root).toString('base64');
  return { ok: true, problem: null, origin, index, size, root: rootText };
}

function refused(problem: string): TlogProofReport {
  return { ok: false, problem, origin: '', index: 0, size: 0, root: '' };
}
