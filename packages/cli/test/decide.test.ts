import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectError, GIT_MAP, govern, makeWorkspace } from './govern.ts';

const SEARCH = ['decide', '--tool', 'git-map', '--action', 'search'];

const REQUEST = {
  subject: { type: 'agent', id: 'bot' },
  action: { name: 'search', properties: { path: 'docs/a.md' } },
  resource: { type: 'tool', id: 'git-map' },
};

describe('govern decide', () => {
  it('exits 0 for an allow and 1 for a denial, and says why', async () => {
    const folder = await makeWorkspace();
    const allowed = await govern(folder, [...SEARCH, '--path', 'docs/a.md']);
    expect(allowed.stdout).toMatch(
      /^allow ALLOWED: allowed\n {2}stage evidence, id [0-9a-f-]{36}\n/,
    );
    expect([allowed.status, allowed.stderr]).toEqual([0, '']);
    const denied = await govern(folder, [...SEARCH, '--args', '{"path":"../etc/passwd"}']);
    expect(denied.stdout).toContain('deny PATH_OUT_OF_SCOPE');
    expect([denied.status, denied.stderr]).toEqual([1, '']);
  });

  it('prints the verdict with --json, from any folder below the workspace', async () => {
    const folder = await makeWorkspace();
    const { status, stdout } = await govern(join(folder, 'docs'), [...SEARCH, '--json']);
    expect(status).toBe(0);
    expect(Object.keys(JSON.parse(stdout) as object)).toEqual([
      ...['id', 'effect', 'code', 'reason', 'stage', 'httpStatus', 'retryAfterMs', 'policyHash'],
      ...['obligations', 'shadowed'],
    ]);
  });

  it('leaves evidence of the decision, as durable as asked', async () => {
    const folder = await makeWorkspace();
    const { stdout } = await govern(folder, [...SEARCH, '--durability', 'checkpointed', '--json']);
    const { id } = JSON.parse(stdout) as { id: string };
    const list = await govern(folder, ['evidence', 'list', '--code', 'ALLOWED']);
    expect(JSON.parse(list.stdout)).toMatchObject({ log: 'cli', id, kind: 'decision' });
  });

  it('exits 1 for an escalation', async () => {
    const grant = { ...GIT_MAP, actionRules: { search: { approval: true } } };
    const folder = await makeWorkspace({ grants: [grant] });
    const { status, stdout } = await govern(folder, SEARCH);
    expect([status, stdout.split(':')[0]]).toEqual([1, 'escalate APPROVAL_REQUIRED']);
  });

  it('reads an AuthZEN request from a file or from stdin', async () => {
    const folder = await makeWorkspace();
    await writeFile(join(folder, 'request.json'), JSON.stringify(REQUEST));
    expect((await govern(folder, ['decide', '--request', 'request.json'])).status).toBe(0);
    const piped = (request: unknown) =>
      govern(folder, ['decide', '--request', '-', '--json'], { stdin: JSON.stringify(request) });
    expect((await piped({ ...REQUEST, unknown: 1 })).status).toBe(0);
    const malformed = await piped({ ...REQUEST, subject: 7 });
    expect(malformed.status).toBe(1);
    expect(JSON.parse(malformed.stdout)).toMatchObject({
      code: 'REQUEST_INVALID',
      httpStatus: 400,
    });
    const tenant = await piped({ ...REQUEST, tenant: 'nobody' });
    expect(JSON.parse(tenant.stdout)).toMatchObject({ code: 'TENANT_UNKNOWN' });
    expectError(await piped([]), 2, 'USAGE');
    expectError(await govern(folder, ['decide', '--request', '.']), 3, 'EISDIR');
  });

  it('asks for the tenant once tenants are named', async () => {
    const folder = await makeWorkspace({ config: 'tenancy: { tenants: [acme] }' });
    const missing = await govern(folder, [...SEARCH, '--json']);
    expect(JSON.parse(missing.stdout)).toMatchObject({ code: 'TENANT_MISSING' });
    expect((await govern(folder, [...SEARCH, '--tenant', 'acme'])).status).toBe(0);
  });

  it.each([
    ['--tool', '../x', 'TOOL_UNKNOWN'],
    ['--tool', '__proto__', 'TOOL_UNKNOWN'],
    ['--action', '../search', 'ACTION_NOT_ALLOWED'],
    ['--action', 'toString', 'ACTION_NOT_ALLOWED'],
    ['--tool', 'x'.repeat(100_000), 'REQUEST_INVALID'],
    ['--tool', '', 'REQUEST_INVALID'],
    ['--agent', '', 'REQUEST_INVALID'],
    ['--tenant', '../../default', 'TENANT_MALFORMED'],
    ['--args', '{"path":"docs/\\u0000a"}', 'PATH_INVALID'],
    ['--args', '{"path":["docs"]}', 'ARGUMENT_INVALID'],
    ['--args', '{"other":"docs"}', 'ARGUMENT_UNKNOWN'],
  ])('denies %s %.20s with %s', async (option, value, code) => {
    const folder = await makeWorkspace();
    const { status, stdout } = await govern(folder, [...SEARCH, option, value, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ effect: 'deny', code });
    expect(status).toBe(1);
  });

  it('does not let what it shows steer the terminal', async () => {
    const folder = await makeWorkspace();
    const name = '\u001b[2J\u202e\u009b';
    const args = JSON.stringify({ [name]: 1 });
    for (const json of [[], ['--json']]) {
      const { stdout } = await govern(folder, [...SEARCH, '--args', args, ...json]);
      expect(stdout).toContain('ARGUMENT_UNKNOWN');
      expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  });

  it('does not decide without any grant', async () => {
    const folder = await makeWorkspace({ grants: [] });
    expectError(await govern(folder, SEARCH), 3, 'GRANT_NOT_FOUND');
  });

  it.each([
    ['a bad grant', '.cortex/policy/tools/bad.json', '{"tool":', 'GRANT_INVALID'],
    ['a bad configuration', '.cortex/governance.yaml', 'server: { port: -1 }', 'CONFIG_INVALID'],
    ['a bad key', '.cortex/keys/evidence.pem', 'nonsense', 'EVIDENCE_KEY_INVALID'],
  ])('does not decide with %s, and names the file', async (_name, file, text, code) => {
    const folder = await makeWorkspace();
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text, { mode: 0o600 });
    const outcome = await govern(folder, SEARCH);
    expectError(outcome, 3, code);
    expect(outcome.stderr).toContain(join(folder, file));
  });
});
