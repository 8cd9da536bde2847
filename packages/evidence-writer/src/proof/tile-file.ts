import { join } from 'node:path';
import { errorMessage, type GovernanceError } from '@cortex-governance/core';
import { readBounded } from '../bounded-read.ts';
import { corruptEvidence } from '../corrupt-evidence.ts';
import { HASH_BYTES } from '../merkle-hash.ts';
import { tileWidths } from '../tile-audit.ts';
import { TILE_WIDTH, tilePath } from '../tile-path.ts';

/** How often files are listed anew when the one listed was replaced before it was opened. */
const MAX_RACES = 5;

/**
 * The first `width` hashes of a tile: from the file of exactly this width, or from a wider one, which
 * begins with the same. Form alone is checked here.
 * @throws {GovernanceError} EVIDENCE_CORRUPT for a tile that is missing, cannot be read, or has the wrong length.
 */
export async function readTileHashes(
  folder: string,
  level: number,
  index: number,
  width: number,
): Promise<readonly Buffer[]> {
  for (let races = 0; races < MAX_RACES; races += 1) {
    for (const candidate of await widthsOf(folder, level, index)) {
      if (candidate < width) continue;
      const bytes = await readTileFile(join(folder, tilePath(level, index, candidate)), candidate);
      if (bytes !== null) return splitHashes(bytes, width);
    }
  }
  throw corruptTile(join(folder, tilePath(level, index, width)), 'missing');
}

async function widthsOf(folder: string, level: number, index: number): Promise<readonly number[]> {
  try {
    return await tileWidths(folder, level, index);
  } catch (error) {
    throw corruptTile(join(folder, tilePath(level, index)), errorMessage(error));
  }
}

async function readTileFile(file: string, width: number): Promise<Buffer | null> {
  let bytes: Buffer | null;
  try {
    bytes = await readBounded(file, TILE_WIDTH * HASH_BYTES);
  } catch (error) {
    throw corruptTile(file, errorMessage(error));
  }
  if (bytes !== null && bytes.length !== width * HASH_BYTES) {
    throw corruptTile(file, `${bytes.length} bytes, not ${width * HASH_BYTES}`);
  }
  return bytes;
}

function splitHashes(bytes: Buffer, count: number): readonly Buffer[] {
  return Array.from({ length: count }, (_, i) =>
    bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  );
}

/** The error for a tile that cannot be used. */
export function corruptTile(file: string, problem: string): GovernanceError {
  return corruptEvidence(file, 'tile', problem);
}
