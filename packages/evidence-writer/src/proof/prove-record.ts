import { resolve } from 'node:path';
import { parseOptions } from '@cortex-governance/core';
import { z } from 'zod';
import { corruptEvidence } from '../corrupt-evidence.ts';
import { leafHash } from '../merkle-hash.ts';
import { readEvidence } from '../read-evidence.ts';
import { parseRecord } from '../record-parser.ts';
import { type LogProver, openLogProver } from './log-prover.ts';
import { readSignedEntries, type SignedEntry } from './signed-entries.ts';
import { formatTlogProof } from './tlog-proof.ts';

/** Which record to prove: by the id of its decision or event, or by its place in the log. */
export type RecordChoice = { readonly id: string } | { readonly index: number };

/** Options of {@link proveRecord}. */
export interface ProveRecordOptions {
  /** Public keys as C2SP `vkey` lines. @defaultValue the file beside the log */
  readonly publicKeys?: readonly string[];
}

/** A record, and the proof that it is in the log. */
export interface ProvedRecord {
  readonly status: 'proved';
  readonly origin: string;
  readonly index: number;
  /** Records under the checkpoint of the proof. */
  readonly size: number;
  /** SHA-256(0x00 || record), RFC 6962. */
  readonly leafHash: Uint8Array;
  /** The record's exact bytes; null when its body was erased: then the leaf hash is all there is. */
  readonly record: Uint8Array | null;
  /** A C2SP tlog-proof. */
  readonly proof: string;
}

/** What {@link proveRecord} answers. */
export type RecordProof =
  | ProvedRecord
  /** The record is in the log, and no checkpoint covers it yet: ask again. */
  | { readonly status: 'unsigned'; readonly index: number }
  /** No record of the log is that one; one whose body was erased has no id any more, only an index. */
  | { readonly status: 'unknown' };

const proveOptions = z.strictObject({ publicKeys: z.array(z.string()).min(1).optional() });

const recordChoice = z.union([
  z.strictObject({ id: z.string().min(1).max(1_024) }),
  z.strictObject({ index: z.int().min(0) }),
]);

/**
 * Finds a record and proves that it is in the log; works while the log is written. By id, the log is
 * read up to the record.
 * @param dir the log's folder, such as `<dir>/default`.
 * @throws {GovernanceError} OPTIONS_INVALID, EVIDENCE_KEY_INVALID; EVIDENCE_CORRUPT for what cannot be
 * read, or does not lead to the signed root.
 */
export async function proveRecord(
  dir: string,
  choice: RecordChoice,
  options: ProveRecordOptions = {},
): Promise<RecordProof> {
  const wanted = parseOptions(recordChoice, choice, 'proveRecord(dir, choice)');
  const checked = parseOptions(proveOptions, options, 'proveRecord(dir, choice, options)');
  const folder = resolve(dir);
  const prover = await openLogProver(
    folder,
    checked.publicKeys === undefined ? {} : { publicKeys: checked.publicKeys },
  );
  const { size } = prover.checkpoint;
  const entry =
    'id' in wanted
      ? await findById(folder, wanted.id, size)
      : await entryAt(folder, wanted.index, size);
  if (entry !== null) return prove(folder, prover, entry);
  const index = await findUnsigned(folder, wanted, size);
  return index === null ? { status: 'unknown' } : { status: 'unsigned', index };
}

async function prove(
  folder: string,
  prover: LogProver,
  { index, bytes }: SignedEntry,
): Promise<ProvedRecord> {
  const leaf = await prover.leafHash(index);
  const isErased = bytes.length === 0;
  if (!isErased && Buffer.compare(leafHash(bytes), leaf) !== 0) {
    throw corruptEvidence(folder, `record ${index}`, 'is not the one under the signed root');
  }
  const { origin, size } = prover.checkpoint;
  const hashes = await prover.inclusionProof(index);
  const proof = formatTlogProof({ index, hashes, checkpoint: prover.note, extra: null });
  const record = isErased ? null : bytes;
  return { status: 'proved', origin, index, size, leafHash: leaf, record, proof };
}

async function findById(folder: string, id: string, size: number): Promise<SignedEntry | null> {
  // Ids are made in the order of time, mostly; a search for bytes is fast enough to not rely on it.
  const needle = Buffer.from(`"id":${JSON.stringify(id)}`);
  for await (const entry of readSignedEntries(folder, 0, size)) {
    if (!entry.bytes.includes(needle)) continue;
    const { record, problem } = parseRecord(entry.bytes, entry.index);
    if (record === null) throw corruptEvidence(folder, `record ${entry.index}`, problem);
    if (record.id === id) return entry;
  }
  return null;
}

async function entryAt(folder: string, index: number, size: number): Promise<SignedEntry | null> {
  if (index >= size) return null;
  for await (const entry of readSignedEntries(folder, index, size)) return entry;
  return null;
}

async function findUnsigned(
  folder: string,
  wanted: RecordChoice,
  size: number,
): Promise<number | null> {
  for await (const record of readEvidence(folder, { from: size })) {
    const isWanted = 'id' in wanted ? record.id === wanted.id : record.seq === wanted.index;
    if (isWanted) return record.seq;
  }
  return null;
}
