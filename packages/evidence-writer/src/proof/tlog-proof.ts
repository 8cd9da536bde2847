import { corruptEvidence } from '../corrupt-evidence.ts';
import { HASH_BYTES } from '../merkle-hash.ts';
import { MAX_NOTE_BYTES } from '../signed-note.ts';
import { decodeBase64 } from '../strict-base64.ts';

/** First line of a proof: the format and its version (C2SP tlog-proof). */
const HEADER = 'c2sp.org/tlog-proof@v1';

/** Most hashes of a proof: a tree of as many records as a number can count has 53 levels. */
const MAX_PROOF_HASHES = 63;

/** Longest extra data, in bytes. This project writes none. */
const MAX_EXTRA_BYTES = 65_536;

/** Longest proof, in bytes. */
export const MAX_PROOF_BYTES: number =
  MAX_NOTE_BYTES + Math.ceil(MAX_EXTRA_BYTES / 3) * 4 + 64 * 64;

/** That a record is in a log, checkable offline (C2SP tlog-proof). */
export interface TlogProof {
  /** Index of the record in the log. */
  readonly index: number;
  /** From the leaf's sibling up to the root's child. */
  readonly hashes: readonly Uint8Array[];
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: string;
  /** Data that nobody signed; null without. */
  readonly extra: Uint8Array | null;
}

/** The text of a proof. */
export function formatTlogProof(proof: TlogProof): string {
  const lines = [HEADER];
  if (proof.extra !== null) lines.push(`extra ${base64(proof.extra)}`);
  lines.push(`index ${proof.index}`, ...proof.hashes.map(base64));
  return `${lines.join('\n')}\n\n${proof.checkpoint}`;
}

/**
 * The proof in a text. Checks form alone: see {@link verifyTlogProof}.
 * @param file names the proof in errors.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export function parseTlogProof(text: string, file: string): TlogProof {
  if (text.length > MAX_PROOF_BYTES)
    throw corruptEvidence(file, 'proof', `longer than ${MAX_PROOF_BYTES}`);
  const split = text.indexOf('\n\n');
  if (split === -1) throw corruptEvidence(file, 'proof', 'no checkpoint after an empty line');
  const checkpoint = text.slice(split + 2);
  const [header, ...lines] = text.slice(0, split).split('\n');
  if (header !== HEADER) throw corruptEvidence(file, 'line 1', `not ${HEADER}`);
  const extra = lines[0]?.startsWith('extra ') === true ? parseExtra(lines.shift(), file) : null;
  const index = parseIndex(lines.shift(), file);
  if (lines.length > MAX_PROOF_HASHES) {
    throw corruptEvidence(file, 'hashes', `more than ${MAX_PROOF_HASHES}`);
  }
  const hashes = lines.map((line, i) => parseHash(line, `hash ${i + 1}`, file));
  if (checkpoint === '') throw corruptEvidence(file, 'checkpoint', 'empty');
  return { index, hashes, checkpoint, extra };
}

function parseExtra(line: string | undefined, file: string): Buffer {
  const bytes = decodeBase64((line ?? '').slice('extra '.length));
  if (bytes === null) throw corruptEvidence(file, 'extra', 'not base64');
  if (bytes.length > MAX_EXTRA_BYTES) {
    throw corruptEvidence(file, 'extra', `longer than ${MAX_EXTRA_BYTES} bytes`);
  }
  return bytes;
}

function parseIndex(line: string | undefined, file: string): number {
  const digits = /^index (0|[1-9]\d{0,15})$/.exec(line ?? '')?.[1];
  const index = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(index)) {
    throw corruptEvidence(file, 'index', 'not a line with an index');
  }
  return index;
}

function parseHash(line: string, place: string, file: string): Buffer {
  const hash = decodeBase64(line);
  if (hash === null || hash.length !== HASH_BYTES) {
    throw corruptEvidence(file, place, 'not a SHA-256 hash in base64');
  }
  return hash;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
