import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toolCall } from '@cortex-governance/core';
import { verifyEvidence } from '@cortex-governance/evidence-writer';
import { createFolderStore, restoreLog } from '@cortex-governance/evidence-writer/cold';
import { createPgliteClient, EvidenceIndex } from '@cortex-governance/evidence-writer/warm';
import { RecordingLogger, TempWorkspace } from '@cortex-governance/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createGovernor, type Governor, loadGovernanceConfig } from '../src/index.ts';

/** Making an embedded database takes seconds, and many on a busy machine. */
const PATIENCE = { timeout: 60_000, interval: 20 };

const call = toolCall({ tenant: 'default', agent: 'bot', tool: 'git-map', action: 'search' });

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(
  config: string,
): Promise<{ governor: Governor; logger: RecordingLogger; workspace: TempWorkspace }> {
  const workspace = await TempWorkspace.create({ config });
  cleanups.push(() => workspace.remove());
  const logger = new RecordingLogger();
  const governor = await createGovernor({ root: workspace.root, logger });
  cleanups.push(() => governor.close());
  return { governor, logger, workspace };
}

async function metric(governor: Governor, name: string): Promise<number | undefined> {
  const { body } = await governor.metrics.expose();
  const line = body.split('\n').find((one) => one.startsWith(`governance_evidence_tier_${name}{`));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

describe('the tiers of a governor', () => {
  it('has none unless they are configured', async () => {
    const { governor, workspace } = await open('version: 1\n');
    expect(await metric(governor, 'up')).toBeUndefined();
    await governor.close();
    expect(existsSync(join(workspace.folder, 'artifacts/governance/evidence-index'))).toBe(false);
  });

  it('indexes what was decided, to the last record', async () => {
    const { governor, workspace } = await open('evidence:\n  warm:\n    dir: ../index\n');
    await vi.waitFor(async () => expect(await metric(governor, 'up')).toBe(1), PATIENCE);
    for (let i = 0; i < 10; i += 1) governor.decide(call);
    await governor.close();
    const { records } = governor.evidence.status();
    const client = await createPgliteClient({ dir: join(workspace.folder, 'index') });
    const index = new EvidenceIndex({ client });
    const [progress] = (await index.progress()).values();
    expect(progress?.next).toBe(records);
    expect((await index.query({ tenant: 'default', effect: 'allow' })).hits).toHaveLength(10);
    await index.close();
  }, 90_000);

  it('archives what was decided, and restores it when the log is lost', async () => {
    const { governor, workspace } = await open('evidence:\n  cold:\n    dir: ../archive\n');
    for (let i = 0; i < 10; i += 1) governor.decide(call);
    await vi.waitFor(async () => expect(await metric(governor, 'up')).toBe(1), PATIENCE);
    await governor.close();
    const { dir, records } = governor.evidence.status();
    await rm(dir, { recursive: true });
    const copy = join(workspace.folder, 'copy');
    const store = createFolderStore(join(workspace.folder, 'archive'));
    expect(await restoreLog(store, '', copy)).toMatchObject({ size: records, missing: [] });
    expect(await verifyEvidence(copy)).toMatchObject({ ok: true, records });
  });

  it('decides, and ends, while a database is not there', async () => {
    process.env['TEST_INDEX_URL'] = 'postgres://nobody@127.0.0.1:1/none';
    cleanups.push(async () => delete process.env['TEST_INDEX_URL']);
    const { governor, logger } = await open('evidence:\n  warm:\n    urlEnv: TEST_INDEX_URL\n');
    expect(governor.decide(call).effect).toBe('allow');
    await vi.waitFor(() => expect(logger.events()).toContain('EVIDENCE_TIER_FAILED'), PATIENCE);
    expect(await metric(governor, 'up')).toBe(0);
    expect(await metric(governor, 'failures_total')).toBeGreaterThan(0);
    expect((await governor.evaluate(call, { durability: 'checkpointed' })).effect).toBe('allow');
    await governor.close();
    expect(logger.events()).not.toContain('EVIDENCE_WRITE_FAILED');
  });

  it('takes a variable or file that is missing or open to others as a tier that fails', async () => {
    for (const source of [
      'urlEnv: NO_SUCH_VARIABLE',
      'urlFile: no-such-file',
      'urlFile: open-file',
    ]) {
      const workspace = await TempWorkspace.create({
        config: `evidence:\n  warm:\n    ${source}\n`,
      });
      cleanups.push(() => workspace.remove());
      await writeFile(join(workspace.root, 'open-file'), 'postgres://secret@127.0.0.1/x', {
        mode: 0o644,
      });
      const logger = new RecordingLogger();
      const governor = await createGovernor({ root: workspace.root, logger });
      await vi.waitFor(() => expect(logger.events()).toContain('EVIDENCE_TIER_FAILED'), PATIENCE);
      expect(governor.decide(call).effect).toBe('allow');
      await governor.close();
      expect(JSON.stringify(logger.lines.map(({ fields }) => String(fields['error'])))).toContain(
        'evidence.warm.url',
      );
    }
  });

  it('refuses contradictory settings', async () => {
    for (const [bad, problem] of [
      ['warm: { urlEnv: A, urlFile: b }', 'give urlEnv or urlFile'],
      ['warm: { retainDays: 0 }', 'retainDays'],
      ['cold: {}', 'give dir or s3'],
      ['cold: { dir: a, s3: { bucket: b } }', 'give dir or s3'],
      ['cold: { s3: { bucket: b, prefix: a } }', 'must be empty, or end with /'],
    ] as const) {
      const workspace = await TempWorkspace.create({ config: `evidence:\n  ${bad}\n` });
      cleanups.push(() => workspace.remove());
      const error = await loadGovernanceConfig(join(workspace.root, 'governance.yaml')).catch(
        String,
      );
      expect(String(error)).toContain(problem);
    }
  });
});
