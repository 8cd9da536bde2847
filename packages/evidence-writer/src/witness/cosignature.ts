import { parseNote } from '../signed-note.ts';
import type { VerifierKey } from '../verifier-key.ts';

/** Bytes of the time in front of the Ed25519 signature. */
const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

/** A witness's statement that it saw this tree head, and that it continues all that it saw before. */
export interface Cosignature {
  /** Name of the witness's key. */
  readonly name: string;
  /** When it was made, in milliseconds since the Unix epoch; whole seconds. */
  readonly timeMs: number;
}

/** What a witness signs: a time in seconds, and the checkpoint's text (C2SP tlog-cosignature v1). */
export function cosignedMessage(timeSeconds: bigint, text: string): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${timeSeconds}\n${text}`);
}

/**
 * The right cosignatures of a note by witnesses that are known; each witness counts once. Signatures
 * by others are ignored, as is a wrong one: it proves nothing.
 * @param witnesses keys of type `cosignature`.
 * @throws {GovernanceError} EVIDENCE_CORRUPT for what is no note.
 */
export function readCosignatures(
  note: Uint8Array,
  witnesses: readonly VerifierKey[],
  file: string,
): readonly Cosignature[] {
  const { text, signatures } = parseNote(note, file);
  const found = new Map<string, Cosignature>();
  for (const { name, keyId, signature } of signatures) {
    const key = witnesses.find((known) => known.name === name && known.keyId === keyId);
    if (key === undefined || signature.length !== TIME_BYTES + SIGNATURE_BYTES) continue;
    const timeSeconds = signature.readBigUInt64BE(0);
    // A cosignature of a checkpoint has a time (C2SP tlog-witness).
    if (timeSeconds === 0n || timeSeconds > BigInt(Number.MAX_SAFE_INTEGER) / 1000n) continue;
    const message = cosignedMessage(timeSeconds, text);
    if (!key.verify(message, signature.subarray(TIME_BYTES))) continue;
    found.set(key.line, { name, timeMs: Number(timeSeconds) * 1000 });
  }
  return [...found.values()];
}
