import { join } from 'node:path';
import { errorMessage, GovernanceError } from '@cortex-governance/core';
import { type FoundBundle, readBundle } from '../bundle-reader.ts';
import { TILE_WIDTH, tilePath } from '../tile-path.ts';

/** One entry of a log as it stands in its bundle. */
export interface SignedEntry {
  readonly index: number;
  /** The record's exact bytes; empty for one whose body was erased. */
  readonly bytes: Buffer;
}

/**
 * The entries of a log from an index up to a signed size, bundle by bundle.
 * @throws {GovernanceError} EVIDENCE_CORRUPT for a bundle that is missing, cannot be read, or is cut short.
 */
export async function* readSignedEntries(
  folder: string,
  from: number,
  size: number,
): AsyncGenerator<SignedEntry> {
  for (let next = from; next < size; ) {
    const start = next - (next % TILE_WIDTH);
    const width = Math.min(size - start, TILE_WIDTH);
    for (const bytes of (await bundleEntries(folder, start, width)).slice(next - start)) {
      yield { index: next, bytes };
      next += 1;
    }
  }
}

async function bundleEntries(
  folder: string,
  start: number,
  width: number,
): Promise<readonly Buffer[]> {
  const index = start / TILE_WIDTH;
  let bundle: FoundBundle;
  try {
    bundle = await readBundle(folder, index, width);
  } catch (error) {
    throw corrupt(join(folder, tilePath('entries', index)), 'file', errorMessage(error));
  }
  if (bundle.records.length >= width) return bundle.records.slice(0, width);
  const problem = bundle.problem ?? 'cut short';
  throw corrupt(join(folder, bundle.path), `byte ${bundle.end}`, problem);
}

function corrupt(file: string, place: string, problem: string): GovernanceError {
  return new GovernanceError('EVIDENCE_CORRUPT', { file, place, problem });
}
