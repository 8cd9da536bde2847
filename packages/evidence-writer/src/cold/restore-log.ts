import { readdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseOptions, replaceFileDurably } from '@cortex-governance/core';
import { z } from 'zod';
import { isMissing } from '../bounded-read.ts';
import { openCheckpoint } from '../checkpoint.ts';
import { corruptEvidence } from '../corrupt-evidence.ts';
import { decodeBundle, encodeBundle } from '../entry-bundle.ts';
import type { RecordRange } from '../erasure-announcement.ts';
import { nodeLogFiles } from '../log-files.ts';
import {
  CHECKPOINT_FILE,
  JOURNAL_FOLDER,
  KEY_ENDORSEMENTS_FILE,
  keyFileOf,
  SCRATCH_FOLDER,
} from '../log-layout.ts';
import { foldHashes, HASH_BYTES, leafHash } from '../merkle-hash.ts';
import { keysOfLog, parseKeyLines } from '../proof/log-keys.ts';
import { readLogFile } from '../read-log-file.ts';
import type { LogHead } from '../tier/log-head.ts';
import { hashesAtLevel, parseTilePath, TILE_WIDTH, tilePath } from '../tile-path.ts';
import type { VerifierKey } from '../verifier-key.ts';
import { Archive } from './archive.ts';
import { CHECKPOINTS, edgeKey, KEYS, PROOFS, plainKey, sizeOfKey } from './archive-keys.ts';
import type { ArchiveStore } from './archive-store.ts';
import { type ArchivedLogName, chooseLog, listArchivedLogs } from './archived-log-name.ts';
import { inBatches } from './in-batches.ts';
import { decodeLogKeys } from './log-keys-file.ts';
import { gapsBetween } from './missing-ranges.ts';
import { nullIfCorrupt } from './null-if-corrupt.ts';
import { RETENTION_CLASSES } from './retention.ts';

const FILE_MODE = 0o600;

const restoreOptions = z.strictObject({ publicKeys: z.array(z.string()).min(1).optional() });

/** A log that was written back. */
export interface RestoredLog extends ArchivedLogName {
  readonly dir: string;
  /**
   * Records that the archive does not hold any more: their days were over. When there are some,
   * `verifyEvidence` reports the first of their bundles as missing; what is left can be proved by index
   * (`proveRecord`), each record against the signed root.
   */
  readonly missing: readonly RecordRange[];
}

/** Options of {@link restoreLog}. */
export interface RestoreLogOptions {
  /**
   * Public keys of the log as `vkey` lines, from a source that is not the archive; with them counts every key
   * that they endorsed. @defaultValue the keys in the archive, which whoever can write there can replace
   */
  readonly publicKeys?: readonly string[] | undefined;
}

/**
 * Writes an archived log to a folder that does not exist yet, up to its newest archived checkpoint that the
 * log's key signed and whose last records are there. `verifyEvidence` accepts the folder, unless records
 * have expired: see `missing`. For reading and proving; a server starts a new log, for what the lost one
 * wrote last is not in the archive.
 *
 * The records behind the last full bundle expire like others. When they did, because the log stood still for
 * the days of its class, an older checkpoint is taken whose records are all in full bundles; a log that never
 * filled a bundle cannot be restored then.
 * @param log name or origin of the log; may be empty when the archive holds one log only.
 * @throws {GovernanceError} OPTIONS_INVALID when the archive has no such log, or several;
 * EVIDENCE_KEY_INVALID for given keys; EVIDENCE_CORRUPT for a folder that is there, content that is damaged,
 * or no checkpoint that can be restored; EVIDENCE_TIER_UNAVAILABLE
 */
export async function restoreLog(
  store: ArchiveStore,
  log: string,
  dir: string,
  options: RestoreLogOptions = {},
): Promise<RestoredLog> {
  const { publicKeys } = parseOptions(restoreOptions, options, 'restoreLog(…, options)');
  if (publicKeys !== undefined) parseKeyLines(publicKeys, 'the given public keys');
  const found = chooseLog(await listArchivedLogs(store), log);
  const folder = resolve(dir);
  await assertFree(folder);
  try {
    return await new Restoring(new Archive(store), found, folder, publicKeys).run();
  } catch (error) {
    // Half a log must not be taken for one.
    await rm(folder, { recursive: true, force: true });
    await rm(keyFileOf(folder), { force: true });
    throw error;
  }
}

/** What a log is written back from: a checkpoint, and the records behind its last full bundle. */
interface RestoredHead {
  readonly size: number;
  readonly edge: readonly Buffer[];
  readonly note: Buffer;
}

class Restoring {
  readonly #archive: Archive;
  readonly #log: ArchivedLogName;
  readonly #folder: string;
  readonly #given: readonly string[] | undefined;

  constructor(
    archive: Archive,
    log: ArchivedLogName,
    folder: string,
    given: readonly string[] | undefined,
  ) {
    this.#archive = archive;
    this.#log = log;
    this.#folder = folder;
    this.#given = given;
  }

  async run(): Promise<RestoredLog> {
    const { name } = this.#log;
    for (const empty of [JOURNAL_FOLDER, SCRATCH_FOLDER]) {
      await nodeLogFiles.makeFolder(join(this.#folder, empty));
    }
    const bundles = await this.#keysOfBundles();
    const { size, edge, note } = await this.#chooseHead(bundles);
    const missing = await this.#writeBundles(bundles, Math.floor(size / TILE_WIDTH));
    await this.#writeTiles(size);
    if (edge.length > 0) {
      const index = Math.floor(size / TILE_WIDTH);
      await this.#write(tilePath('entries', index, edge.length), encodeBundle(edge));
    }
    await this.#writePartialTiles(size, edge);
    await replaceFileDurably(join(this.#folder, CHECKPOINT_FILE), note, FILE_MODE);
    return { ...this.#log, name, size, dir: this.#folder, missing };
  }

  /** Keys of the entry bundles by index, whatever class they were archived under. */
  async #keysOfBundles(): Promise<ReadonlyMap<number, string>> {
    const keys = new Map<number, string>();
    for (const kept of RETENTION_CLASSES) {
      const prefix = `${kept}/${this.#log.name}/`;
      for await (const { key } of this.#archive.store.list(`${prefix}tile/`)) {
        const tile = parseTilePath(plainKey(key).slice(prefix.length));
        if (tile?.level === 'entries') keys.set(tile.index, plainKey(key));
      }
    }
    return keys;
  }

  /** The newest checkpoint that the log's key signed and whose records behind the last full bundle are there. */
  async #chooseHead(bundles: ReadonlyMap<number, string>): Promise<RestoredHead> {
    const { name, origin } = this.#log;
    const keyFiles = await this.#listBySize(`${KEYS}/${name}/`);
    let keysFrom: string | null = null;
    let keys: readonly VerifierKey[] = [];
    for (const key of await this.#listBySize(`${CHECKPOINTS}/${name}/`)) {
      const size = sizeOfKey(key) ?? 0;
      const newest = keyFiles.find((one) => (sizeOfKey(one) ?? Infinity) <= size) ?? '';
      if (newest !== keysFrom) keys = await this.#writeKeys(newest);
      keysFrom = newest;
      const note = await this.#openNote(key, keys);
      if (note === null || note.size !== size || note.origin !== origin) continue;
      const edge = await this.#readEdge(size, bundles);
      if (edge !== null) return { size, edge, note: note.note };
    }
    const problem = "no checkpoint that the log's key signed and whose last records are archived";
    throw corruptEvidence(`${CHECKPOINTS}/${name}`, 'archive', problem);
  }

  /** Keys of objects, the one for most records first. */
  async #listBySize(prefix: string): Promise<readonly string[]> {
    const keys = new Set<string>();
    for await (const { key } of this.#archive.store.list(prefix)) keys.add(plainKey(key));
    return [...keys].sort().reverse();
  }

  /** A checkpoint; null for one that no known key signed. */
  async #openNote(key: string, keys: readonly VerifierKey[]): Promise<LogHead | null> {
    return nullIfCorrupt(async () => {
      const found = await this.#archive.find(key);
      if (found === null) return null;
      return { ...openCheckpoint(found.content, keys, key), note: found.content };
    });
  }

  async #readEdge(
    size: number,
    bundles: ReadonlyMap<number, string>,
  ): Promise<readonly Buffer[] | null> {
    const width = size % TILE_WIDTH;
    if (width === 0) return [];
    const candidates = RETENTION_CLASSES.map((kept) => edgeKey(kept, this.#log.name, size));
    const full = bundles.get(Math.floor(size / TILE_WIDTH));
    for (const key of full === undefined ? candidates : [...candidates, full]) {
      const found = await this.#archive.find(key);
      const entries = decodeBundle(found?.content ?? Buffer.alloc(0), TILE_WIDTH).records;
      const edge = entries.slice(0, width);
      if (edge.length === width && edge.every(({ length }) => length > 0)) return edge;
    }
    return null;
  }

  async #writeBundles(
    bundles: ReadonlyMap<number, string>,
    count: number,
  ): Promise<readonly RecordRange[]> {
    // Bounded by what is listed: the size is only what a checkpoint says.
    const listed = [...bundles].filter(([index]) => index < count).sort(([a], [b]) => a - b);
    const written = new Set<number>();
    await inBatches(listed.length, async (i) => {
      const [index, key] = listed[i] ?? [0, ''];
      const found = await this.#archive.find(key);
      if (found === null) return;
      await this.#write(tilePath('entries', index), found.content);
      written.add(index);
    });
    return gapsBetween(
      [...written].sort((a, b) => a - b),
      count,
    );
  }

  async #writeTiles(size: number): Promise<void> {
    const prefix = `${PROOFS}/${this.#log.name}/`;
    const paths: string[] = [];
    for await (const { key } of this.#archive.store.list(prefix)) {
      const path = plainKey(key).slice(prefix.length);
      const tile = parseTilePath(path);
      if (tile === null || tile.level === 'entries' || tile.width !== TILE_WIDTH) continue;
      if ((tile.index + 1) * TILE_WIDTH <= hashesAtLevel(size, tile.level)) paths.push(path);
    }
    await inBatches(paths.length, async (i) => {
      const path = paths[i] ?? '';
      const found = await this.#archive.find(`${prefix}${path}`);
      if (found !== null) await this.#write(path, found.content);
    });
  }

  /** The tiles at the right edge hold what the full ones below and the last records come to. */
  async #writePartialTiles(size: number, edge: readonly Buffer[]): Promise<void> {
    for (let level = 0; hashesAtLevel(size, level) > 0; level += 1) {
      const count = hashesAtLevel(size, level);
      const width = count % TILE_WIDTH;
      if (width === 0) continue;
      const first = count - width;
      const hashes: Uint8Array[] = [];
      for (let i = 0; i < width; i += 1) {
        const leaf = edge[i];
        if (level > 0) hashes.push(await this.#hashOfTile(level - 1, first + i));
        else if (leaf !== undefined) hashes.push(leafHash(leaf));
      }
      await this.#write(tilePath(level, first / TILE_WIDTH, width), Buffer.concat(hashes));
    }
  }

  async #hashOfTile(level: number, index: number): Promise<Uint8Array> {
    const file = join(this.#folder, tilePath(level, index));
    const bytes = await readLogFile(file, TILE_WIDTH * HASH_BYTES);
    // A tile that is not in the archive is named by whoever verifies the folder.
    return bytes?.length === TILE_WIDTH * HASH_BYTES ? foldHashes(bytes) : Buffer.alloc(HASH_BYTES);
  }

  /** Writes an archived key and how older ones name it; returns who may have signed. */
  async #writeKeys(key: string): Promise<readonly VerifierKey[]> {
    const found = key === '' ? null : await this.#archive.find(key);
    const archived = found === null ? null : decodeLogKeys(found.content);
    const file = join(this.#folder, KEY_ENDORSEMENTS_FILE);
    await rm(file, { force: true });
    if (archived !== null && archived.endorsements !== '') {
      await replaceFileDurably(file, archived.endorsements, FILE_MODE);
    }
    const lines = this.#given ?? [archived?.vkey ?? ''];
    const keys = await nullIfCorrupt(() => keysOfLog(this.#folder, lines));
    if (keys === null) return [];
    const isKnown = keys.some(({ line }) => line === archived?.vkey.trim());
    const beside = isKnown ? archived?.vkey : `${keys[0]?.line}\n`;
    await replaceFileDurably(keyFileOf(this.#folder), beside ?? '');
    return keys;
  }

  async #write(path: string, content: Uint8Array): Promise<void> {
    const file = join(this.#folder, path);
    await nodeLogFiles.makeFolder(dirname(file));
    await nodeLogFiles.placeFile(file, join(this.#folder, SCRATCH_FOLDER), content);
  }
}

async function assertFree(folder: string): Promise<void> {
  for (const path of [folder, keyFileOf(folder)]) {
    const names = await readdir(path).catch((error: unknown) => {
      if (isMissing(error) && (error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      return ['a file'];
    });
    if (names.length === 0) continue;
    throw corruptEvidence(path, 'folder', 'is there already; nothing is written over it');
  }
}
