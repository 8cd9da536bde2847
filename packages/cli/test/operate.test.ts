import { readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, expectError, freePort, GIT_MAP, govern, makeWorkspace, serve } from './govern.ts';

const DECIDE = ['decide', '--tool', 'git-map', '--action', 'search', '--json'];

async function codeOf(folder: string, ...more: string[]): Promise<string> {
  const { stdout } = await govern(folder, [...DECIDE, ...more]);
  return (JSON.parse(stdout) as { code: string }).code;
}

describe('govern kill and release', () => {
  it('work on the file, without a server and without a configuration that can be read', async () => {
    const folder = await makeWorkspace();
    const config = join(folder, '.cortex', 'governance.yaml');
    await writeFile(config, '{{{');
    const killed = await govern(folder, ['kill', 'global', '--reason', 'leak', '--json']);
    expect(killed.status).toBe(0);
    expect(JSON.parse(killed.stdout)).toEqual({
      engaged: {
        scope: 'global',
        actor: userInfo().username,
        reason: 'leak',
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      },
    });
    await writeFile(config, '');
    expect(await codeOf(folder)).toBe('KILLED_GLOBAL');
    const released = await govern(folder, ['release', 'global', '--reason', 'fixed']);
    expect([released.status, released.stdout]).toEqual([
      0,
      expect.stringContaining('released: global, stopped since'),
    ]);
    expect(await codeOf(folder)).toBe('ALLOWED');
  });

  it.each([
    [['tenant', 'default'], 'KILLED_TENANT'],
    [['agent', 'local'], 'KILLED_AGENT'],
    [['agent', 'local', '--tenant', 'default'], 'KILLED_AGENT'],
    [['tool', 'git-map'], 'KILLED_TOOL'],
    [['tool', '--tool', 'git-map', '--actor', 'someone'], 'KILLED_TOOL'],
    [['action', 'git-map', 'search'], 'KILLED_ACTION'],
    [['action', '--tool', 'git-map', '--action', 'search'], 'KILLED_ACTION'],
  ])('stop %j alone', async (target, code) => {
    const folder = await makeWorkspace();
    const killed = await govern(folder, ['kill', ...target, '--reason', 'drill']);
    expect([killed.status, killed.stderr]).toEqual([0, '']);
    expect(await codeOf(folder)).toBe(code);
    expect((await govern(folder, ['release', ...target, '--reason', 'done'])).status).toBe(0);
    expect(await codeOf(folder)).toBe('ALLOWED');
  });

  it('say that there was nothing to release, with status 1', async () => {
    const folder = await makeWorkspace();
    const outcome = await govern(folder, ['release', 'tool', 'git-map', '--reason', 'x', '--json']);
    expect([outcome.status, JSON.parse(outcome.stdout)]).toEqual([1, { released: null }]);
  });

  it.each([
    ['a member that the scope does not take', ['kill', 'global', '--tool', 'x', '--reason', 'y']],
    ['a blank reason', ['kill', 'global', '--reason', ' ']],
    ['a reason without end', ['kill', 'global', '--reason', 'x'.repeat(10_000)]],
    ['a name without end', ['kill', 'tool', 'x'.repeat(10_000), '--reason', 'y']],
  ])('refuse %s, and stop nothing', async (_name, args) => {
    const folder = await makeWorkspace();
    expectError(await govern(folder, args), 2, 'OPTIONS_INVALID');
    expect(await codeOf(folder)).toBe('ALLOWED');
  });

  it('do not write over a state that cannot be read, which stops everything', async () => {
    const folder = await makeWorkspace();
    const file = join(folder, '.cortex', 'kill-switch.json');
    await writeFile(file, '{"half":');
    expect(await codeOf(folder)).toBe('KILL_SWITCH_UNREADABLE');
    const outcome = await govern(folder, ['release', 'global', '--reason', 'x']);
    expect(outcome.status).toBe(3);
    expect(outcome.stderr).toMatch(/^error \[KILL_SWITCH_\w+\] .*kill-switch\.json/);
    expect(await readFile(file, 'utf8')).toBe('{"half":');
  });

  it('reach a server that runs: the next request is answered 503', async () => {
    const folder = await makeWorkspace();
    const { told } = await serve(folder);
    expect((await ask(told.url)).status).toBe(200);
    await govern(folder, ['kill', 'global', '--reason', 'drill']);
    const stopped = await ask(told.url);
    expect([stopped.status, stopped.body.context.code]).toEqual([503, 'KILLED_GLOBAL']);
    await govern(folder, ['release', 'global', '--reason', 'done']);
    expect((await ask(told.url)).body.decision).toBe(true);
  });

  it('can be ordered from a server, with its token', async () => {
    const folder = await makeWorkspace();
    const { told } = await serve(folder);
    const remote = ['--url', told.url, '--token-file', told.operatorTokenFile, '--json'];
    const order = ['tool', 'git-map', '--reason', 'drill', '--actor', 'on call'];
    const killed = await govern('/', ['kill', ...order, ...remote]);
    expect(JSON.parse(killed.stdout)).toMatchObject({
      engaged: { tool: 'git-map', actor: 'on call' },
    });
    expect((await ask(told.url)).body.context.code).toBe('KILLED_TOOL');
    const released = await govern('/', ['release', ...order, ...remote]);
    expect([released.status, JSON.parse(released.stdout)]).toMatchObject([0, { released: {} }]);
    const refused = await govern('/', [
      'kill',
      'global',
      '--tool',
      'x',
      '--reason',
      'y',
      ...remote,
    ]);
    expectError(refused, 2, 'BODY_INVALID');
    const wrong = join(folder, 'wrong.token');
    await writeFile(wrong, 'x'.repeat(40), { mode: 0o600 });
    const args = ['kill', 'global', '--reason', 'y', '--url', told.url, '--token-file', wrong];
    expectError(await govern('/', args), 4, 'OPERATOR_UNAUTHORIZED');
  });

  it('say when no server answers', async () => {
    const folder = await makeWorkspace();
    const { told, child, ended } = await serve(folder);
    child.kill('SIGTERM');
    await ended;
    const args = ['kill', 'global', '--reason', 'x', '--url', told.url];
    expectError(await govern(folder, args), 4, 'UNREACHABLE');
  });
});

describe('govern grants', () => {
  it('lint: exits 0 with warnings, 1 with errors, and names every file', async () => {
    const folder = await makeWorkspace();
    const good = await govern(folder, ['grants', 'lint', '--json']);
    expect(good.status).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({ grants: 1, errors: 0 });
    const tools = join(folder, '.cortex', 'policy', 'tools');
    await writeFile(join(tools, 'half.json'), '{"tool":');
    await writeFile(join(tools, 'extra.json'), JSON.stringify({ ...GIT_MAP, tool: 'extra', x: 1 }));
    const bad = await govern(folder, ['grants', 'lint']);
    expect(bad.status).toBe(1);
    expect(bad.stdout).toMatch(/^error \[GRANT_INVALID\] .*half\.json:1:\d+/m);
    expect(bad.stdout).toMatch(/^error \[GRANT_INVALID\] .*extra\.json/m);
    expect(bad.stdout).toContain('grants in order 1, errors 2');
  });

  it('reload: makes the server take in the files, or keep what it has', async () => {
    const folder = await makeWorkspace({ config: 'grants: { watch: false }' });
    const { told } = await serve(folder);
    const file = join(folder, '.cortex', 'policy', 'tools', 'git-map.json');
    await writeFile(file, JSON.stringify({ ...GIT_MAP, actions: ['tree'] }));
    const remote = ['grants', 'reload', '--url', told.url];
    const changed = await govern(folder, [...remote, '--json']);
    expect([changed.status, JSON.parse(changed.stdout)]).toMatchObject([
      0,
      { ok: true, changed: true },
    ]);
    expect((await ask(told.url)).body.context.code).toBe('ACTION_NOT_ALLOWED');
    await writeFile(file, '{');
    const refused = await govern(folder, remote);
    expect(refused.status).toBe(1);
    expect(refused.stdout).toContain('git-map.json');
    expect((await ask(told.url, 'tree')).body.decision).toBe(true);
  });

  it('reload: says when no server has ever run', async () => {
    const folder = await makeWorkspace();
    const outcome = await govern(folder, ['grants', 'reload']);
    expectError(outcome, 4, 'UNREACHABLE');
    expect(outcome.stderr).toContain('no server has run here');
  });
});

describe('govern status', () => {
  it('tells what the files say when no server runs', async () => {
    const folder = await makeWorkspace();
    await govern(folder, DECIDE);
    const quiet = await govern(folder, ['status', '--json']);
    expect(quiet.status).toBe(0);
    expect(JSON.parse(quiet.stdout)).toMatchObject({
      server: 'none',
      root: join(folder, '.cortex'),
      problems: [],
      grants: { grants: 1, errors: 0 },
      killSwitch: { readable: true, entries: [] },
      evidence: [{ name: 'cli', checkpointed: expect.any(Number) }],
    });
    await govern(folder, ['kill', 'global', '--reason', 'drill']);
    const stopped = await govern(folder, ['status']);
    expect(stopped.status).toBe(1);
    expect(stopped.stdout).toContain('everything is stopped');
    expect(stopped.stdout).toMatch(/global, by .*: drill/);
  });

  it('asks the server when one runs', async () => {
    const port = await freePort();
    const folder = await makeWorkspace({ config: `server: { port: ${port} }` });
    const { told } = await serve(folder, ['--port', String(port)]);
    await ask(told.url);
    const running = await govern(folder, ['status', '--json']);
    expect(running.status).toBe(0);
    expect(JSON.parse(running.stdout)).toMatchObject({
      server: 'running',
      ready: true,
      policyHash: told.policyHash,
      decisions: { total: 1, allowed: 1 },
    });
    await govern(folder, ['kill', 'global', '--reason', 'drill']);
    const stopped = await govern(folder, ['status']);
    expect([stopped.status, stopped.stdout]).toEqual([
      1,
      expect.stringContaining('server not ready'),
    ]);
  });
});
