import type { GovernanceError } from '@cortex-governance/core';
import { corruptEvidence } from '../corrupt-evidence.ts';
import { decodeBundle, encodeBundle, MAX_BUNDLE_BYTES } from '../entry-bundle.ts';
import { isErased, type RecordRange } from '../erasure-announcement.ts';
import { TILE_WIDTH } from '../tile-path.ts';
import { decodeContent, encodeContent, LZ4_SUFFIX } from './archive-codec.ts';
import type { ArchiveStore } from './archive-store.ts';

/** What an LZ4 frame may be longer than what cannot be compressed, in bytes. */
const FRAME_OVERHEAD = 4_096;

/** An object with its decoded content. */
export interface FoundObject {
  readonly key: string;
  readonly content: Buffer;
}

/** What is known of the entries of a bundle, by their place in it. */
export interface EntryChecks {
  /** Whether the log announced that it is erased. */
  readonly isErased: (place: number) => boolean;
  /** Whether these bytes are the record that was signed. */
  readonly isRight: (place: number, entry: Buffer) => Promise<boolean>;
}

/** Content in a store, encoded as its length asks for. */
export class Archive {
  readonly store: ArchiveStore;

  constructor(store: ArchiveStore) {
    this.store = store;
  }

  /**
   * Stores content under a key, once.
   * @throws {GovernanceError} EVIDENCE_CORRUPT when something else is there.
   */
  async put(key: string, content: Uint8Array): Promise<void> {
    const { suffix, bytes } = await encodeContent(content);
    if (await this.store.create(`${key}${suffix}`, bytes)) return;
    const found = await this.#read(`${key}${suffix}`);
    if (found === null || !found.equals(content)) throw other(key);
  }

  /**
   * Stores an entry bundle, once. What is erased here stays so; what is there and only the log's disk has no
   * more stays until its erasure is announced.
   */
  async putEntries(
    key: string,
    entries: readonly Buffer[],
    { isErased: isAnnounced, isRight }: EntryChecks,
  ): Promise<void> {
    const left = entries.map((entry, i) => (isAnnounced(i) ? Buffer.alloc(0) : entry));
    const { suffix, bytes } = await encodeContent(encodeBundle(left));
    if (await this.store.create(`${key}${suffix}`, bytes)) return;
    const existing = await this.find(key);
    if (existing === null) throw other(key);
    const { records, problem } = decodeBundle(existing.content, TILE_WIDTH);
    if (problem !== null || records.length !== entries.length) throw other(key);
    const merged: Buffer[] = [];
    for (const [i, known] of records.entries()) {
      const entry = entries[i] ?? Buffer.alloc(0);
      const isSame = entry.length > 0 ? known.equals(entry) : await isRight(i, known);
      if (known.length > 0 && !isSame) throw other(key);
      merged.push(isAnnounced(i) ? Buffer.alloc(0) : known);
    }
    await this.#replaceEntries(key, existing.content, merged);
  }

  /** Erases entries of a bundle, if it is there. @param start index of its first record. */
  async eraseEntries(key: string, start: number, ranges: readonly RecordRange[]): Promise<void> {
    const existing = await this.find(key);
    if (existing === null) return;
    const { records, problem } = decodeBundle(existing.content, TILE_WIDTH);
    if (problem !== null || records.length !== TILE_WIDTH) throw other(key);
    const erased = records.map((record, i) =>
      isErased(ranges, start + i) ? Buffer.alloc(0) : record,
    );
    await this.#replaceEntries(key, existing.content, erased);
  }

  /** An object, however its content is encoded; null when there is none. */
  async find(key: string): Promise<FoundObject | null> {
    // An erasure can make a compressed bundle a short one, which then stands beside it for a moment.
    for (const candidate of [key, `${key}${LZ4_SUFFIX}`]) {
      const content = await this.#read(candidate);
      if (content !== null) return { key: candidate, content };
    }
    return null;
  }

  async #replaceEntries(
    key: string,
    existing: Buffer,
    entries: readonly Uint8Array[],
  ): Promise<void> {
    const content = encodeBundle(entries);
    const { suffix, bytes } = await encodeContent(content);
    if (!content.equals(existing)) await this.store.replace(`${key}${suffix}`, bytes);
    await this.store.delete(suffix === '' ? `${key}${LZ4_SUFFIX}` : key);
  }

  async #read(key: string): Promise<Buffer | null> {
    const bytes = await this.store.get(key, MAX_BUNDLE_BYTES + FRAME_OVERHEAD);
    return bytes === null ? null : decodeContent(key, bytes, MAX_BUNDLE_BYTES);
  }
}

function other(key: string): GovernanceError {
  return corruptEvidence(key, 'content', 'the archive holds something else than the log');
}
