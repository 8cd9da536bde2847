import { readdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { GovernanceError, replaceFileDurably } from '@cortex-governance/core';
import { isMissing } from '../bounded-read.ts';
import { parseCheckpoint } from '../checkpoint.ts';
import { decodeBundle, encodeBundle } from '../entry-bundle.ts';
import type { RecordRange } from '../erasure-announcement.ts';
import { nodeLogFiles } from '../log-files.ts';
import {
  CHECKPOINT_FILE,
  JOURNAL_FOLDER,
  KEY_ENDORSEMENTS_FILE,
  SCRATCH_FOLDER,
} from '../log-layout.ts';
import { foldHashes, HASH_BYTES, leafHash } from '../merkle-hash.ts';
import { keyFileOf, readLogFile } from '../tier/log-head.ts';
import { hashesAtLevel, parseTilePath, TILE_WIDTH, tilePath } from '../tile-path.ts';
import { Archive } from './archive.ts';
import {
  CHECKPOINTS,
  edgeKey,
  KEYS,
  originOfName,
  PROOFS,
  plainKey,
  sizeOfKey,
} from './archive-keys.ts';
import type { ArchiveStore } from './archive-store.ts';
import { decodeLogKeys } from './log-keys-file.ts';
import { RETENTION_CLASSES } from './retention.ts';

const FILE_MODE = 0o600;

/** Hash tiles that are read and written together. */
const BATCH = 8;

/** A log in an archive. */
export interface ArchivedLogName {
  /** What it is called in keys. */
  readonly name: string;
  readonly origin: string;
  /** Records under its newest archived checkpoint. */
  readonly size: number;
}

/** A log that was written back. */
export interface RestoredLog extends ArchivedLogName {
  readonly dir: string;
  /** Records that the archive does not hold any more: their days were over. Everything else can be verified. */
  readonly missing: readonly RecordRange[];
}

/** The logs in an archive, by name. @throws {GovernanceError} EVIDENCE_TIER_UNAVAILABLE */
export async function listArchivedLogs(store: ArchiveStore): Promise<readonly ArchivedLogName[]> {
  const sizes = new Map<string, number>();
  for await (const { key } of store.list(`${CHECKPOINTS}/`)) {
    const [, name = ''] = key.split('/');
    sizes.set(name, Math.max(sizes.get(name) ?? 0, sizeOfKey(key) ?? 0));
  }
  return [...sizes].map(([name, size]) => ({ name, origin: originOfName(name) ?? '', size }));
}

/**
 * Writes an archived log to a folder that does not exist yet, up to its newest archived checkpoint: a folder
 * that `verifyEvidence` accepts. For reading and proving; a server starts a new log, for what the lost one
 * wrote last is not in the archive.
 * @param log name or origin of the log; may be empty when the archive holds one log only.
 * @throws {GovernanceError} OPTIONS_INVALID when the archive has no such log, or several; EVIDENCE_CORRUPT for
 * a folder that is there, or content that is damaged; EVIDENCE_TIER_UNAVAILABLE
 */
export async function restoreLog(
  store: ArchiveStore,
  log: string,
  dir: string,
): Promise<RestoredLog> {
  const found = chooseLog(await listArchivedLogs(store), log);
  const folder = resolve(dir);
  await assertFree(folder);
  try {
    return await new Restoring(new Archive(store), found, folder).run();
  } catch (error) {
    // Half a log must not be taken for one.
    await rm(folder, { recursive: true, force: true });
    await rm(keyFileOf(folder), { force: true });
    throw error;
  }
}

class Restoring {
  readonly #archive: Archive;
  readonly #log: ArchivedLogName;
  readonly #folder: string;

  constructor(archive: Archive, log: ArchivedLogName, folder: string) {
    this.#archive = archive;
    this.#log = log;
    this.#folder = folder;
  }

  async run(): Promise<RestoredLog> {
    const { name } = this.#log;
    const bundles = await this.#keysOfBundles();
    const { size, edge, note } = await this.#chooseHead(bundles);
    for (const empty of [JOURNAL_FOLDER, SCRATCH_FOLDER]) {
      await nodeLogFiles.makeFolder(join(this.#folder, empty));
    }
    const missing = await this.#writeBundles(bundles, Math.floor(size / TILE_WIDTH));
    await this.#writeTiles(size);
    if (edge.length > 0) {
      const index = Math.floor(size / TILE_WIDTH);
      await this.#write(tilePath('entries', index, edge.length), encodeBundle(edge));
    }
    await this.#writePartialTiles(size, edge);
    await this.#writeKeys(size);
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

  /** The newest checkpoint whose records behind the last full bundle are there. */
  async #chooseHead(
    bundles: ReadonlyMap<number, string>,
  ): Promise<{ size: number; edge: readonly Buffer[]; note: Buffer }> {
    const keys: string[] = [];
    for await (const { key } of this.#archive.store.list(`${CHECKPOINTS}/${this.#log.name}/`)) {
      keys.push(plainKey(key));
    }
    for (const key of keys.sort().reverse()) {
      const note = await this.#archive.find(key);
      if (note === null) continue;
      const { size } = parseCheckpoint(note.content.toString(), key);
      const edge = await this.#readEdge(size, bundles);
      if (edge !== null) return { size, edge, note: note.content };
    }
    throw new GovernanceError('EVIDENCE_CORRUPT', {
      file: `${CHECKPOINTS}/${this.#log.name}`,
      place: 'archive',
      problem: 'no checkpoint whose last records are archived',
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
    const missing: [number, number][] = [];
    await inBatches(count, async (index) => {
      const key = bundles.get(index);
      const found = key === undefined ? null : await this.#archive.find(key);
      if (found !== null) return this.#write(tilePath('entries', index), found.content);
      missing.push([index * TILE_WIDTH, (index + 1) * TILE_WIDTH]);
    });
    return joinRanges(missing);
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

  /** The newest key that was archived, and how older ones name it. */
  async #writeKeys(size: number): Promise<void> {
    let newest = '';
    for await (const { key } of this.#archive.store.list(`${KEYS}/${this.#log.name}/`)) {
      if ((sizeOfKey(key) ?? Infinity) <= size && plainKey(key) > newest) newest = plainKey(key);
    }
    const found = newest === '' ? null : await this.#archive.find(newest);
    const keys = found === null ? null : decodeLogKeys(found.content);
    if (keys === null) return;
    await replaceFileDurably(keyFileOf(this.#folder), keys.vkey);
    if (keys.endorsements !== '') {
      await this.#write(KEY_ENDORSEMENTS_FILE, Buffer.from(keys.endorsements));
    }
  }

  async #write(path: string, content: Uint8Array): Promise<void> {
    const file = join(this.#folder, path);
    await nodeLogFiles.makeFolder(dirname(file));
    await nodeLogFiles.placeFile(file, join(this.#folder, SCRATCH_FOLDER), content);
  }
}

function chooseLog(logs: readonly ArchivedLogName[], wanted: string): ArchivedLogName {
  const fitting = logs.filter(
    ({ name, origin }) => wanted === '' || wanted === name || wanted === origin,
  );
  const [first, second] = fitting;
  if (first !== undefined && second === undefined) return first;
  const names = (fitting.length === 0 ? logs : fitting).map(({ name }) => name).join(', ');
  const problem = `${fitting.length} archived logs fit; there are: ${names === '' ? 'none' : names}`;
  throw new GovernanceError('OPTIONS_INVALID', { where: 'restoreLog(log)', problem });
}

async function assertFree(folder: string): Promise<void> {
  for (const path of [folder, keyFileOf(folder)]) {
    const names = await readdir(path).catch((error: unknown) => {
      if (isMissing(error) && (error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      return ['a file'];
    });
    if (names.length === 0) continue;
    throw new GovernanceError('EVIDENCE_CORRUPT', {
      file: path,
      place: 'folder',
      problem: 'is there already; nothing is written over it',
    });
  }
}

async function inBatches(count: number, each: (index: number) => Promise<void>): Promise<void> {
  for (let start = 0; start < count; start += BATCH) {
    const size = Math.min(BATCH, count - start);
    await Promise.all(Array.from({ length: size }, (_, i) => each(start + i)));
  }
}

function joinRanges(ranges: readonly [number, number][]): readonly RecordRange[] {
  const joined: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && last[1] === from) last[1] = to;
    else joined.push([from, to]);
  }
  return joined;
}
