import { readRecords } from '../bundle-reader.ts';
import { TILE_WIDTH } from '../tile-path.ts';

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
    const records = await readRecords(folder, start / TILE_WIDTH, width);
    for (const bytes of records.slice(next - start)) {
      yield { index: next, bytes };
      next += 1;
    }
  }
}
