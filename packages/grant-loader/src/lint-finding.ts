import type { ReasonCode } from '@cortex-governance/core';

/**
 * What {@link lintGrants} warns about, beyond everything that loading refuses.
 * Each is safe to load, and likely not what its author meant.
 */
export const GRANT_LINT_WARNINGS = Object.freeze({
  ARGS_UNDECLARED:
    'no arguments are declared, so every string is judged by its name and look alone',
  EFFECT_UNDECLARED: 'no action declares its effect, so every one counts as a write',
  EGRESS_MISSING: 'an argument is a URI and there is no egress, so every call with it is denied',
  FILE_FOREIGN_OWNER: 'the file belongs to another user',
  FILE_GROUP_WRITABLE: 'the group may write the file',
  FILE_IGNORED: 'not a grant file; it is not read',
  GLOB_WITHOUT_PATH:
    'an argument is a glob and none is a path, so nothing says which folder it applies to',
  GRANT_ID_MISMATCH: 'the file name is not that of the tool',
  GRANTED_TO_NOBODY: 'the list is empty, so every call is denied',
  LIMIT_ACROSS_TENANTS: 'tenants share this limit, so one of them can use it up for all others',
  SCOPE_EMPTY: 'an argument is a path and fsScope is empty, so every call with it is denied',
  SCOPE_GLOB_UNMATCHED: 'the glob matches nothing in the workspace',
  SCOPE_IS_LINK: 'the entry is, or leads through, a link; what it points to is in scope',
  SCOPE_MISSING: 'the file or folder does not exist',
  SCOPE_WORKSPACE: 'the whole workspace is in scope, the grants themselves included',
} as const);

export type GrantLintWarning = keyof typeof GRANT_LINT_WARNINGS;

/** One thing that lint found. */
export interface GrantLintFinding {
  readonly file: string;
  /** `line:column member`; empty when it is about the file as a whole. */
  readonly place: string;
  /** An error's code of core's table, or a warning of {@link GRANT_LINT_WARNINGS}. */
  readonly code: ReasonCode | GrantLintWarning;
  /** error: the grants do not load. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

export interface GrantLintReport {
  /** The folder that was read. */
  readonly folder: string;
  /** Grants that are in order. */
  readonly grants: number;
  readonly errors: number;
  readonly warnings: number;
  /** By file, errors first. */
  readonly findings: readonly GrantLintFinding[];
}
