import { join } from 'node:path';
import { errorMessage } from '@cortex-governance/core';
import { readBounded } from './bounded-read.ts';
import { corruptEvidence } from './corrupt-evidence.ts';
import { type DecodedBundle, decodeBundle, MAX_BUNDLE_BYTES } from './entry-bundle.ts';
import { tileWidths } from './tile-audit.ts';
import { tilePath } from './tile-path.ts';

/** How often files are listed anew when the one listed was replaced before it was opened. */
const MAX_RACES = 5;

/** An entry bundle as found on disk. */
interface FoundBundle extends DecodedBundle {
  readonly path: string;
  readonly width: number;
}

/**
 * The first `width` records of a bundle; an erased one is empty.
 * @throws {GovernanceError} EVIDENCE_CORRUPT for a bundle that is missing, cannot be read, or is cut short.
 */
export async function readRecords(
  folder: string,
  index: number,
  width: number,
): Promise<readonly Buffer[]> {
  const { records, path, end, problem } = await readBundle(folder, index, width);
  if (records.length >= width) return records.slice(0, width);
  throw corruptEvidence(join(folder, path), `byte ${end}`, problem ?? 'cut short');
}

/**
 * The entry bundle of an index: the file of exactly this width, or the narrowest wider one, which holds
 * the same records and more. Its `problem` says what is wrong; a missing bundle has no records.
 */
async function readBundle(folder: string, index: number, width: number): Promise<FoundBundle> {
  for (let races = 0; races < MAX_RACES; races += 1) {
    for (const candidate of await widthsOf(folder, index)) {
      if (candidate < width) continue;
      const bundle = await readBundleFile(folder, index, candidate);
      if (bundle !== null) return bundle;
    }
  }
  return nothing(tilePath('entries', index, width), width, 'missing');
}

async function widthsOf(folder: string, index: number): Promise<readonly number[]> {
  try {
    return await tileWidths(folder, 'entries', index);
  } catch (error) {
    throw corruptEvidence(join(folder, tilePath('entries', index)), 'file', errorMessage(error));
  }
}

/** One file of a bundle; null when there is none of this width. */
async function readBundleFile(
  folder: string,
  index: number,
  width: number,
): Promise<FoundBundle | null> {
  const path = tilePath('entries', index, width);
  let bytes: Buffer | null;
  try {
    bytes = await readBounded(join(folder, path), MAX_BUNDLE_BYTES);
  } catch (error) {
    return nothing(path, width, errorMessage(error));
  }
  if (bytes === null) return null;
  const decoded = decodeBundle(bytes, width);
  const count = decoded.records.length;
  const problem = count < width ? `${count} records, not ${width}` : null;
  return { ...decoded, problem: decoded.problem ?? problem, path, width };
}

function nothing(path: string, width: number, problem: string): FoundBundle {
  return { records: [], offsets: [], end: 0, problem, path, width };
}
