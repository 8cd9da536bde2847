import { GovernanceError } from '@cortex-governance/core';
import { showText } from './shown-text.ts';

/** What a grant's id, which becomes a file name, may look like. */
const GRANT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Says why an id cannot name a grant file, or null when it can. */
export function findGrantIdProblem(id: unknown): string | null {
  if (typeof id !== 'string') return 'not a string';
  if (id.includes('..')) return 'contains ".."';
  if (GRANT_ID.test(id)) return null;
  return 'must be 1 to 128 letters, digits, ".", "_" or "-", starting with a letter or digit';
}

/** @throws {GovernanceError} GRANT_ID_INVALID */
export function assertGrantId(id: unknown): asserts id is string {
  const problem = findGrantIdProblem(id);
  if (problem === null) return;
  const shown = typeof id === 'string' ? showText(id) : `of type ${typeof id}`;
  throw new GovernanceError('GRANT_ID_INVALID', { id: shown, problem });
}
