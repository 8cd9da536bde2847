import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ask, govern, makeWorkspace, serve } from './govern.ts';

/** A workspace whose server has decided some calls and ended. */
async function makeEvidence(decisions: number): Promise<{ folder: string; log: string }> {
  const folder = await makeWorkspace();
  const { told, child, ended } = await serve(folder);
  for (let i = 0; i < decisions; i += 1) await ask(told.url, i % 2 === 0 ? 'search' : 'drop');
  child.kill('SIGTERM');
  await ended;
  return { folder, log: told.evidenceDir };
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

interface Report {
  readonly ok: boolean;
  readonly logs: readonly {
    readonly ok: boolean;
    readonly firstFault: { readonly file: string; readonly index: number | null } | null;
  }[];
}

describe('govern evidence verify', () => {
  it('prints records, checkpoint size and root of every log', async () => {
    const { folder, log } = await makeEvidence(4);
    const { status, stdout } = await govern(folder, ['evidence', 'verify']);
    expect(status).toBe(0);
    expect(stdout).toContain(`ok ${log}\n`);
    expect(stdout).toMatch(/records (\d+), checkpoint size \1, root [A-Za-z0-9+/]{43}=\n/);
    expect(stdout).toContain('checked with the key beside the log');
  });

  it('finds one flipped bit, wherever it is', async () => {
    const { folder, log } = await makeEvidence(6);
    const files = (await filesBelow(log)).filter((file) => !file.endsWith('.lock'));
    expect(files.length).toBeGreaterThan(1);
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.nat(7), async (pick, at, bit) => {
        const file = files[pick % files.length] ?? '';
        const good = await readFile(file);
        fc.pre(good.length > 0);
        const bad = Buffer.from(good);
        bad[at % good.length] = (bad[at % good.length] ?? 0) ^ (1 << bit);
        await writeFile(file, bad);
        const { status, stdout } = await govern(folder, ['evidence', 'verify', log, '--json']);
        await writeFile(file, good);
        expect(status).toBe(1);
        const [report] = (JSON.parse(stdout) as Report).logs;
        expect(report?.firstFault?.file).toBe(file);
      }),
      { numRuns: 12 },
    );
    expect((await govern(folder, ['evidence', 'verify'])).status).toBe(0);
  });

  it('verifies a copy elsewhere against a key and a checkpoint that were kept', async () => {
    const { folder, log } = await makeEvidence(3);
    const copy = join(folder, 'audit', 'server');
    await mkdir(join(folder, 'audit'));
    await cp(log, copy, { recursive: true });
    await cp(join(log, 'checkpoint'), join(folder, 'kept'));
    const args = [
      'evidence',
      'verify',
      copy,
      '--key',
      `${log}.vkey`,
      '--checkpoint',
      join(folder, 'kept'),
    ];
    const good = await govern('/', args);
    expect([good.status, good.stderr]).toEqual([0, '']);
    expect(good.stdout).toContain('checked with the given key');
    const other = await makeEvidence(1);
    const wrongKey = await govern('/', ['evidence', 'verify', copy, '--key', `${other.log}.vkey`]);
    expect([wrongKey.status, wrongKey.stdout]).toEqual([1, expect.stringContaining('BAD ')]);
    const foreign = await govern('/', [
      ...args.slice(0, 5),
      '--checkpoint',
      join(other.log, 'checkpoint'),
    ]);
    expect(foreign.status).toBe(1);
  });

  it('compares with every kept checkpoint, and says when its log is gone', async () => {
    const { folder, log } = await makeEvidence(3);
    const empty = await makeWorkspace();
    const kept = join(folder, 'kept');
    await cp(join(log, 'checkpoint'), kept);
    const twice = await govern(folder, [
      ...['evidence', 'verify', '--checkpoint', kept, '--checkpoint', join(log, 'checkpoint')],
      ...[log, '--json'],
    ]);
    expect([twice.status, twice.stderr]).toEqual([0, '']);
    expect(JSON.parse(twice.stdout)).toMatchObject({ ok: true, missing: [] });

    const gone = await govern(empty, ['evidence', 'verify', '.', '--checkpoint', kept]);
    expect(gone.status).toBe(1);
    expect(gone.stdout).toMatch(
      /^BAD no log of \S+\/server is here, and a checkpoint of it is kept$/m,
    );

    await writeFile(join(folder, 'nonsense'), 'nonsense');
    const nonsense = await govern(folder, ['evidence', 'verify', '--checkpoint', 'nonsense']);
    expect([nonsense.status, nonsense.stderr]).toEqual([
      2,
      expect.stringMatching(/^error \[USAGE\] --checkpoint: .*nonsense/),
    ]);
  });

  it('is not content with an empty folder, nor with input that is not a key', async () => {
    const folder = await makeWorkspace();
    const none = await govern(folder, ['evidence', 'verify']);
    expect([none.status, none.stdout]).toEqual([1, expect.stringContaining('no evidence log in')]);
    await writeFile(join(folder, 'key'), 'nonsense');
    const bad = await govern(folder, ['evidence', 'verify', '--key', 'key']);
    expect([bad.status, bad.stderr]).toEqual([
      2,
      expect.stringMatching(/^error \[USAGE\] --key: key does not hold/),
    ]);
    const missing = await govern(folder, ['evidence', 'verify', '--key', 'no-such-file']);
    expect(missing.status).toBe(2);
  });
});

describe('govern evidence list', () => {
  it('prints records as JSON lines, filtered', async () => {
    const { folder } = await makeEvidence(6);
    const list = async (...filters: string[]): Promise<Record<string, unknown>[]> => {
      const { status, stdout, stderr } = await govern(folder, ['evidence', 'list', ...filters]);
      expect([status, stderr]).toEqual([0, '']);
      const lines = stdout.split('\n').filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const all = await list();
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, i) => i));
    expect(all.filter(({ kind }) => kind === 'decision')).toHaveLength(6);
    expect(new Set(all.map(({ log }) => log))).toEqual(new Set(['server']));
    expect(await list('--effect', 'deny')).toHaveLength(3);
    expect(await list('--code', 'ALLOWED', '--tenant', 'default')).toHaveLength(3);
    expect(await list('--tenant', 'acme')).toEqual([]);
    expect(await list('--since', '1d')).toHaveLength(all.length);
    expect(await list('--since', '2999-01-01')).toEqual([]);
    const newest = await list('--limit', '2');
    expect(newest.map(({ id }) => id)).toEqual(all.slice(-2).map(({ id }) => id));
  });

  it('prints records in the formats of others', async () => {
    const { folder } = await makeEvidence(2);
    const list = async (format: string): Promise<Record<string, unknown>[]> => {
      const args = ['evidence', 'list', '--limit', '1', '--code', 'ALLOWED', '--format', format];
      const { status, stdout, stderr } = await govern(folder, args);
      expect([status, stderr]).toEqual([0, '']);
      return stdout.split('\n', 1).map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    expect((await list('json'))[0]).toMatchObject({ log: 'server', code: 'ALLOWED' });
    expect((await list('ocsf'))[0]).toMatchObject({
      class_uid: 6003,
      status_code: 'ALLOWED',
      metadata: { log_name: 'cortex-governance.local/server' },
    });
    expect((await list('cloudevents'))[0]).toMatchObject({
      specversion: '1.0',
      source: '/cortex-governance.local/server',
      data: { code: 'ALLOWED' },
    });
    expect((await list('otel'))[0]).toMatchObject({
      'gen_ai.tool.name': 'git-map',
      'cortex.governance.code': 'ALLOWED',
    });
    const wrong = await govern(folder, ['evidence', 'list', '--format', 'xml']);
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('Allowed choices')]);
  });

  it('reads a log while it is written', async () => {
    const folder = await makeWorkspace();
    const { told } = await serve(folder);
    await ask(told.url);
    const { status, stdout } = await govern(folder, ['evidence', 'list', '--code', 'ALLOWED']);
    expect([status, stdout.trim().split('\n')]).toEqual([
      0,
      [expect.stringContaining('"ALLOWED"')],
    ]);
  });

  it('says which record cannot be read', async () => {
    const { folder, log } = await makeEvidence(2);
    await writeFile(join(log, 'checkpoint'), 'nonsense');
    const outcome = await govern(folder, ['evidence', 'list']);
    expect(outcome.status).toBe(3);
    expect(outcome.stderr).toMatch(/^error \[EVIDENCE_CORRUPT\] .*checkpoint/);
  });
});
