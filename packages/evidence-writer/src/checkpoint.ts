import { corruptEvidence } from './corrupt-evidence.ts';
import { HASH_BYTES } from './merkle-hash.ts';
import { openSignedNote } from './signed-note.ts';
import { decodeBase64 } from './strict-base64.ts';
import type { VerifierKey } from './verifier-key.ts';

/** A tree head: what a signed checkpoint says (C2SP tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string;
  /** Records in the tree. */
  readonly size: number;
  readonly root: Uint8Array;
}

/** The text that is signed: origin, size and base64 root, one a line. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const root = Buffer.from(checkpoint.root).toString('base64');
  return `${checkpoint.origin}\n${checkpoint.size}\n${root}\n`;
}

/**
 * The tree head in a checkpoint's text. Extension lines are accepted and ignored; this project
 * writes none.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export function parseCheckpoint(text: string, file: string): Checkpoint {
  if (!text.endsWith('\n')) throw corruptEvidence(file, 'end', 'no newline');
  const [origin = '', sizeText = '', rootText = ''] = text.split('\n');
  const size = Number(sizeText);
  const root = decodeBase64(rootText);
  if (origin === '') throw corruptEvidence(file, 'line 1', 'no origin');
  if (!/^(0|[1-9]\d*)$/.test(sizeText) || !Number.isSafeInteger(size)) {
    throw corruptEvidence(file, 'line 2', 'not a tree size');
  }
  if (root === null || rootText === '') throw corruptEvidence(file, 'line 3', 'not a base64 root');
  return { origin, size, root };
}

/**
 * The tree head of a signed checkpoint, signed by the key that is named as its origin.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export function openCheckpoint(
  note: Uint8Array,
  keys: readonly VerifierKey[],
  file: string,
): Checkpoint {
  const { text, signedBy } = openSignedNote(note, keys, file);
  const checkpoint = parseCheckpoint(text, file);
  if (!signedBy.includes(checkpoint.origin)) {
    throw corruptEvidence(file, 'line 1', `origin ${checkpoint.origin} has not signed it`);
  }
  if (checkpoint.root.length !== HASH_BYTES) {
    throw corruptEvidence(file, 'line 3', 'not a SHA-256 root');
  }
  return checkpoint;
}
