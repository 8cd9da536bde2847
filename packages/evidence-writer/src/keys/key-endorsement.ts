import { readBounded } from '../bounded-read.ts';
import { corruptEvidence } from '../corrupt-evidence.ts';
import { openSignedNote } from '../signed-note.ts';
import { parseVerifierKey, type VerifierKey } from '../verifier-key.ts';

/** First line of an endorsement; no other signed text of a log starts with it. */
const HEADER = 'cortex-governance/key-endorsement/v1';

/** Lines of an endorsement's text. */
const LINES = 6;

/** Longest file of endorsements that is read, in bytes: thousands of rotations. */
export const MAX_ENDORSEMENTS_BYTES = 4 * 1024 * 1024;

/** What an old key says of its successor. */
export interface KeyEndorsement {
  readonly origin: string;
  /** The `vkey` line of the key that signed it. */
  readonly oldKey: string;
  /** The `vkey` line of its successor. */
  readonly newKey: string;
  /** Records in the log when the key changed. */
  readonly size: number;
  /** Base64 root of the tree over them. */
  readonly root: string;
}

/** The text that the old key signs. */
export function formatEndorsement(endorsement: KeyEndorsement): string {
  const { origin, oldKey, newKey, size, root } = endorsement;
  return `${HEADER}\n${origin}\n${oldKey}\n${newKey}\n${size}\n${root}\n`;
}

/**
 * The endorsements in a file, oldest first; none when there is no file. Each must be signed by the key it
 * names as the old one, and name the successor of the one before it.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export async function readEndorsements(file: string): Promise<readonly KeyEndorsement[]> {
  const bytes = await readBounded(file, MAX_ENDORSEMENTS_BYTES);
  if (bytes === null) return [];
  const text = bytes.toString();
  if (Buffer.compare(Buffer.from(text), bytes) !== 0)
    throw corruptEvidence(file, 'file', 'not UTF-8');
  const notes = text.split(new RegExp(`(?=^${HEADER}\n)`, 'm'));
  const endorsements = notes.map((note, i) => openEndorsement(note, file, `note ${i + 1}`));
  for (const [i, { origin, oldKey }] of endorsements.entries()) {
    const before = endorsements[i - 1];
    if (before !== undefined && (before.newKey !== oldKey || before.origin !== origin)) {
      throw corruptEvidence(file, `note ${i + 1}`, 'does not continue the note before it');
    }
  }
  return endorsements;
}

/**
 * The keys, and every key that one of them endorsed, directly or over others.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export async function endorsedKeys(
  file: string,
  keys: readonly VerifierKey[],
): Promise<readonly VerifierKey[]> {
  const all = [...keys];
  const isKnown = (key: VerifierKey): boolean =>
    all.some(({ name, keyId }) => name === key.name && keyId === key.keyId);
  for (const { oldKey, newKey } of await readEndorsements(file)) {
    const [from, to] = [parseVerifierKey(oldKey), parseVerifierKey(newKey)];
    // A key id is 32 bits; the whole key must be the known one before what it says counts.
    const trusted =
      from !== null && all.some((key) => key.name === from.name && key.line === from.line);
    if (trusted && to !== null && !isKnown(to)) all.push(to);
  }
  return all;
}

function openEndorsement(note: string, file: string, place: string): KeyEndorsement {
  const [header, origin = '', oldKey = '', newKey = '', size = '', root = '', empty] =
    note.split('\n');
  if (header !== HEADER || empty !== '')
    throw corruptEvidence(file, place, 'not a key endorsement');
  const [from, to] = [parseVerifierKey(oldKey), parseVerifierKey(newKey)];
  if (from === null || to === null || from.name !== origin || to.name !== origin) {
    throw corruptEvidence(file, place, 'does not name two keys of the log');
  }
  const { text } = openSignedNote(Buffer.from(note), [from], file);
  const isPlain = text.split('\n').length === LINES + 1 && /^(0|[1-9]\d{0,15})$/.test(size);
  if (!isPlain) throw corruptEvidence(file, place, 'not a key endorsement');
  return { origin, oldKey: from.line, newKey: to.line, size: Number(size), root };
}
