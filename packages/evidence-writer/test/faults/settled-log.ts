import { join } from 'node:path';
import { expect } from 'vitest';
import {
  createEvidenceWriter,
  type EvidenceRecord,
  type EvidenceWriterOptions,
  readEvidence,
  verifyEvidence,
} from '../../src/index.ts';
import type { Acknowledgement } from '../killed-writer.ts';

/*
 * What must hold of a log whose writer is gone, whatever ended it.
 */

/** The ids of a log's records, in order, as they lie on disk. */
async function idsOf(folder: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const record of readEvidence(folder) as AsyncIterable<EvidenceRecord>) {
    ids.push(record.id);
  }
  return ids;
}

function expectAllThere(acknowledged: readonly Acknowledgement[], ids: readonly string[]): void {
  const places = new Map(ids.map((id, index) => [id, index]));
  expect(places.size, 'records with an id of their own').toBe(ids.length);
  expect(acknowledged.filter(({ id }) => !places.has(id))).toEqual([]);
}

/**
 * Checks the log as its writer left it: nothing acknowledged is missing, nothing is damaged but a torn
 * last frame, and what was acknowledged at `checkpointed` is under the signed checkpoint.
 */
export async function expectWholeAsLeft(
  folder: string,
  acknowledged: readonly Acknowledgement[],
): Promise<void> {
  const { firstFault, checkpointSize } = await verifyEvidence(folder);
  if (firstFault !== null) expect(firstFault).toMatchObject({ kind: 'torn_tail' });
  const ids = await idsOf(folder);
  expectAllThere(acknowledged, ids);
  const signed = acknowledged.filter(({ level }) => level === 'checkpointed');
  expectAllThere(signed, ids.slice(0, checkpointSize));
}

/** Starts a writer on the log, closes it, and checks that all of the log is whole and signed. */
export async function expectRecovered(
  options: EvidenceWriterOptions,
  acknowledged: readonly Acknowledgement[],
): Promise<void> {
  const writer = await createEvidenceWriter(options);
  await writer.close();
  const folder = join(options.dir, 'default');
  const report = await verifyEvidence(folder);
  expect(report).toMatchObject({ firstFault: null, unsignedTail: 0 });
  expectAllThere(acknowledged, await idsOf(folder));
}
