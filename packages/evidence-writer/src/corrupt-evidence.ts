import { GovernanceError } from '@cortex-governance/core';

/**
 * The error for a log, or something made from one, that is not as it was written.
 * @param place where in the file; empty when the file as a whole is meant.
 */
export function corruptEvidence(file: string, place: string, problem: string): GovernanceError {
  return new GovernanceError('EVIDENCE_CORRUPT', { file, place, problem });
}
