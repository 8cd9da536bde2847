import { chmod, lstat, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GovernanceError } from '@cortex-governance/core';
import { describe, expect, it, vi } from 'vitest';
import {
  createServer,
  EVALUATION_PATH,
  ensureOperatorToken,
  readOperatorToken,
} from '../src/index.ts';
import {
  type Answer,
  makeGovernor,
  makeWorkspace,
  post,
  question,
  type Running,
  startServer,
} from './workspace.ts';

async function bearer({ governor }: Running): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${await readOperatorToken(governor.paths.operatorTokenFile)}` };
}

async function operate(running: Running, path: string, body: unknown = {}): Promise<Answer> {
  return post(`${running.url}/v1/operator${path}`, body, await bearer(running));
}

describe('the operator token', () => {
  it('is made once, of 32 random bytes, with mode 0600', async () => {
    const { governor } = await startServer();
    const file = governor.paths.operatorTokenFile;
    expect((await lstat(file)).mode & 0o777).toBe(0o600);
    const token = (await readFile(file, 'utf8')).trim();
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    expect(await ensureOperatorToken(file)).toBe(token);
  });

  it('is one token for all who make it at the same time', async () => {
    const folder = await makeWorkspace();
    const file = join(folder, 'new', 'operator.token');
    const tokens = await Promise.all(Array.from({ length: 16 }, () => ensureOperatorToken(file)));
    expect(new Set(tokens).size).toBe(1);
  });

  it.each([
    ['readable by others', async (file: string) => chmod(file, 0o644)],
    ['too short', async (file: string) => writeFile(file, 'short\n')],
    ['empty', async (file: string) => writeFile(file, '')],
    ['too long', async (file: string) => writeFile(file, 'x'.repeat(5_000))],
    ['two lines', async (file: string) => writeFile(file, `${'x'.repeat(40)}\n${'y'.repeat(40)}`)],
  ])('keeps the server from starting when its file is %s', async (_name, spoil) => {
    const [governor] = await makeGovernor();
    const file = governor.paths.operatorTokenFile;
    await ensureOperatorToken(file);
    await spoil(file);
    await expect(createServer(governor, { port: 0 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(file),
    });
  });

  it('is not read through a link, nor from a folder', async () => {
    const [governor, folder] = await makeGovernor();
    const file = governor.paths.operatorTokenFile;
    const elsewhere = join(folder, 'token');
    await writeFile(elsewhere, 'x'.repeat(40), { mode: 0o600 });
    await mkdir(dirname(file), { recursive: true });
    await symlink(elsewhere, file);
    await expect(createServer(governor)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(ensureOperatorToken(folder)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('operator routes', () => {
  it('answer 401 without the token, whatever else is sent', async () => {
    const running = await startServer();
    const { authorization } = await bearer(running);
    const wrong = [
      {},
      { authorization: 'Bearer' },
      { authorization: 'Bearer ' },
      { authorization: authorization.replace('Bearer', 'Basic') },
      { authorization: authorization.slice(0, -1) },
      { authorization: `${authorization}x` },
      { authorization: `Bearer ${'\u00e9'.repeat(8)}` },
    ];
    for (const headers of wrong) {
      for (const path of ['/kill', '/release', '/grants/reload']) {
        const answer = await post(
          `${running.url}/v1/operator${path}`,
          '{not json',
          headers as never,
        );
        expect(answer.status).toBe(401);
        expect(answer.body.error.code).toBe('OPERATOR_UNAUTHORIZED');
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer /);
      }
      const status = await fetch(`${running.url}/v1/operator/status`, {
        headers: headers as never,
      });
      expect(status.status).toBe(401);
    }
    expect(running.governor.killSwitch.status().entries).toEqual([]);
  });

  it('tell the status', async () => {
    const running = await startServer();
    const response = await fetch(`${running.url}/v1/operator/status`, {
      headers: await bearer(running),
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      ready: true,
      problems: [],
      policyHash: running.governor.grants.current().policyHash,
      grants: { grants: 1 },
      killSwitch: { entries: [] },
      evidence: { healthy: true },
    });
  });

  it('stop and release, in force for the next decision', async () => {
    const running = await startServer();
    const order = {
      scope: 'action',
      tool: 'git-map',
      action: 'search',
      actor: 'op',
      reason: 'drill',
    };
    const killed = await operate(running, '/kill', order);
    expect(killed.status).toBe(200);
    expect(killed.body.engaged).toMatchObject({ ...order, at: expect.any(String) });
    const decide = (action: string) => post(running.url + EVALUATION_PATH, question(action));
    expect((await decide('search')).body.context.code).toBe('KILLED_ACTION');
    expect((await decide('tree')).body.decision).toBe(true);
    const released = await operate(running, '/release', order);
    expect(released.body.released).toMatchObject({ scope: 'action' });
    expect((await decide('search')).body.decision).toBe(true);
    expect((await operate(running, '/release', order)).body).toEqual({ released: null });
  });

  it('work while everything is stopped', async () => {
    const running = await startServer();
    const order = { scope: 'global', actor: 'op', reason: 'drill' };
    await operate(running, '/kill', order);
    expect((await fetch(`${running.url}/health/live`)).status).toBe(200);
    const ready = await fetch(`${running.url}/health/ready`);
    expect(ready.status).toBe(503);
    expect(((await ready.json()) as { problems: string[] }).problems).not.toEqual([]);
    expect((await operate(running, '/release', order)).status).toBe(200);
    expect((await fetch(`${running.url}/health/ready`)).status).toBe(200);
  });

  it.each([
    ['no scope', { actor: 'op', reason: 'x' }],
    ['an unknown scope', { scope: 'world', actor: 'op', reason: 'x' }],
    ['no reason', { scope: 'global', actor: 'op' }],
    ['an empty actor', { scope: 'global', actor: '', reason: 'x' }],
    ['no tool', { scope: 'tool', actor: 'op', reason: 'x' }],
    ['a tool too many', { scope: 'global', tool: 'git-map', actor: 'op', reason: 'x' }],
    ['an unknown member', { scope: 'global', actor: 'op', reason: 'x', until: 'tomorrow' }],
    ['a member of a wrong type', { scope: 'tool', tool: 7, actor: 'op', reason: 'x' }],
    ['an array', []],
  ])('refuse an order with %s', async (_name, order) => {
    const running = await startServer();
    const answer = await operate(running, '/kill', order);
    expect([answer.status, answer.body.error.code]).toEqual([400, 'BODY_INVALID']);
    expect(running.governor.killSwitch.status().entries).toEqual([]);
  });

  it('say when a stop is in force here and could not be written, and nothing of other faults', async () => {
    const running = await startServer();
    const order = { scope: 'global', actor: 'op', reason: 'drill' };
    const failure = { file: 'kill-switch.json', problem: 'ENOSPC' };
    const engage = vi.spyOn(running.governor.killSwitch, 'engage');
    engage.mockRejectedValueOnce(new GovernanceError('KILL_SWITCH_WRITE_FAILED', failure));
    const unwritten = await operate(running, '/kill', order);
    expect(unwritten.status).toBe(500);
    expect(unwritten.body.error).toMatchObject({
      code: 'KILL_SWITCH_WRITE_FAILED',
      message: expect.stringContaining('ENOSPC'),
    });
    engage.mockRejectedValueOnce(new Error('secret detail'));
    const fault = await operate(running, '/kill', order);
    expect(fault.body.error).toEqual({
      status: 500,
      code: 'ENGINE_FAULT',
      message: 'a part of the server failed',
    });
    const large = await operate(running, '/kill', { ...order, reason: 'x'.repeat(2_000_000) });
    expect([large.status, large.body.error.code]).toEqual([413, 'BODY_INVALID']);
  });

  it('reload the grants, and keep those in force when a file is bad', async () => {
    const running = await startServer({ config: 'grants: { watch: false }' });
    const file = join(running.folder, '.cortex', 'policy', 'tools', 'git-map.json');
    const good = await readFile(file, 'utf8');
    await writeFile(file, good.replace('"search"', '"search","snippet"'));
    const reloaded = await operate(running, '/grants/reload');
    expect(reloaded.status).toBe(200);
    expect(reloaded.body).toMatchObject({ ok: true, changed: true, problems: [] });
    expect((await post(running.url + EVALUATION_PATH, question('snippet'))).body.decision).toBe(
      true,
    );
    await writeFile(file, '{');
    const refused = await operate(running, '/grants/reload');
    expect(refused.status).toBe(500);
    expect(refused.body.ok).toBe(false);
    expect(refused.body.problems.join()).toContain('git-map.json');
    expect((await post(running.url + EVALUATION_PATH, question('snippet'))).body.decision).toBe(
      true,
    );
  });
});
