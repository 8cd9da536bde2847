import { basename } from 'node:path';
import { findForeignOwner, findUnsafeMode } from '@cortex-governance/core';
import { compileArgumentRule } from './argument-rule.ts';
import type { ArgumentSpec } from './argument-spec.ts';
import type { Grant } from './grant.ts';
import type { LoadedGrant } from './grant-file.ts';
import type { GrantRate } from './grant-rate.ts';
import { type JsonDocument, placeOf } from './json-document.ts';
import {
  GRANT_LINT_WARNINGS,
  type GrantLintFinding,
  type GrantLintWarning,
} from './lint-finding.ts';
import { globMatches, inspectScopePath } from './lint-workspace.ts';
import { normaliseScopeEntry } from './scope-entry.ts';
import { isScopeGlob } from './scope-glob.ts';
import { showText } from './shown-text.ts';

/** A warning before it knows its file: code, member it is about, and more about it. */
type Warning = readonly [
  code: GrantLintWarning,
  path: readonly (string | number)[] | null,
  more?: string,
];

const GROUP_WRITE = 0o020;

/** Warns about one grant that loads. */
export async function lintGrant(
  loaded: LoadedGrant,
  document: JsonDocument,
  workspace: string,
): Promise<GrantLintFinding[]> {
  const warnings = [
    ...lintFile(loaded),
    ...lintActions(loaded.grant, document.value),
    ...lintArguments(loaded.grant),
    ...lintRates(loaded.grant),
    ...(await lintScope(loaded.grant, workspace)),
  ];
  return warnings.map(([code, path, more]) => ({
    file: loaded.file,
    place: path === null ? '' : placeOf(document.problem(path, '')),
    code,
    severity: 'warning',
    message: GRANT_LINT_WARNINGS[code] + (more === undefined ? '' : `: ${more}`),
  }));
}

function* lintFile({ file, grant, mode, uid }: LoadedGrant): Generator<Warning> {
  const id = basename(file, '.json');
  if (id !== grant.tool) yield ['GRANT_ID_MISMATCH', ['tool'], showText(grant.tool)];
  const groupWrite = findUnsafeMode({ mode }, GROUP_WRITE);
  if (groupWrite !== null) yield ['FILE_GROUP_WRITABLE', null, groupWrite];
  const owner = findForeignOwner({ uid });
  if (owner !== null) yield ['FILE_FOREIGN_OWNER', null, owner];
}

function* lintActions({ tenants, subjects, egress }: Grant, written: unknown): Generator<Warning> {
  // In the grant itself the default is filled in.
  const rules = Object.values((written as { actionRules?: object }).actionRules ?? {});
  const isSaid = rules.some((rule: object) => 'effect' in rule);
  if (!isSaid) yield ['EFFECT_UNDECLARED', ['actions']];
  if (tenants?.length === 0) yield ['GRANTED_TO_NOBODY', ['tenants']];
  if (subjects?.length === 0) yield ['GRANTED_TO_NOBODY', ['subjects']];
  if (egress?.hosts.length === 0) yield ['GRANTED_TO_NOBODY', ['egress', 'hosts']];
}

function* lintRates(grant: Grant): Generator<Warning> {
  yield* lintRate(grant.rate, ['rate']);
  for (const [action, { rate }] of Object.entries(grant.actionRules)) {
    if (rate !== undefined) yield* lintRate(rate, ['actionRules', action, 'rate']);
  }
}

function* lintRate(rate: GrantRate, path: readonly string[]): Generator<Warning> {
  for (const [i, { by }] of (rate.limits ?? []).entries()) {
    if (!by.includes('tenant')) yield ['LIMIT_ACROSS_TENANTS', [...path, 'limits', i, 'by']];
  }
}

function* lintArguments(grant: Grant): Generator<Warning> {
  const hasOwnArgs = (action: string): boolean => grant.actionRules[action]?.args !== undefined;
  if (!grant.actions.every(hasOwnArgs)) {
    if (Object.keys(grant.args).length === 0) yield ['ARGS_UNDECLARED', ['actions']];
    yield* lintSpecs(grant, grant.args, ['args']);
  }
  for (const [action, rule] of Object.entries(grant.actionRules)) {
    if (rule.args !== undefined)
      yield* lintSpecs(grant, rule.args, ['actionRules', action, 'args']);
  }
}

function* lintSpecs(
  grant: Grant,
  specs: Readonly<Record<string, ArgumentSpec>>,
  path: readonly string[],
): Generator<Warning> {
  const uses = Object.entries(specs).map(([name, spec]) => ({ name, roles: rolesOf(name, spec) }));
  const first = (role: string): string | undefined => uses.find((use) => use.roles.has(role))?.name;
  const [paths, uris, globs] = [first('path'), first('uri'), first('glob')];
  if (paths !== undefined && grant.fsScope.length === 0) yield ['SCOPE_EMPTY', [...path, paths]];
  if (uris !== undefined && grant.egress === undefined) yield ['EGRESS_MISSING', [...path, uris]];
  if (globs !== undefined && paths === undefined) yield ['GLOB_WITHOUT_PATH', [...path, globs]];
}

function rolesOf(name: string, spec: ArgumentSpec): Set<string> {
  const roles = new Set<string>();
  let rule: ReturnType<typeof compileArgumentRule> | null = compileArgumentRule(name, spec);
  for (; rule !== null; rule = rule.items) roles.add(rule.role);
  return roles;
}

async function lintScope(grant: Grant, workspace: string): Promise<Warning[]> {
  const warnings: Warning[] = [];
  for (const [i, entry] of grant.fsScope.entries()) {
    const place = ['fsScope', i];
    const shown = showText(entry);
    if (isScopeGlob(entry)) {
      if (!(await globMatches(workspace, entry)))
        warnings.push(['SCOPE_GLOB_UNMATCHED', place, shown]);
      continue;
    }
    if (normaliseScopeEntry(entry) === '') warnings.push(['SCOPE_WORKSPACE', place]);
    const state = await inspectScopePath(workspace, entry);
    if (state === 'missing') warnings.push(['SCOPE_MISSING', place, shown]);
    if (state === 'link') warnings.push(['SCOPE_IS_LINK', place, shown]);
  }
  return warnings;
}
