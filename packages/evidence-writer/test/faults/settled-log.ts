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

/** The records' places in the log, by their ids. */
async function placesOf(folder: string): Promise<ReadonlyMap<string, number>> {
  const places = new Map<string, number>();
  for await (const { id, seq } of readEvidence(folder) as AsyncIterable<EvidenceRecord>) {
    expect(places.has(id), `a second record ${id}`).toBe(false);
    places.set(id, seq);
  }
  return places;
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
  const places = await placesOf(folder);
  const missing = acknowledged.filter(({ id, level }) => {
    const place = places.get(id);
    return place === undefined || (level === 'checkpointed' && place >= checkpointSize);
  });
  expect(missing).toEqual([]);
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
  const places = await placesOf(folder);
  expect(acknowledged.filter(({ id }) => !places.has(id))).toEqual([]);
}
