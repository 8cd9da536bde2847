import { errorMessage } from '@cortex-governance/core';
import { readBounded } from './bounded-read.ts';
import { corruptEvidence } from './corrupt-evidence.ts';

/**
 * A file of a log; null when there is none.
 * @throws {GovernanceError} EVIDENCE_CORRUPT when it cannot be read, or is longer than `maxBytes`.
 */
export async function readLogFile(file: string, maxBytes: number): Promise<Buffer | null> {
  try {
    return await readBounded(file, maxBytes);
  } catch (error) {
    throw corruptEvidence(file, 'file', errorMessage(error));
  }
}
