import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVerdict, toolCall, VerdictIdSource } from '@cortex-governance/core';
import { createEvidenceWriter, type EvidenceLog } from '@cortex-governance/evidence-writer';
import { TempWorkspace } from '@cortex-governance/testkit';
import { describe, expect, it } from 'vitest';
import { atEnd, expectError, govern, makeWorkspace, type Outcome } from './govern.ts';

interface Recorded {
  readonly writer: EvidenceLog;
  /** Ids of decisions, in the order of the log. */
  readonly ids: readonly string[];
}

/** A workspace with a log of decisions of two tenants, in two sessions. */
async function record(
  folder: string,
  decisions: number,
  { name = 'server', close = true } = {},
): Promise<Recorded> {
  const writer = await createEvidenceWriter({
    dir: join(folder, 'artifacts/governance/evidence'),
    keyFile: join(folder, '.cortex/keys/evidence.pem'),
    name,
    checkpointIntervalMs: close ? 1_000 : 3_600_000,
  });
  const source = new VerdictIdSource();
  const ids: string[] = [];
  for (let i = 0; i < decisions; i += 1) {
    const call = toolCall({
      tenant: i % 2 === 0 ? 'acme' : 'other',
      agent: 'bot',
      tool: 'git-map',
      action: 'search',
      context: { session: `s-${i % 2}` },
    });
    const id = source.next(Date.now());
    ids.push(id);
    writer.appendDecision(call, createVerdict(id, 'ALLOWED', 'evidence', 'a'.repeat(64)));
  }
  if (close) await writer.close();
  else atEnd(() => writer.close());
  return { writer, ids };
}

function keyOf({ writer }: Recorded): string {
  return `${writer.status().dir}.vkey`;
}

function said(outcome: Outcome): readonly [number | null, string, string] {
  return [outcome.status, outcome.stderr, outcome.stdout];
}

describe('govern evidence prove and verify-proof', () => {
  it('writes two files that anyone can check elsewhere', async () => {
    const folder = await makeWorkspace();
    const recorded = await record(folder, 5);
    const id = recorded.ids[3] ?? '';
    const made = await govern(folder, ['evidence', 'prove', id]);
    expect(said(made)).toEqual([
      0,
      '',
      expect.stringMatching(
        /^proved: record 3 of cortex-governance\.local\/server, under a signed checkpoint over 5 records\n/,
      ),
    ]);
    const [proof, body] = [join(folder, `${id}.tlog-proof`), join(folder, `${id}.json`)];
    expect(await readFile(proof, 'utf8')).toMatch(/^c2sp\.org\/tlog-proof@v1\nindex 3\n/);
    expect(JSON.parse(await readFile(body, 'utf8'))).toMatchObject({ id, seq: 3 });
    const check = ['evidence', 'verify-proof', proof, '--record', body, '--key', keyOf(recorded)];
    expect(said(await govern('/', check))).toEqual([
      0,
      '',
      expect.stringMatching(
        /^ok: these bytes are record 3 of cortex-governance\.local\/server\n {2}signed by its key over 5 records, root /,
      ),
    ]);
    await writeFile(body, `${await readFile(body, 'utf8')}\n`);
    expect(said(await govern('/', check))).toEqual([1, '', expect.stringMatching(/^BAD /)]);
    const json = await govern('/', [...check, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, problem: expect.any(String) });
  });

  it('takes several keys, and no proof by another one', async () => {
    const folder = await makeWorkspace();
    const [ours, other] = [await makeWorkspace(), await makeWorkspace()];
    const recorded = await record(ours, 2);
    const foreign = await record(other, 2);
    const out = join(folder, 'one.tlog-proof');
    const log = recorded.writer.status().dir;
    const made = await govern('/', [
      'evidence',
      'prove',
      '--index',
      '1',
      '--log',
      log,
      '--out',
      out,
    ]);
    expect(made.status).toBe(0);
    const check = ['evidence', 'verify-proof', out, '--record', join(folder, 'one.json'), '--key'];
    expect((await govern('/', [...check, keyOf(foreign)])).status).toBe(1);
    const keys = join(folder, 'keys');
    await writeFile(keys, `${foreign.writer.vkey}\n\n${recorded.writer.vkey}\n`);
    expect((await govern('/', [...check, keys])).status).toBe(0);
  });

  it('never replaces a file that holds something else', async () => {
    const folder = await makeWorkspace();
    const { ids } = await record(folder, 2);
    const prove = ['evidence', 'prove', ids[0] ?? ''];
    expect((await govern(folder, prove)).status).toBe(0);
    const before = await readFile(join(folder, `${ids[0]}.tlog-proof`));
    expect((await govern(folder, prove)).status).toBe(0);
    await writeFile(join(folder, `${ids[0]}.json`), 'mine');
    expectError(await govern(folder, prove), 3, 'FAULT');
    expect(await readFile(join(folder, `${ids[0]}.json`), 'utf8')).toBe('mine');
    expect(await readFile(join(folder, `${ids[0]}.tlog-proof`))).toEqual(before);
  });

  it('says when a record is not there, or no checkpoint covers it yet', async () => {
    const folder = await makeWorkspace();
    const { writer, ids } = await record(folder, 3, { close: false });
    await writer.durable(writer.appendEvent({ type: 'last', properties: {} }), 'disk');
    expectError(await govern(folder, ['evidence', 'prove', ids[1] ?? '']), 3, 'RECORD_UNSIGNED');
    expectError(await govern(folder, ['evidence', 'prove', 'nobody']), 1, 'RECORD_UNKNOWN');
    await writer.flush();
    expect((await govern(folder, ['evidence', 'prove', ids[1] ?? ''])).status).toBe(0);
    expect(await readdir(folder)).toContain(`${ids[1]}.tlog-proof`);
  });

  it('asks which log, finds the one of an id by itself, and says when there is none', async () => {
    const folder = await makeWorkspace();
    const first = await record(folder, 2);
    const second = await record(folder, 2, { name: 'worker' });
    const made = await govern(folder, ['evidence', 'prove', second.ids[1] ?? '', '--json']);
    expect(JSON.parse(made.stdout)).toMatchObject({
      log: second.writer.status().dir,
      origin: 'cortex-governance.local/worker',
      index: 1,
      size: 2,
    });
    expectError(await govern(folder, ['evidence', 'prove', '--index', '0']), 2, 'USAGE');
    const empty = await TempWorkspace.create();
    atEnd(() => empty.remove());
    expectError(await govern(empty.folder, ['evidence', 'prove', first.ids[0] ?? '']), 3, 'NO_LOG');
  });

  it('proves a record whose body was erased by its leaf hash', async () => {
    const folder = await makeWorkspace();
    const recorded = await record(folder, 2);
    const bundle = join(recorded.writer.status().dir, 'tile/entries/000.p/2');
    const bytes = await readFile(bundle);
    await writeFile(
      bundle,
      Buffer.concat([Buffer.alloc(2), bytes.subarray(bytes.readUInt16BE() + 2)]),
    );
    const made = await govern(folder, ['evidence', 'prove', '--index', '0', '--json']);
    const { leafHash, recordFile, proofFile } = JSON.parse(made.stdout) as Record<string, string>;
    expect(recordFile).toBeNull();
    const check = ['evidence', 'verify-proof', proofFile ?? '', '--key', keyOf(recorded)];
    const checked = await govern('/', [...check, '--leaf-hash', leafHash ?? '']);
    expect(said(checked)).toEqual([0, '', expect.stringContaining('a record with this leaf hash')]);
    expectError(await govern('/', [...check, '--leaf-hash', 'aa']), 2, 'USAGE');
    expectError(await govern('/', check), 2, 'USAGE');
    expectError(await govern('/', [...check, '--record', bundle, '--leaf-hash', 'aa']), 2, 'USAGE');
  });
});

describe('govern evidence export and verify-export', () => {
  it('writes one file that anyone can check elsewhere', async () => {
    const folder = await makeWorkspace();
    const recorded = await record(folder, 6);
    const made = await govern(folder, ['evidence', 'export', '--session', 's-1', '--json']);
    expect([made.status, made.stderr]).toEqual([0, '']);
    const { id, file, records } = JSON.parse(made.stdout) as Record<string, string>;
    expect(records).toBe(3);
    expect(id).toMatch(/^evid:s-1:[0-9a-f]{64}$/);
    expect(file).toBe(join(folder, `evidence-${id?.slice(9, 25)}.dsse.json`));
    const check = ['evidence', 'verify-export', file ?? '', '--key', keyOf(recorded)];
    expect(said(await govern('/', check))).toEqual([
      0,
      '',
      expect.stringContaining(`ok: 3 records of cortex-governance.local/server`),
    ]);
    const summary = JSON.parse((await govern('/', [...check, '--json'])).stdout) as object;
    expect(summary).toMatchObject({ ok: true, id, records: 3, selection: { session: 's-1' } });
    const text = await readFile(file ?? '', 'utf8');
    await writeFile(file ?? '', text.replace(/"sig":"./, '"sig":"!'));
    expect(said(await govern('/', check))).toEqual([1, '', expect.stringMatching(/^BAD /)]);
  });

  it('chooses by tenant and time, into the file that is named', async () => {
    const folder = await makeWorkspace();
    const recorded = await record(folder, 6);
    const out = join(folder, 'acme.json');
    const made = await govern(folder, [
      ...['evidence', 'export', '--tenant', 'acme', '--since', '1h', '--until', '2999-01-01'],
      ...['--out', out],
    ]);
    expect(said(made)).toEqual([0, '', expect.stringContaining(`exported 3 records`)]);
    const check = await govern('/', ['evidence', 'verify-export', out, '--key', keyOf(recorded)]);
    expect(check.stdout).toMatch(/selected by tenant acme, since \S+Z, until 2999-01-01T/);
    const again = await govern(folder, ['evidence', 'export', '--session', 's-0', '--out', out]);
    expectError(again, 3, 'FAULT');
  });

  it('says when nothing matches, too much does, or several logs hold such records', async () => {
    const folder = await makeWorkspace();
    const first = await record(folder, 4);
    const all = ['evidence', 'export', '--since', '1d'];
    const tooMany = await govern(folder, [...all, '--max-records', '3']);
    expectError(tooMany, 2, 'USAGE');
    expect(tooMany.stderr).toContain('--max-records: more than 3 records match');
    const none = await govern(folder, ['evidence', 'export', '--tenant', 'nobody']);
    expectError(none, 1, 'NOTHING_TO_EXPORT');
    await record(folder, 1, { name: 'worker' });
    const several = await govern(folder, all);
    expectError(several, 2, 'USAGE');
    expect(several.stderr).toContain('name one with --log');
    const log = first.writer.status().dir;
    expect((await govern(folder, [...all, '--log', log])).status).toBe(0);
    expect((await readdir(folder)).filter((name) => name.endsWith('.dsse.json'))).toHaveLength(1);
  });

  it('signs with the key that is given, when it is one of the log', async () => {
    const folder = await makeWorkspace();
    const elsewhere = await makeWorkspace();
    const recorded = await record(folder, 2);
    const other = await makeWorkspace();
    await record(other, 1);
    const log = recorded.writer.status().dir;
    const args = ['evidence', 'export', '--tenant', 'acme', '--log', log, '--signing-key'];
    const good = await govern(elsewhere, [...args, join(folder, '.cortex/keys/evidence.pem')]);
    expect(said(good).slice(0, 2)).toEqual([0, '']);
    const bad = await govern(other, [...args, join(other, '.cortex/keys/evidence.pem')]);
    expectError(bad, 3, 'EVIDENCE_KEY_INVALID');
  });
});
