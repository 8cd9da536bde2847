import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Attributes } from '@cortex-governance/core';
import { createEvidenceWriter, type EvidenceWriterOptions } from '../src/index.ts';
import { tilePath } from '../src/tile-path.ts';
import { allowed, call, unsyncedFiles } from './support.ts';

/** Whether to search long: `CORTEX_LONG=1` (`nx test-long evidence-writer`). */
export const LONG: boolean = process.env['CORTEX_LONG'] === '1';

/** What a test appends: decisions, and events in their midst by their index. */
export interface Content {
  readonly records: number;
  readonly events?: Readonly<Record<number, { type: string; properties: Attributes }>>;
  readonly options?: Partial<EvidenceWriterOptions>;
}

/** A log that was closed. */
export interface ClosedLog {
  readonly folder: string;
  readonly vkey: string;
  readonly checkpoint: string;
}

/** Writes a log and closes it. @param dir gets the log `default`. */
export async function writeLog(dir: string, content: Content): Promise<ClosedLog> {
  const { records, events = {}, options = {} } = content;
  const writer = await createEvidenceWriter({
    dir,
    files: unsyncedFiles,
    groupRecords: 1_000,
    checkpointIntervalMs: 3_600_000,
    ...options,
  });
  for (let i = 0; i < records; i += 1) {
    const event = events[i];
    if (event === undefined) writer.appendDecision(call({ i }), allowed());
    else writer.appendEvent(event);
    if (i % 2_000 === 1_999) await writer.flush();
  }
  await writer.close();
  const folder = join(dir, 'default');
  const checkpoint = await readFile(join(folder, 'checkpoint'), 'utf8');
  return { folder, vkey: writer.vkey, checkpoint };
}

/** Files below a folder, with `/`, sorted. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Copies a log and its public key; resolves with the folder of the copy. */
export async function copyLog(folder: string, dir: string): Promise<string> {
  await cp(`${folder}.vkey`, join(dir, 'default.vkey'));
  await cp(folder, join(dir, 'default'), { recursive: true });
  return join(dir, 'default');
}

/** The records of an entry bundle with their lengths. */
export function splitBundle(bytes: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + bytes.readUInt16BE(at);
    entries.push(bytes.subarray(at, end));
    at = end;
  }
  return entries;
}

/** Erases records from their full bundles, as the writer does it: only their lengths stay, as zero. */
export async function erase(folder: string, indexes: readonly number[]): Promise<void> {
  for (const bundle of new Set(indexes.map((index) => Math.floor(index / 256)))) {
    const file = join(folder, tilePath('entries', bundle));
    const entries = splitBundle(await readFile(file));
    for (const index of indexes) {
      if (Math.floor(index / 256) === bundle) entries[index % 256] = Buffer.alloc(2);
    }
    await writeFile(file, Buffer.concat(entries));
  }
}

/** An event that announces an erasure. */
export function announcement(...ranges: readonly (readonly [number, number])[]): {
  type: string;
  properties: Attributes;
} {
  const properties = { ranges, reason: 'asked for', by: 'operator', ticket: 'T-1' };
  return { type: 'records_erased', properties: properties as unknown as Attributes };
}
