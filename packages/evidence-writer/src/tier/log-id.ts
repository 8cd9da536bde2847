import { join } from 'node:path';
import { canonicalJson } from '@cortex-governance/core';
import { HASH_BYTES, leafHash } from '../merkle-hash.ts';
import { readEvidence } from '../read-evidence.ts';
import { readLogFile } from '../read-log-file.ts';
import { TILE_WIDTH, tilePath } from '../tile-path.ts';
import type { LogHead } from './log-head.ts';

/** Characters of the first record's hash that are part of a log's id. */
const HASH_CHARACTERS = 16;

/**
 * What a tier knows a log by: its origin, `#`, and the start of its first record's leaf hash in hex. Many
 * machines have a log of the same origin; the first record is of one log alone, and its hash stays when
 * the record is erased. Null for a log without records.
 */
export async function readLogId(folder: string, head: LogHead): Promise<string | null> {
  const hash =
    head.size > 0 ? await hashFromTile(folder, head.size) : await hashFromJournal(folder);
  return hash === null ? null : logIdOf(head.origin, hash);
}

/** The id of the log with this origin and leaf hash of its first record. */
export function logIdOf(origin: string, firstHash: Uint8Array): string {
  return `${origin}#${Buffer.from(firstHash).toString('hex').slice(0, HASH_CHARACTERS)}`;
}

async function hashFromTile(folder: string, size: number): Promise<Buffer | null> {
  for (const width of size < TILE_WIDTH ? [size, TILE_WIDTH] : [TILE_WIDTH]) {
    const bytes = await readLogFile(join(folder, tilePath(0, 0, width)), TILE_WIDTH * HASH_BYTES);
    if (bytes !== null && bytes.length >= HASH_BYTES) return bytes.subarray(0, HASH_BYTES);
  }
  return null;
}

async function hashFromJournal(folder: string): Promise<Buffer | null> {
  for await (const record of readEvidence(folder)) {
    return Buffer.from(leafHash(Buffer.from(canonicalJson(record))));
  }
  return null;
}
