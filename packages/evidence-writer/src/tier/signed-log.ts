import { join } from 'node:path';
import { readRecords } from '../bundle-reader.ts';
import { openCheckpoint } from '../checkpoint.ts';
import { corruptEvidence } from '../corrupt-evidence.ts';
import { readEndorsements } from '../keys/key-endorsement.ts';
import { CHECKPOINT_FILE, KEY_ENDORSEMENTS_FILE } from '../log-layout.ts';
import { foldHashes, HASH_BYTES, leafHash } from '../merkle-hash.ts';
import { keysOfLog } from '../proof/log-keys.ts';
import { VerifiedTiles } from '../proof/verified-tiles.ts';
import { readLogFile } from '../read-log-file.ts';
import { TILE_WIDTH, tilePath } from '../tile-path.ts';
import { parseVerifierKey, type VerifierKey } from '../verifier-key.ts';
import { type LogHead, readLogHead } from './log-head.ts';
import { logIdOf, readLogId } from './log-id.ts';

/**
 * Public keys (`vkey` lines) of a log that a tier follows, by its folder; undefined: those in the file beside
 * the log, which is only as good as the disk.
 */
export type FollowedKeys = (folder: string) => readonly string[] | undefined;

/** What was found right of a log, while its checkpoint stays the same. */
interface CheckedHead {
  readonly given: string;
  readonly head: LogHead;
  readonly id: string | null;
  readonly chain: readonly VerifierKey[];
}

/** A log under its newest checkpoint: signed by its key, and nothing read that does not lead to its root. */
export class SignedLog {
  readonly folder: string;
  /** What tiers know the log by. */
  readonly id: string;
  readonly head: LogHead;
  /** Every key that the log has, or says that it had: who may have signed an older head. */
  readonly chain: readonly VerifierKey[];
  #tiles: VerifiedTiles | null = null;

  constructor(folder: string, id: string, head: LogHead, chain: readonly VerifierKey[]) {
    this.folder = folder;
    this.id = id;
    this.head = head;
    this.chain = chain;
  }

  /**
   * The first `width` entries of a bundle; an erased one is empty.
   * @throws {GovernanceError} EVIDENCE_CORRUPT when one is not the record that was signed.
   */
  async entries(index: number, width: number): Promise<readonly Buffer[]> {
    const entries = await readRecords(this.folder, index, width);
    for (const [i, entry] of entries.entries()) {
      const at = index * TILE_WIDTH + i;
      if (entry.length === 0 || (await this.holds(at, entry))) continue;
      throw corruptEvidence(this.folder, `record ${at}`, 'is not the one under the signed root');
    }
    return entries;
  }

  /** Whether these bytes are the record at an index. */
  async holds(index: number, record: Uint8Array): Promise<boolean> {
    return leafHash(record).equals(await (await this.#openTiles()).leaf(index));
  }

  /** A full hash tile. @throws {GovernanceError} EVIDENCE_CORRUPT when it does not lead to the root. */
  async tile(level: number, index: number): Promise<Buffer> {
    const file = join(this.folder, tilePath(level, index));
    const bytes = await readLogFile(file, TILE_WIDTH * HASH_BYTES);
    if (bytes?.length !== TILE_WIDTH * HASH_BYTES)
      throw corruptEvidence(file, 'tile', 'not a full tile');
    const span = TILE_WIDTH ** (level + 1);
    const range = { start: index * span, end: (index + 1) * span };
    const expected = await (await this.#openTiles()).hashOf(range);
    if (Buffer.compare(foldHashes(bytes), expected) === 0) return bytes;
    throw corruptEvidence(file, 'tile', 'does not lead to the signed root');
  }

  /** Root of the first records, one at least. */
  async root(size: number): Promise<Uint8Array> {
    return (await this.#openTiles()).hashOf({ start: 0, end: size });
  }

  async #openTiles(): Promise<VerifiedTiles> {
    this.#tiles ??= await VerifiedTiles.open(this.folder, this.head.size, this.head.root);
    return this.#tiles;
  }
}

/** Opens logs by the signature of their newest checkpoint; one that stands still is checked once. */
export class SignedLogs {
  readonly #keys: FollowedKeys;
  readonly #checked = new Map<string, CheckedHead>();

  constructor(keys: FollowedKeys = () => undefined) {
    this.#keys = keys;
  }

  /**
   * Null for a log without records.
   * @throws {GovernanceError} EVIDENCE_CORRUPT for what its key did not sign, EVIDENCE_KEY_INVALID
   */
  async open(folder: string): Promise<SignedLog | null> {
    const read = await readLogHead(folder);
    const known = this.#checked.get(folder);
    if (read === null) {
      if (known === undefined) return null;
      throw corruptEvidence(join(folder, CHECKPOINT_FILE), 'file', 'missing');
    }
    const given = this.#keys(folder);
    const isKnown =
      known?.given === JSON.stringify(given ?? null) && known.head.note.equals(read.note);
    const checked = isKnown ? known : await checkHead(folder, read, given);
    // The first record of an empty log is yet to come.
    if (checked.id !== null && checked.head.size > 0) this.#checked.set(folder, checked);
    if (checked.id === null) return null;
    return new SignedLog(folder, checked.id, checked.head, checked.chain);
  }
}

async function checkHead(
  folder: string,
  { note }: LogHead,
  given: readonly string[] | undefined,
): Promise<CheckedHead> {
  const keys = await keysOfLog(folder, given);
  const head = { ...openCheckpoint(note, keys, join(folder, CHECKPOINT_FILE)), note };
  const chain = [...keys];
  for (const { oldKey, newKey } of await readEndorsements(join(folder, KEY_ENDORSEMENTS_FILE))) {
    for (const line of [oldKey, newKey]) {
      const key = parseVerifierKey(line);
      const isIn = chain.some((one) => one.name === key?.name && one.keyId === key.keyId);
      if (key !== null && !isIn) chain.push(key);
    }
  }
  const id = head.size === 0 ? await readLogId(folder, head) : await signedId(folder, head);
  return { given: JSON.stringify(given ?? null), head, id, chain };
}

async function signedId(folder: string, head: LogHead): Promise<string> {
  const tiles = await VerifiedTiles.open(folder, head.size, head.root);
  return logIdOf(head.origin, await tiles.leaf(0));
}
