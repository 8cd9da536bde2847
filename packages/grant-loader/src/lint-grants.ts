import { dirname, join, resolve } from 'node:path';
import { parseOptions } from '@cortex-governance/core';
import { z } from 'zod';
import { GRANT_FOLDER } from './grant-file.ts';
import { readGrantFolder } from './grant-folder.ts';
import type { GrantProblem } from './grant-problem.ts';
import { placeOf } from './json-document.ts';
import {
  GRANT_LINT_WARNINGS,
  type GrantLintFinding,
  type GrantLintReport,
} from './lint-finding.ts';
import { lintGrant } from './lint-grant.ts';

export interface LintGrantsOptions {
  /** Folder that `fsScope` starts from. Default: the parent of `root`. */
  readonly workspace?: string;
}

const optionsSchema = z.strictObject({ workspace: z.string().min(1).optional() });

/**
 * Reads the grants in `<root>/policy/tools` and says everything that keeps them from being loaded (in
 * all files, not only in the first), and what is likely a mistake.
 * @param root the `.cortex` folder.
 * @throws {GovernanceError} (rejects) OPTIONS_INVALID. What is wrong with files is a finding.
 */
export async function lintGrants(
  root: string,
  options: LintGrantsOptions = {},
): Promise<GrantLintReport> {
  const parsed = parseOptions(optionsSchema, options, 'lintGrants(options)');
  const workspace = resolve(parsed.workspace ?? dirname(resolve(root)));
  const folder = join(resolve(root), GRANT_FOLDER);
  const reading = await readGrantFolder(folder);
  const findings: GrantLintFinding[] = reading.problems.map(errorFinding);
  for (const name of reading.ignored) findings.push(ignoredFinding(join(folder, name)));
  for (const [name, loaded] of reading.loaded) {
    const document = reading.documents.get(name);
    if (document !== undefined) findings.push(...(await lintGrant(loaded, document, workspace)));
  }
  findings.sort(byFile);
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  return { folder, grants: reading.loaded.size, errors, warnings, findings };
}

function errorFinding({ code, file, at, problem }: GrantProblem): GrantLintFinding {
  const place = at === null ? '' : placeOf(at);
  return { file, place, code, severity: 'error', message: problem };
}

function ignoredFinding(file: string): GrantLintFinding {
  const message = GRANT_LINT_WARNINGS.FILE_IGNORED;
  return { file, place: '', code: 'FILE_IGNORED', severity: 'warning', message };
}

function byFile(a: GrantLintFinding, b: GrantLintFinding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  if (a.severity !== b.severity) return a.severity === 'error' ? -1 : 1;
  return 0;
}
