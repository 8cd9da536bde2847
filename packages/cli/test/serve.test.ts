import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, lstat, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { ask, atEnd, freePort, govern, makeWorkspace, serve, start } from './govern.ts';

describe('govern serve', () => {
  it('tells where it listens and what it governs, and not the token', async () => {
    const folder = await makeWorkspace();
    const { told, stdout, stderr } = await serve(folder);
    expect(told).toMatchObject({
      url: `http://127.0.0.1:${told.port}`,
      host: '127.0.0.1',
      root: join(folder, '.cortex'),
      grants: ['git-map'],
      stops: 0,
    });
    expect(told.policyHash).toMatch(/^[0-9a-f]{64}$/);
    expect((await lstat(told.operatorTokenFile)).mode & 0o777).toBe(0o600);
    const token = (await readFile(told.operatorTokenFile, 'utf8')).trim();
    expect(stdout() + stderr()).not.toContain(token);
    expect((await ask(told.url)).body.decision).toBe(true);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ends with 0 after %s, its evidence complete and signed',
    async (signal) => {
      const folder = await makeWorkspace();
      const { told, child, ended } = await serve(folder);
      for (let i = 0; i < 5; i += 1) await ask(told.url);
      child.kill(signal);
      const { status, stderr } = await ended;
      expect(status).toBe(0);
      expect(stderr).toContain(`${signal}: closing\n`);
      const verified = await govern(folder, ['evidence', 'verify', '--json']);
      expect(verified.status).toBe(0);
      const [log] = (JSON.parse(verified.stdout) as { logs: Record<string, unknown>[] }).logs;
      expect(log).toMatchObject({ ok: true, unsignedTail: 0, live: false });
      expect(log?.['counts']).toMatchObject({ kinds: { decision: 5 } });
    },
  );

  it('ends at once with 130 on a second signal', async () => {
    const folder = await makeWorkspace();
    const { told, child, ended, stderr } = await serve(folder);
    // A request that never ends keeps the first signal waiting.
    const socket = connect(told.port, '127.0.0.1');
    atEnd(async () => socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(
      'POST /access/v1/evaluation HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
        'Content-Length: 100\r\nExpect: 100-continue\r\n\r\n',
    );
    await once(socket, 'data');
    child.kill('SIGTERM');
    await vi.waitFor(() => expect(stderr()).toContain('SIGTERM: closing'), 10_000);
    // Those within a second of the first count as the same signal.
    const again = setInterval(() => child.kill('SIGTERM'), 100);
    atEnd(async () => clearInterval(again));
    expect((await ended).status).toBe(130);
  });

  it('takes a signal that a parent repeats for one, and closes in peace', async () => {
    const { child, ended } = await serve(await makeWorkspace());
    child.kill('SIGINT');
    child.kill('SIGINT');
    expect((await ended).status).toBe(0);
  });

  it('says when the port is in use, and the first server goes on', async () => {
    const first = await serve(await makeWorkspace());
    const other = await makeWorkspace();
    const outcome = await govern(other, ['serve', '--port', String(first.told.port)]);
    expect(outcome.status).toBe(3);
    expect(outcome.stderr).toMatch(/^error \[LISTEN_FAILED\] .* the port is in use$/m);
    expect(outcome.stdout).toBe('');
    expect((await ask(first.told.url)).body.decision).toBe(true);
  });

  it('can run twice in one workspace, each with evidence of its own', async () => {
    const folder = await makeWorkspace();
    const first = await serve(folder);
    const second = await serve(folder);
    expect(second.told.evidenceDir).not.toBe(first.told.evidenceDir);
    await ask(first.told.url);
    await ask(second.told.url);
    for (const { child, ended } of [first, second]) {
      child.kill('SIGTERM');
      expect((await ended).status).toBe(0);
    }
    const { status, stdout } = await govern(folder, ['evidence', 'verify']);
    expect([status, stdout.match(/^ok /gm)]).toEqual([0, ['ok ', 'ok ']]);
  });

  it.each([
    [
      'an invalid grant',
      '.cortex/policy/tools/git-map.json',
      '{"tool":"git-map"}',
      'GRANT_INVALID',
    ],
    ['an invalid configuration', '.cortex/governance.yaml', 'unknown: 1', 'CONFIG_INVALID'],
    ['an invalid signing key', '.cortex/keys/evidence.pem', 'nonsense', 'EVIDENCE_KEY_INVALID'],
  ])('does not start with %s', async (_name, file, text, code) => {
    const folder = await makeWorkspace();
    await govern(folder, ['decide', '--tool', 'x', '--action', 'y']);
    await rm(join(folder, file), { force: true });
    await writeFile(join(folder, file), text, { mode: 0o600 });
    const outcome = await govern(folder, ['serve', '--port', '0']);
    expect([outcome.status, outcome.stdout]).toEqual([3, '']);
    // Log lines may come before it.
    const [line] = outcome.stderr.split('\n').slice(-2);
    expect(line).toMatch(new RegExp(`^error \\[${code}\\] `));
    expect(line).toContain(join(folder, file));
  });

  it('does not start when policy is missing, or a token file is not safe', async () => {
    const folder = await makeWorkspace();
    await rm(join(folder, '.cortex', 'policy'), { recursive: true });
    expect((await govern(folder, ['serve', '--port', '0'])).status).toBe(3);
    const other = await makeWorkspace();
    const { told, child, ended } = await serve(other);
    child.kill('SIGTERM');
    await ended;
    await chmod(told.operatorTokenFile, 0o644);
    const outcome = await govern(other, ['serve', '--port', '0']);
    expect(outcome.status).toBe(3);
    expect(outcome.stderr).toContain(told.operatorTokenFile);
  });

  it('goes on when nobody reads what it prints', async () => {
    const folder = await makeWorkspace();
    const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
    const port = await freePort();
    const child = spawn(process.execPath, [bin, 'serve', '--port', String(port)], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    atEnd(async () => child.kill('SIGKILL'));
    child.stdout.destroy();
    const ended = once(child, 'close');
    await vi.waitFor(async () => expect((await ask(`http://127.0.0.1:${port}`)).status).toBe(200), {
      timeout: 15_000,
    });
    child.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
  });

  it('takes a signal while it starts', async () => {
    const folder = await makeWorkspace();
    const started = start(folder, ['serve', '--port', '0', '--json']);
    started.child.stdout?.once('data', () => started.child.kill('SIGINT'));
    expect((await started.ended).status).toBe(0);
  });
});
