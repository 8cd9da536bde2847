import { corruptEvidence } from './corrupt-evidence.ts';
import { decodeBase64 } from './strict-base64.ts';
import { isKeyName, type VerifierKey } from './verifier-key.ts';

/** Largest note that is read, in bytes; a checkpoint with many witnesses has a few thousand. */
export const MAX_NOTE_BYTES = 65_536;

/** Most signature lines that are read. Verifiers must accept at least 16 (C2SP signed-note). */
const MAX_SIGNATURES = 100;

const KEY_ID_BYTES = 4;
const SIGNATURE_START = '— ';

/** One signature line of a note. */
export interface NoteSignature {
  readonly name: string;
  readonly keyId: string;
  readonly signature: Buffer;
}

/** A note whose signatures were checked. */
export interface OpenedNote {
  /** The signed text, with its last newline. */
  readonly text: string;
  /** Names of the keys whose signatures are right; never empty. */
  readonly signedBy: readonly string[];
  /** Those keys as `vkey` lines: a name may have several. */
  readonly signingKeys: readonly string[];
}

/** A note: the text, an empty line, one signature line. */
export function formatSignedNote(
  text: string,
  name: string,
  keyId: string,
  signature: Uint8Array,
): string {
  return `${text}\n${formatSignatureLine(name, keyId, signature)}`;
}

/** A signature line of a note, with its newline. */
export function formatSignatureLine(name: string, keyId: string, signature: Uint8Array): string {
  const bytes = Buffer.concat([Buffer.from(keyId, 'hex'), signature]);
  return `${SIGNATURE_START}${name} ${bytes.toString('base64')}\n`;
}

/**
 * Opens a C2SP signed note: at least one of the keys must have signed it, and no signature that
 * claims to be by one of them may be wrong. Signatures by other keys are ignored.
 * @param file names the note in errors.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export function openSignedNote(
  note: Uint8Array,
  keys: readonly VerifierKey[],
  file: string,
): OpenedNote {
  const { text, signatures } = parseNote(note, file);
  const message = Buffer.from(text);
  const signing: VerifierKey[] = [];
  for (const { name, keyId, signature } of signatures) {
    const key = keys.find((known) => known.name === name && known.keyId === keyId);
    if (key === undefined) continue;
    if (!key.verify(message, signature)) {
      throw corruptEvidence(file, `signature by ${name}`, 'does not match the text');
    }
    signing.push(key);
  }
  if (signing.length === 0) throw corruptEvidence(file, 'signatures', 'none by a known key');
  const signedBy = signing.map((key) => key.name);
  return { text, signedBy, signingKeys: signing.map((key) => key.line) };
}

/**
 * Text and signatures of a note, none of them checked.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export function parseNote(
  note: Uint8Array,
  file: string,
): { readonly text: string; readonly signatures: readonly NoteSignature[] } {
  if (note.length > MAX_NOTE_BYTES)
    throw corruptEvidence(file, 'note', `longer than ${MAX_NOTE_BYTES} bytes`);
  const whole = decodeUtf8(note);
  if (whole === null || hasControlCharacter(whole)) {
    throw corruptEvidence(file, 'note', 'not UTF-8 text without control characters');
  }
  const split = whole.lastIndexOf('\n\n');
  if (split === -1 || !whole.endsWith('\n')) {
    throw corruptEvidence(file, 'note', 'no signature lines after an empty line');
  }
  const lines = whole.slice(split + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES)
    throw corruptEvidence(file, 'signatures', `more than ${MAX_SIGNATURES}`);
  const signatures = lines.map((line, i) => {
    const signature = parseSignature(line);
    if (signature === null) throw corruptEvidence(file, `signature line ${i + 1}`, 'malformed');
    return signature;
  });
  return { text: whole.slice(0, split + 1), signatures };
}

function parseSignature(line: string): NoteSignature | null {
  if (!line.startsWith(SIGNATURE_START)) return null;
  const [name = '', encoded = '', ...rest] = line.slice(SIGNATURE_START.length).split(' ');
  const bytes = decodeBase64(encoded);
  if (rest.length > 0 || !isKeyName(name) || bytes === null || bytes.length <= KEY_ID_BYTES)
    return null;
  return {
    name,
    keyId: bytes.subarray(0, KEY_ID_BYTES).toString('hex'),
    signature: bytes.subarray(KEY_ID_BYTES),
  };
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function hasControlCharacter(text: string): boolean {
  return /[^\P{Cc}\n]/u.test(text);
}
