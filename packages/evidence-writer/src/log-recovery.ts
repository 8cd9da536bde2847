import { join } from 'node:path';
import type { GovernanceError } from '@cortex-governance/core';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { CompactRange } from './compact-range.ts';
import { corruptEvidence } from './corrupt-evidence.ts';
import { decodeBundle, MAX_BUNDLE_BYTES } from './entry-bundle.ts';
import { readJournal } from './journal-reader.ts';
import type { CheckpointSigner } from './keys/checkpoint-signer.ts';
import type { LogFiles } from './log-files.ts';
import {
  CHECKPOINT_FILE,
  isInterruptedFile,
  JOURNAL_FOLDER,
  SCRATCH_FOLDER,
  TILE_FOLDER,
} from './log-layout.ts';
import { LogTree, type TreeEdge } from './log-tree.ts';
import { EMPTY_ROOT, HASH_BYTES, leafHash, nodeHash } from './merkle-hash.ts';
import { readLogFile } from './read-log-file.ts';
import { MAX_NOTE_BYTES } from './signed-note.ts';
import { hashesAtLevel, TILE_WIDTH, type TileLevel, tilePath } from './tile-path.ts';

/** What {@link recoverLog} found and did. */
export interface LogRecovery {
  /** Records that were in the journal and not under a checkpoint; they are now. */
  readonly replayedRecords: number;
  /** Bytes of a frame that a crash had torn; they are gone, and nothing in them was acknowledged. */
  readonly cutBytes: number;
  /** The file that was cut; empty when none was. */
  readonly cutFile: string;
}

/**
 * Opens a log's tree: makes a new log, or checks that the files continue the signed checkpoint and
 * replays the journal. Afterwards every record is under the checkpoint and the journal is empty.
 * @throws {GovernanceError} EVIDENCE_CORRUPT, naming file and place, for any mismatch that is not a
 * torn last frame.
 */
export async function recoverLog(
  files: LogFiles,
  folder: string,
  signer: CheckpointSigner,
): Promise<{ tree: LogTree; recovery: LogRecovery }> {
  await clearScratch(files, folder);
  const checkpoint = await readOwnCheckpoint(files, folder, signer);
  if (checkpoint === null) return startLog(files, folder, signer);
  const tree = new LogTree(files, folder, signer, await readEdge(folder, checkpoint));
  const recovery = await replay(files, folder, tree);
  if (tree.size > checkpoint.size) await tree.checkpoint();
  await emptyJournal(files, folder);
  return { tree, recovery };
}

async function clearScratch(files: LogFiles, folder: string): Promise<void> {
  const scratch = join(folder, SCRATCH_FOLDER);
  await files.makeFolder(scratch);
  await files.makeFolder(join(folder, JOURNAL_FOLDER));
  for (const name of await files.list(scratch)) await files.remove(join(scratch, name));
  for (const name of await files.list(folder)) {
    if (isInterruptedFile(name)) await files.remove(join(folder, name));
  }
}

async function startLog(
  files: LogFiles,
  folder: string,
  signer: CheckpointSigner,
): Promise<{ tree: LogTree; recovery: LogRecovery }> {
  const edge = { range: new CompactRange(), hashes: [], records: [] };
  const tree = new LogTree(files, folder, signer, edge);
  await tree.checkpoint();
  return { tree, recovery: { replayedRecords: 0, cutBytes: 0, cutFile: '' } };
}

async function readOwnCheckpoint(
  files: LogFiles,
  folder: string,
  signer: CheckpointSigner,
): Promise<Checkpoint | null> {
  const file = join(folder, CHECKPOINT_FILE);
  const note = await readLogFile(file, MAX_NOTE_BYTES);
  if (note === null) {
    const journal = await files.list(join(folder, JOURNAL_FOLDER));
    const tiles = await files.list(join(folder, TILE_FOLDER));
    if (journal.length + tiles.length === 0) return null;
    throw corruptEvidence(file, 'file', 'missing, but there are records');
  }
  return openCheckpoint(note, [signer.verifier], file);
}

/** The right edge at a checkpoint, from its partial tiles; their root must be the signed one. */
async function readEdge(folder: string, checkpoint: Checkpoint): Promise<TreeEdge> {
  const { size, root } = checkpoint;
  const hashes: Buffer[][] = [];
  for (let level = 0; hashesAtLevel(size, level) > 0; level += 1) {
    hashes.push(await readPartialTile(folder, size, level));
  }
  const range = CompactRange.restore(size, (level) => subtreeRoot(hashes, level));
  const found = size === 0 ? EMPTY_ROOT : range.root();
  if (Buffer.compare(found, root) !== 0) {
    const file = join(
      folder,
      tilePath(0, Math.floor(size / TILE_WIDTH), size % TILE_WIDTH || TILE_WIDTH),
    );
    throw corruptEvidence(
      file,
      `tree of ${size} records`,
      'the tiles at its edge do not have the signed root',
    );
  }
  return { range, hashes, records: await readPartialBundle(folder, size, hashes[0] ?? []) };
}

async function readPartialTile(folder: string, size: number, level: number): Promise<Buffer[]> {
  const count = hashesAtLevel(size, level);
  const width = count % TILE_WIDTH;
  if (width === 0) return [];
  const tile = await readTile(folder, level, Math.floor(count / TILE_WIDTH), width);
  const { file, bytes } = tile;
  const wanted = tile.width * HASH_BYTES;
  if (bytes.length !== wanted) {
    const place = `byte ${Math.min(bytes.length, wanted)}`;
    throw corruptEvidence(
      file,
      place,
      bytes.length < wanted ? 'cut short' : 'bytes that belong to no hash',
    );
  }
  return Array.from({ length: width }, (_, i) =>
    bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  );
}

async function readPartialBundle(
  folder: string,
  size: number,
  hashes: readonly Buffer[],
): Promise<Buffer[]> {
  if (hashes.length === 0) return [];
  const index = Math.floor(size / TILE_WIDTH);
  const { file, bytes, width } = await readTile(folder, 'entries', index, hashes.length);
  const { records, offsets, end, problem } = decodeBundle(bytes, width);
  for (const [i, hash] of hashes.entries()) {
    const record = records[i];
    if (record === undefined) throw corruptEvidence(file, `byte ${end}`, 'cut short');
    if (!leafHash(record).equals(hash)) {
      throw corruptEvidence(
        file,
        `byte ${offsets[i]}`,
        `record ${index * TILE_WIDTH + i} was changed`,
      );
    }
  }
  // Nobody signed what stands behind the records, so it may be anything: never copied, never lost unseen.
  if (problem !== null) throw corruptEvidence(file, `byte ${end}`, problem);
  if (records.length < width) throw corruptEvidence(file, `byte ${end}`, 'cut short');
  return records.slice(0, hashes.length);
}

/** A partial tile, or the full one that replaced it, and how many members it must have. */
async function readTile(
  folder: string,
  level: TileLevel,
  index: number,
  partialWidth: number,
): Promise<{ file: string; bytes: Buffer; width: number }> {
  for (const width of [partialWidth, TILE_WIDTH]) {
    const file = join(folder, tilePath(level, index, width));
    const bytes = await readLogFile(file, MAX_BUNDLE_BYTES);
    if (bytes !== null) return { file, bytes, width };
  }
  throw corruptEvidence(join(folder, tilePath(level, index, partialWidth)), 'file', 'missing');
}

/** Root of the complete subtree of 2^level leaves at the right edge. */
function subtreeRoot(hashes: readonly (readonly Buffer[])[], level: number): Uint8Array {
  const tile = hashes[Math.floor(level / 8)] ?? [];
  const width = 2 ** (level % 8);
  const end = tile.length - (tile.length % width);
  let row: Uint8Array[] = tile.slice(end - width, end);
  while (row.length > 1) {
    row = Array.from({ length: row.length / 2 }, (_, i) =>
      nodeHash(row[2 * i] ?? EMPTY_ROOT, row[2 * i + 1] ?? EMPTY_ROOT),
    );
  }
  return row[0] ?? EMPTY_ROOT;
}

async function replay(files: LogFiles, folder: string, tree: LogTree): Promise<LogRecovery> {
  const start = tree.size;
  let end = -1;
  let cut = { cutBytes: 0, cutFile: '' };
  for await (const { frame, fault } of readJournal(join(folder, JOURNAL_FOLDER))) {
    if (fault !== null) {
      if (!fault.torn) throw corruptEvidence(fault.file, `byte ${fault.offset}`, fault.problem);
      if (fault.index > tree.size) throw missingRecords(fault.file, tree.size);
      cut = await cutTail(files, fault.file, fault.offset);
      if (end === -1) end = fault.index;
      continue;
    }
    if (frame.firstIndex > tree.size) throw missingRecords(frame.file, tree.size);
    end = frame.firstIndex + frame.records.length;
    await tree.append(frame.records.slice(tree.size - frame.firstIndex));
  }
  if (end !== -1 && end < start) {
    const file = join(folder, JOURNAL_FOLDER);
    throw corruptEvidence(
      file,
      `record ${end}`,
      `the journal ends before the checkpoint of ${start} records`,
    );
  }
  return { replayedRecords: tree.size - start, ...cut };
}

function missingRecords(file: string, from: number): GovernanceError {
  return corruptEvidence(file, 'start', `records from ${from} on are missing before it`);
}

async function cutTail(
  files: LogFiles,
  file: string,
  offset: number,
): Promise<{ cutBytes: number; cutFile: string }> {
  const before = (await readLogFile(file, Number.MAX_SAFE_INTEGER))?.length ?? offset;
  await files.truncateFile(file, offset);
  return { cutBytes: before - offset, cutFile: file };
}

async function emptyJournal(files: LogFiles, folder: string): Promise<void> {
  const journal = join(folder, JOURNAL_FOLDER);
  for (const name of await files.list(journal)) await files.remove(join(journal, name));
  await files.syncFolder(journal);
}
