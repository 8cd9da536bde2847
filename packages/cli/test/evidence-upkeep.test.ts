import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startWitness } from '@cortex-governance/testkit';
import { describe, expect, it, vi } from 'vitest';
import { ask, atEnd, govern, makeWorkspace, serve, start } from './govern.ts';

interface Line {
  readonly log: string;
  readonly seq: number;
  readonly kind: string;
  readonly effect?: string;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}

function linesOf(text: string): Line[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Line);
}

/** A workspace in which a server has decided some calls and ended; every second one is a denial. */
async function makeEvidence(decisions: number): Promise<{ folder: string; log: string }> {
  const folder = await makeWorkspace();
  const { told, child, ended } = await serve(folder);
  for (let i = 0; i < decisions; i += 1) await ask(told.url, i % 2 === 0 ? 'search' : 'drop');
  child.kill('SIGTERM');
  await ended;
  return { folder, log: told.evidenceDir };
}

describe('govern evidence tail', () => {
  it('prints the last records, then new ones as they come, of a log that comes up later too', async () => {
    const folder = await makeWorkspace();
    const following = start(folder, ['evidence', 'tail', '--effect', 'deny']);
    await vi.waitFor(() => expect(following.stderr()).toContain('no evidence log'), 20_000);
    const { told, child, ended } = await serve(folder);
    for (let i = 0; i < 3; i += 1) {
      await ask(told.url, 'search');
      await ask(told.url, 'drop');
      await vi.waitFor(() => expect(linesOf(following.stdout())).toHaveLength(i + 1), 20_000);
    }
    child.kill('SIGTERM');
    await ended;
    expect(linesOf(following.stdout()).every(({ effect }) => effect === 'deny')).toBe(true);
    following.child.kill('SIGTERM');
    await following.ended;
    const last = start(folder, ['evidence', 'tail', '--last', '2']);
    await vi.waitFor(() => expect(linesOf(last.stdout())).toHaveLength(2), 20_000);
    const all = linesOf((await govern(folder, ['evidence', 'list'])).stdout);
    expect(linesOf(last.stdout())).toEqual(all.slice(-2));
  }, 90_000);

  it('ends when nobody reads any more', async () => {
    const { folder } = await makeEvidence(1);
    const following = start(folder, ['evidence', 'tail']);
    await vi.waitFor(() => expect(following.stdout()).not.toBe(''), 20_000);
    following.child.stdout?.destroy();
    const { told, child, ended } = await serve(folder);
    await ask(told.url, 'search');
    child.kill('SIGTERM');
    await ended;
    expect((await following.ended).status).toBe(0);
  }, 60_000);

  it.each(['-1', 'x', '1e3', '100001'])('refuses --last %s', async (last) => {
    const folder = await makeWorkspace();
    const { status, stderr } = await govern(folder, ['evidence', 'tail', `--last=${last}`]);
    expect(status).toBe(2);
    expect(stderr).toContain('Not a number from 0 to 100000.');
  });
});

describe('govern evidence verify with witnesses', () => {
  it('asks for their cosignatures, and says who gave them', async () => {
    const { folder, log } = await makeEvidence(2);
    const vkey = (await readFile(`${log}.vkey`, 'utf8')).trim();
    const witness = await startWitness([vkey]);
    atEnd(() => witness.close());
    const keys = join(folder, 'witness.vkey');
    await writeFile(keys, `${witness.vkey}\n`);
    const args = ['evidence', 'verify', '--witness-key', keys];
    const before = await govern(folder, args);
    expect(before.status).toBe(1);
    expect(before.stdout).toContain('cosigned by 0 of 1 witnesses');
    const config = `{ of: [{ url: '${witness.url}', key: '${witness.vkey}' }], intervalMs: 20 }`;
    await writeFile(
      join(folder, '.cortex', 'governance.yaml'),
      `evidence: { witnesses: ${config} }\n`,
    );
    const { child, ended } = await serve(folder);
    await vi.waitFor(() => expect(witness.statuses).toContain(200), 20_000);
    child.kill('SIGTERM');
    await ended;
    const after = await govern(folder, args);
    expect(after.stdout).toMatch(/witnessed up to \d+ by witness\.example\/w1 at 20/);
    expect(after.status).toBe(0);
    const many = await govern(folder, [...args, '--quorum', '2']);
    expect(many.status).toBe(2);
    const wrong = await govern(folder, ['evidence', 'verify', '--witness-key', `${log}.vkey`]);
    expect(wrong.stderr).toContain('does not hold vkey lines of witnesses alone');
  }, 60_000);
});

describe('govern evidence erase', () => {
  it('erases what is selected, says so in the log, and leaves it whole', async () => {
    const { folder, log } = await makeEvidence(300);
    const kept = join(folder, 'kept');
    await writeFile(kept, await readFile(join(log, 'checkpoint')));
    const args = ['evidence', 'erase', '--tenant', 'default', '--reason', 'r 1', '--actor', 'ann'];
    const { status, stdout, stderr } = await govern(folder, [...args, '--json']);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const { erased } = JSON.parse(stdout) as { erased: { records: number; tooNew: number }[] };
    expect(erased).toHaveLength(1);
    expect(erased[0]?.records).toBeGreaterThan(200);
    const verified = await govern(folder, ['evidence', 'verify', '--checkpoint', kept]);
    expect(verified.stdout).toContain(`erased ${erased[0]?.records}:`);
    expect(verified.status).toBe(0);
    const records = linesOf((await govern(folder, ['evidence', 'list'])).stdout);
    expect(records.filter(({ kind }) => kind === 'decision')).toHaveLength(erased[0]?.tooNew ?? -1);
    expect(records.find(({ type }) => type === 'records_erased')?.properties).toMatchObject({
      by: 'ann',
      reason: 'r 1',
    });
  }, 60_000);

  it('asks for a criterion and a reason, and for logs that nobody writes', async () => {
    const { folder } = await makeEvidence(1);
    const bare = await govern(folder, ['evidence', 'erase', '--reason', 'x']);
    expect(bare.status).toBe(2);
    expect(bare.stderr).toContain('--before, --tenant, --subject, --session');
    const silent = await govern(folder, ['evidence', 'erase', '--tenant', 'x']);
    expect(silent.status).toBe(2);
    const { child, ended } = await serve(folder);
    const args = ['evidence', 'erase', '--tenant', 'x', '--reason', 'x'];
    const busy = await govern(folder, args);
    expect(busy.status).toBe(3);
    expect(busy.stderr).toContain('EVIDENCE_LOCKED');
    child.kill('SIGTERM');
    await ended;
  }, 60_000);
});

describe('govern evidence rotate-key', () => {
  it('puts a new key in place; the old public key still verifies, and the server goes on', async () => {
    const { folder, log } = await makeEvidence(4);
    const old = join(folder, 'old.vkey');
    await writeFile(old, await readFile(`${log}.vkey`));
    const { status, stdout, stderr } = await govern(folder, [
      'evidence',
      'rotate-key',
      '--reason',
      'yearly',
    ]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(await readFile(`${log}.vkey`, 'utf8')).not.toBe(await readFile(old, 'utf8'));
    const keys = join(folder, '.cortex', 'keys');
    const names = (await readdir(keys)).sort();
    expect(names).toHaveLength(2);
    expect(names[0]).toBe('evidence.pem');
    expect(stdout).toContain(names[1] ?? '?');
    expect((await stat(join(keys, 'evidence.pem'))).mode & 0o777).toBe(0o600);
    const { told, child, ended } = await serve(folder);
    await ask(told.url, 'search');
    child.kill('SIGTERM');
    await ended;
    expect(told.evidenceDir).toBe(log);
    const verified = await govern(folder, ['evidence', 'verify', '--key', old]);
    expect(verified.stdout).toContain('given key');
    expect(verified.status).toBe(0);
  }, 60_000);

  it('goes on where it was interrupted, and takes a key from the environment', async () => {
    const { folder, log } = await makeEvidence(1);
    const args = ['evidence', 'rotate-key', '--reason', 'x'];
    const { child, ended } = await serve(folder);
    expect((await govern(folder, args)).status).toBe(3);
    child.kill('SIGTERM');
    await ended;
    const next = join(folder, '.cortex', 'keys', 'evidence.pem.next');
    const pem = await readFile(next, 'utf8');
    expect((await govern(folder, args)).status).toBe(0);
    expect(await readFile(join(folder, '.cortex', 'keys', 'evidence.pem'), 'utf8')).toBe(pem);
    const { generateKeyPairSync } = await import('node:crypto');
    const { privateKey } = generateKeyPairSync('ed25519');
    const NEW_KEY = String(privateKey.export({ format: 'pem', type: 'pkcs8' }));
    const toEnv = await govern(folder, [...args, '--to-env', 'NEW_KEY'], { env: { NEW_KEY } });
    expect(toEnv.stderr).toBe('');
    expect(toEnv.status).toBe(0);
    await writeFile(join(folder, '.cortex', 'governance.yaml'), 'evidence: { keyEnv: NEW_KEY }\n');
    const { status } = await govern(folder, ['decide', '--tool', 'git-map', '--action', 'search'], {
      env: { NEW_KEY },
    });
    expect(status).toBe(0);
    expect((await govern(folder, ['evidence', 'verify', log])).status).toBe(0);
    const missing = await govern(folder, ['evidence', 'rotate-key', '--reason', 'x']);
    expect(missing.status).toBe(3);
    expect(missing.stderr).toContain('environment variable NEW_KEY: not set');
  }, 90_000);
});
