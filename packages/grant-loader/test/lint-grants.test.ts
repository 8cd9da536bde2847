import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isReasonCode } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import {
  createGrantIndex,
  GRANT_LINT_WARNINGS,
  type GrantLintReport,
  lintGrants,
} from '../src/index.ts';
import { Workspace } from './grant-files.ts';

/** A grant that nothing is to be said about. */
const CLEAN = {
  tool: 'clean',
  actions: ['go'],
  args: { path: { type: 'string', format: 'path' } },
  actionRules: { go: { effect: 'read' } },
  rate: { perMinute: 1 },
  fsScope: ['docs'],
};

async function lint(
  grants: Record<string, unknown>,
  prepare: (workspace: Workspace) => Promise<unknown> = async () => {},
): Promise<GrantLintReport> {
  const workspace = await Workspace.create(grants);
  await mkdir(join(workspace.folder, 'docs'));
  await prepare(workspace);
  return lintGrants(workspace.root);
}

function lines(report: GrantLintReport): string[] {
  return report.findings.map(({ file, place, code }) => `${basename(file)} ${place} ${code}`);
}

describe('lintGrants', () => {
  it('finds nothing in a clean grant', async () => {
    expect(await lint({ clean: CLEAN })).toMatchObject({
      grants: 1,
      errors: 0,
      warnings: 0,
      findings: [],
    });
  });

  it('finds everything that loading refuses, in every file', async () => {
    const report = await lint({
      clean: CLEAN,
      a: '{\n  "tool": ',
      b: { ...CLEAN, tool: 'b', one: 1, rate: { perMinute: 0, perWeek: 1 } },
      c: CLEAN,
      '-d': CLEAN,
    });
    expect(lines(report)).toEqual([
      '-d.json  GRANT_ID_INVALID',
      'a.json 2:11 GRANT_INVALID',
      'b.json 18:18 rate.perMinute GRANT_INVALID',
      'b.json 19:5 rate.perWeek GRANT_INVALID',
      'b.json 24:3 one GRANT_INVALID',
      'c.json 2:11 tool GRANT_ID_MISMATCH',
      'clean.json 2:11 tool GRANT_INVALID',
    ]);
    expect(report).toMatchObject({ errors: 6, warnings: 1, grants: 2 });
  });

  it.each<[string, string, Record<string, unknown>, string]>([
    ['GRANT_ID_MISMATCH', 'tool', { tool: 'other' }, 'tool'],
    ['ARGS_UNDECLARED', 'no args', { args: undefined }, 'actions'],
    ['EFFECT_UNDECLARED', 'no effects', { actionRules: { go: { approval: true } } }, 'actions'],
    ['SCOPE_EMPTY', 'a path and no scope', { fsScope: [] }, 'args.path'],
    [
      'SCOPE_EMPTY',
      'a path by name and no scope',
      { fsScope: [], args: { files: { type: 'array', items: { type: 'string' } } } },
      'args.files',
    ],
    ['SCOPE_WORKSPACE', 'the whole workspace', { fsScope: ['docs', '.'] }, 'fsScope[1]'],
    ['SCOPE_MISSING', 'a folder that is not there', { fsScope: ['docs', 'gone/x'] }, 'fsScope[1]'],
    ['SCOPE_GLOB_UNMATCHED', 'a glob without a match', { fsScope: ['docs/*.txt'] }, 'fsScope[0]'],
    [
      'EGRESS_MISSING',
      'a URL and no egress',
      { args: { path: CLEAN.args.path, u: { type: 'string', format: 'uri' } } },
      'args.u',
    ],
    [
      'GLOB_WITHOUT_PATH',
      'a glob and no path',
      { args: { g: { type: 'string', format: 'glob' } } },
      'args.g',
    ],
    ['GRANTED_TO_NOBODY', 'no tenant', { tenants: [] }, 'tenants'],
    ['GRANTED_TO_NOBODY', 'no subject', { subjects: [] }, 'subjects'],
    ['GRANTED_TO_NOBODY', 'no host', { egress: { hosts: [] } }, 'egress.hosts'],
    [
      'EGRESS_MISSING',
      'a URL in an action rule',
      { actionRules: { go: { effect: 'read', args: { u: { type: 'string', format: 'uri' } } } } },
      'actionRules.go.args.u',
    ],
  ])('%s: %s', async (code, _name, members, member) => {
    const report = await lint({ clean: { ...CLEAN, ...members } });
    expect(report.findings).toEqual([
      expect.objectContaining({
        code,
        severity: 'warning',
        place: expect.stringMatching(/^\d+:\d+ /),
      }),
    ]);
    expect(report.findings[0]?.place.endsWith(` ${member}`)).toBe(true);
  });

  it.each<[string, (w: Workspace) => Promise<unknown>]>([
    ['FILE_GROUP_WRITABLE', (w) => chmod(w.path('clean'), 0o664)],
    ['FILE_IGNORED', (w) => mkdir(join(w.tools, 'sub'))],
    ['FILE_IGNORED', (w) => writeFile(join(w.tools, 'x.jsonc'), '')],
    ['FILE_IGNORED', (w) => writeFile(join(w.tools, '.x.json'), '')],
  ])('%s', async (code, prepare) => {
    const report = await lint({ clean: CLEAN }, prepare);
    expect(report.findings.map((finding) => [finding.code, finding.place])).toEqual([[code, '']]);
  });

  it.skipIf(process.getuid?.() !== 0)('FILE_FOREIGN_OWNER', async () => {
    const report = await lint({ clean: CLEAN }, (w) => chown(w.path('clean'), 12_345, 12_345));
    expect(lines(report)).toEqual(['clean.json  FILE_FOREIGN_OWNER']);
  });

  it('SCOPE_IS_LINK', async () => {
    const report = await lint({ clean: { ...CLEAN, fsScope: ['link', 'docs'] } }, (w) =>
      symlink('docs', join(w.folder, 'link')),
    );
    expect(lines(report)).toEqual([expect.stringMatching(/fsScope\[0\] SCOPE_IS_LINK$/)]);
  });

  it('finds the match of a glob deep down, and does not follow links for it', async () => {
    const grant = { ...CLEAN, fsScope: ['docs/**/deep/*.md'] };
    const report = await lint({ clean: grant }, async (w) => {
      await mkdir(join(w.folder, 'docs', 'a', '.b', 'deep'), { recursive: true });
      await symlink('..', join(w.folder, 'docs', 'a', 'loop'));
      await writeFile(join(w.folder, 'docs', 'a', '.b', 'deep', 'x.md'), '');
    });
    expect(report.findings).toEqual([]);
  });

  it('finds that there is no folder', async () => {
    const workspace = await Workspace.create();
    expect((await lintGrants(join(workspace.folder, 'none'))).findings).toMatchObject([
      { code: 'GRANT_NOT_FOUND' },
    ]);
    expect((await lintGrants(workspace.root)).findings).toMatchObject([
      { code: 'GRANT_NOT_FOUND' },
    ]);
  });

  it('takes scopes relative to the workspace it is given', async () => {
    const workspace = await Workspace.create({ clean: CLEAN });
    expect((await lintGrants(workspace.root)).warnings).toBe(1);
    await mkdir(join(workspace.folder, 'elsewhere', 'docs'), { recursive: true });
    const options = { workspace: join(workspace.folder, 'elsewhere') };
    expect((await lintGrants(workspace.root, options)).warnings).toBe(0);
    await expect(lintGrants(workspace.root, { other: 1 } as never)).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
    });
  });

  it('has warnings whose codes are not those of errors', () => {
    for (const code of Object.keys(GRANT_LINT_WARNINGS))
      expect(isReasonCode(code), code).toBe(false);
  });

  it('has no errors exactly when the grants load', async () => {
    for (const extra of [
      {},
      { b: '{' },
      { b: CLEAN },
      { b: { ...CLEAN, tool: 'b' } },
      { 'b b': CLEAN },
    ]) {
      const workspace = await Workspace.create({ clean: CLEAN, ...extra });
      const report = await lintGrants(workspace.root);
      const loads = await createGrantIndex({ root: workspace.root, watch: false }).then(
        () => true,
        () => false,
      );
      expect(report.errors === 0).toBe(loads);
    }
  });
});
