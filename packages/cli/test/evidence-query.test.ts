import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createVerdict, toolCall, VerdictIdSource } from '@cortex-governance/core';
import { createEvidenceWriter } from '@cortex-governance/evidence-writer';
import { describe, expect, it } from 'vitest';
import { ask, govern, makeWorkspace, serve } from './govern.ts';

/** A workspace with an index, whose server has decided some calls and ended. */
async function makeIndexed(config: string): Promise<string> {
  const folder = await makeWorkspace({ config });
  const { told, child, ended } = await serve(folder);
  for (let i = 0; i < 9; i += 1) await ask(told.url, i % 3 === 0 ? 'drop' : 'search');
  // Making the database takes seconds; then it is level within one.
  const index = join(folder, 'index', 'PG_VERSION');
  for (let i = 0; config !== '' && !existsSync(index) && i < 2_400; i += 1) await pause(25);
  for (let i = 0; config !== '' && i < 2_400 && !(await isLevel(told.url)); i += 1) await pause(25);
  child.kill('SIGTERM');
  await ended;
  return folder;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function isLevel(url: string): Promise<boolean> {
  const body = await (await fetch(`${url}/metrics`)).text();
  return body.includes('governance_evidence_tier_up{tier="warm"} 1');
}

interface Answer {
  readonly answeredBy: string;
  readonly behindRecords: number;
  readonly records: readonly Record<string, unknown>[];
}

async function query(
  folder: string,
  ...args: string[]
): Promise<{ answer: Answer; stderr: string }> {
  const { status, stdout, stderr } = await govern(folder, ['evidence', 'query', '--json', ...args]);
  expect([status, stdout === '' ? stderr : '']).toEqual([0, '']);
  return { answer: JSON.parse(stdout) as Answer, stderr };
}

const INDEXED = 'evidence:\n  warm:\n    dir: ../index\n';

describe('govern evidence query', () => {
  it('answers from the index what the logs answer', async () => {
    const folder = await makeIndexed(INDEXED);
    // Every filter is compared where the index is tested; here, that they arrive.
    const filters = [
      ['--code', 'ALLOWED', '--limit', '2'],
      ['--effect', 'deny', '--tool', 'git-map', '--subject', 'bot', '--tenant', 'default'],
    ];
    for (const filter of filters) {
      const indexed = await query(folder, '--since', '2d', ...filter);
      expect(indexed.answer.answeredBy).toBe('index');
      expect(indexed.stderr).toBe('answered by the index\n');
      const scanned = await query(folder, '--since', '2d', '--scan', ...filter);
      expect(scanned.answer).toEqual({ ...indexed.answer, answeredBy: 'logs' });
    }
    const denied = await query(folder, '--effect', 'deny', '--since', '2d');
    expect(denied.answer.records).toHaveLength(3);
    expect(denied.answer.records[0]).toMatchObject({ log: 'server', kind: 'decision' });
    // More than the index can know to be all: the logs are read.
    const all = await query(folder, '--effect', 'deny');
    expect(all.answer).toEqual({ ...denied.answer, answeredBy: 'logs' });
    expect(all.stderr).toMatch(
      /^answered by reading the logs, because the index holds records from/,
    );
    // The newest few are known to be the newest.
    expect((await query(folder, '--limit', '3')).answer.answeredBy).toBe('index');
    const lines = await govern(folder, ['evidence', 'query', '--limit', '3']);
    expect(lines.stdout.trim().split('\n')).toHaveLength(3);
  }, 90_000);

  it('reads the logs while a server holds the index, and where there is none', async () => {
    const folder = await makeWorkspace({ config: INDEXED });
    const { told, child, ended } = await serve(folder);
    await ask(told.url);
    const index = join(folder, 'index', 'PG_VERSION');
    for (let i = 0; !existsSync(index) && i < 2_400; i += 1) await pause(25);
    const held = await query(folder, '--tool', 'git-map');
    expect(held.answer.answeredBy).toBe('logs');
    expect(held.stderr).toContain('another writer holds');
    child.kill('SIGTERM');
    await ended;
    const plain = await makeIndexed('');
    const { answer, stderr } = await query(plain, '--tool', 'git-map');
    expect([answer.answeredBy, answer.records.length, stderr]).toEqual(['logs', 9, '']);
  }, 90_000);

  it('means by a filter what list means by it, records without a time too', async () => {
    const folder = await makeIndexed('');
    const { stdout: report } = await govern(folder, ['evidence', 'verify', '--json']);
    const [log] = (JSON.parse(report) as { logs: { dir: string }[] }).logs;
    const writer = await createEvidenceWriter({ dir: dirname(log?.dir ?? ''), name: 'other' });
    const request = toolCall({ tenant: 'acme', agent: 'a', tool: 't', action: 'x' });
    for (const id of ['zz-no-time', new VerdictIdSource().next(Date.now())]) {
      writer.appendDecision(request, createVerdict(id, 'ALLOWED', 'evidence', 'a'.repeat(64)));
    }
    await writer.close();
    const asked: readonly (readonly [number, readonly string[]])[] = [
      [2, ['--tenant', 'acme']],
      [1, ['--tenant', 'acme', '--since', '2d']],
      [1, ['--tenant', 'acme', '--until', '2999-01-01', '--since', '999999999d']],
      [3, ['--limit', '3']],
    ];
    for (const [count, filter] of asked) {
      const { answer } = await query(folder, ...filter);
      const listed = await govern(folder, ['evidence', 'list', '--limit', '9999', ...filter]);
      const lines = listed.stdout.split('\n').filter((line) => line !== '');
      const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(records).toHaveLength(count);
      expect(records.reverse()).toEqual(answer.records);
    }
  }, 90_000);

  it('refuses what it cannot read', async () => {
    const folder = await makeWorkspace();
    for (const bad of [['--limit', '0'], ['--since', 'never'], ['--effect', 'maybe'], ['more']]) {
      expect((await govern(folder, ['evidence', 'query', ...bad])).status).toBe(2);
    }
    const unset = await makeWorkspace({ config: 'evidence:\n  warm:\n    urlEnv: NO_SUCH_URL\n' });
    const outcome = await govern(unset, ['evidence', 'query']);
    expect([outcome.status, outcome.stderr]).toEqual([3, expect.stringContaining('NO_SUCH_URL')]);
  });
});
