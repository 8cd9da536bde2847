import { GovernanceError } from '@cortex-governance/core';
import { decodeBundle, encodeBundle } from '../entry-bundle.ts';
import { isErased, type RecordRange } from '../erasure-announcement.ts';
import { MAX_BUNDLE_BYTES } from '../tier/log-head.ts';
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

  /** Stores an entry bundle, once; where one of both has a record that is erased in the other, it ends erased. */
  async putEntries(key: string, entries: readonly Uint8Array[]): Promise<void> {
    const { suffix, bytes } = await encodeContent(encodeBundle(entries));
    if (await this.store.create(`${key}${suffix}`, bytes)) return;
    const existing = await this.find(key);
    if (existing === null) throw other(key);
    const { records } = decodeBundle(existing.content, TILE_WIDTH);
    const merged = entries.map((entry, i) => {
      const known = records[i];
      if (known === undefined || entry.length === 0 || known.length === 0) return Buffer.alloc(0);
      if (!known.equals(entry)) throw other(key);
      return known;
    });
    if (records.length !== entries.length) throw other(key);
    await this.#replaceEntries(key, existing.content, merged);
  }

  /** Erases entries of a bundle, if it is there. @param start index of its first record. */
  async eraseEntries(key: string, start: number, ranges: readonly RecordRange[]): Promise<void> {
    const existing = await this.find(key);
    if (existing === null) return;
    const { records } = decodeBundle(existing.content, TILE_WIDTH);
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
  const problem = 'the archive holds something else than the log';
  return new GovernanceError('EVIDENCE_CORRUPT', { file: key, place: 'content', problem });
}
