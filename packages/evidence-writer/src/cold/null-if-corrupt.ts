import { GovernanceError } from '@cortex-governance/core';

/** What is read; null when it is damaged, or not signed by a key that is known. */
export async function nullIfCorrupt<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof GovernanceError)) throw error;
    if (error.code !== 'EVIDENCE_CORRUPT' && error.code !== 'EVIDENCE_KEY_INVALID') throw error;
    return null;
  }
}
