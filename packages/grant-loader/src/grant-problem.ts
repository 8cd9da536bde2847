import { GovernanceError, type ReasonCode } from '@cortex-governance/core';
import { type DocumentProblem, placeOf } from './json-document.ts';

/** Why a file is not a grant that can be used. */
export interface GrantProblem {
  readonly code: ReasonCode &
    ('GRANT_ID_INVALID' | 'GRANT_NOT_FOUND' | 'GRANT_INVALID' | 'GRANT_FILE_UNSAFE');
  readonly file: string;
  /** Where in the file; null when the file as a whole is at fault. */
  readonly at: DocumentProblem | null;
  readonly problem: string;
}

/** One line: `file:line:column: member: reason`, as far as there are any. */
export function problemLine({ file, at, problem }: GrantProblem): string {
  if (at === null) return `${file}: ${problem}`;
  const member = at.member === '' ? '' : `${at.member}: `;
  return `${file}:${at.line}:${at.column}: ${member}${problem}`;
}

/** @param more number of further problems, which the message then mentions. */
export function problemError({ code, file, at, problem }: GrantProblem, more = 0): GovernanceError {
  const others = more === 0 ? '' : ` (and ${more} more problem${more === 1 ? '' : 's'})`;
  const place = at === null ? 'file' : placeOf(at);
  return new GovernanceError(code, { file, place, id: file, problem: problem + others });
}

/** A problem with a member or with the text of a file. */
export function invalidGrant(file: string, at: DocumentProblem): GrantProblem {
  return { code: 'GRANT_INVALID', file, at, problem: at.problem };
}

/** A problem with a file as a whole. */
export function fileProblem(
  code: GrantProblem['code'],
  file: string,
  problem: string,
): GrantProblem {
  return { code, file, at: null, problem };
}
