import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Attributes, GrantSnapshot } from '@cortex-governance/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { createGrantIndex, grantJsonSchema, lintGrants } from '../src/index.ts';
import { GIT_GRANT } from './grant-files.ts';

const WORKSPACE = join(import.meta.dirname, '..', '..', '..');
const ROOT = join(WORKSPACE, '.cortex');

let snapshot: GrantSnapshot;

beforeAll(async () => {
  snapshot = (await createGrantIndex({ root: ROOT, watch: false })).current();
});

function ask(tool: string, action: string, args?: Attributes): string {
  const granted = snapshot.find(tool)?.action(action);
  return granted === undefined
    ? 'ACTION_NOT_ALLOWED'
    : (granted.checkArguments(args)?.code ?? 'ok');
}

async function json(...path: string[]): Promise<unknown> {
  return JSON.parse(await readFile(join(ROOT, ...path), 'utf8'));
}

describe('the grants of this repository', () => {
  it('have a JSON Schema that is the one the code makes', async () => {
    expect(await json('schemas', 'policy.tools.schema.json')).toEqual(grantJsonSchema());
  });

  it('lint without errors, and point to their schema', async () => {
    const report = await lintGrants(ROOT);
    expect(report.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    for (const name of ['filesystem', 'fs.write', 'git', 'http.fetch', 'model-gateway']) {
      expect(await json('policy', 'tools', `${name}.json`)).toMatchObject({
        $schema: GIT_GRANT.$schema,
      });
    }
  });

  it('hold the public example as it is', async () => {
    expect(await json('policy', 'tools', 'git.json')).toEqual(GIT_GRANT);
  });

  it.each<[string, Attributes | undefined]>([
    ['read_text_file', { path: 'docs/a.md', head: 5 }],
    ['read_file', { path: 'docs/a.md', tail: 5 }],
    ['read_media_file', { path: 'docs/a.png' }],
    ['read_multiple_files', { paths: ['docs/a.md', 'packages/core/README.md'] }],
    ['list_directory', { path: 'docs' }],
    ['list_directory_with_sizes', { path: 'docs', sortBy: 'size' }],
    ['directory_tree', { path: 'packages', excludePatterns: ['node_modules', '**/dist'] }],
    ['search_files', { path: 'docs', pattern: '**/*.md', excludePatterns: ['*.{png,jpg}'] }],
    ['get_file_info', { path: `${WORKSPACE}/docs/a.md` }],
    ['list_allowed_directories', {}],
    ['list_allowed_directories', undefined],
  ])('let the file server do %s %j', (action, args) => {
    expect(ask('filesystem', action, args)).toBe('ok');
    expect(snapshot.find('filesystem')?.action(action)).toMatchObject({
      effect: 'read',
      approval: false,
    });
  });

  it.each<[string, Attributes]>([
    [
      'write_file',
      { path: 'docs/a.md', content: 'see ../../etc/passwd and https://evil.example/' },
    ],
    ['edit_file', { path: 'docs/a.md', edits: [{ oldText: 'a/b', newText: '/c' }], dryRun: true }],
    ['create_directory', { path: 'docs/new' }],
    ['move_file', { source: 'docs/a.md', destination: 'docs/b.md' }],
  ])('let a person approve %s', (action, args) => {
    expect(ask('filesystem', action, args)).toBe('ok');
    expect(snapshot.find('filesystem')?.action(action)).toMatchObject({
      effect: 'write',
      approval: true,
    });
  });

  it.each<[string, string, string, Attributes]>([
    ['PATH_OUT_OF_SCOPE', 'filesystem', 'read_file', { path: '.cortex/policy/tools/git.json' }],
    [
      'PATH_OUT_OF_SCOPE',
      'filesystem',
      'read_multiple_files',
      { paths: ['docs/a', 'docs/../.env'] },
    ],
    ['PATH_OUT_OF_SCOPE', 'filesystem', 'move_file', { source: 'docs/a', destination: '/tmp/a' }],
    ['PATH_INVALID', 'filesystem', 'search_files', { path: 'docs', pattern: '../**' }],
    ['PATH_INVALID', 'filesystem', 'get_file_info', { path: 'docs/%2e%2e/%2e%2e/x' }],
    ['ARGUMENT_MISSING', 'filesystem', 'list_directory', {}],
    ['ARGUMENT_UNKNOWN', 'filesystem', 'list_allowed_directories', { path: 'docs' }],
    ['ARGUMENT_INVALID', 'filesystem', 'edit_file', { path: 'docs/a', edits: ['x'] }],
    ['ACTION_NOT_ALLOWED', 'filesystem', 'delete_file', { path: 'docs/a' }],
    ['ok', 'model-gateway', 'chat', { model: 'vendor/model-1', stream: true }],
    ['ok', 'model-gateway', 'embeddings', { model: 'm' }],
    ['ARGUMENT_MISSING', 'model-gateway', 'chat', { stream: true }],
    ['ARGUMENT_INVALID', 'model-gateway', 'rerank', { model: 'm', stream: 'yes' }],
    ['ok', 'fs.write', 'write', { path: 'artifacts/drafts/x.md', bytes: 10 }],
    ['PATH_OUT_OF_SCOPE', 'fs.write', 'write', { path: 'artifacts/x.md' }],
    ['ARGUMENT_INVALID', 'fs.write', 'write', { path: 'artifacts/drafts/x', bytes: -1 }],
    ['ok', 'http.fetch', 'get', { url: 'https://api.github.com/repos/o/r' }],
    ['HOST_NOT_ALLOWED', 'http.fetch', 'get', { url: 'https://api.github.com@evil.example/' }],
    ['ok', 'git-map', 'tree', { repo: 'https://github.com/o/r', path: 'packages' }],
  ])('%s: %s %s %j', (code, tool, action, args) => {
    expect(ask(tool, action, args)).toBe(code);
  });
});
