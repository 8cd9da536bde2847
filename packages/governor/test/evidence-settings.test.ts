import { generateKeyPairSync } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { canonicalDigest, type DecisionRequest } from '@cortex-governance/core';
import {
  type DecisionRecord,
  type EvidenceRecord,
  keyObjectSigningKey,
  readEvidence,
  verifyEvidenceTree,
} from '@cortex-governance/evidence-writer';
import { RecordingLogger, startWitness } from '@cortex-governance/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createGovernor, type Governor } from '../src/index.ts';
import { call, createWorkspace, openGovernor } from './workspace.ts';

afterEach(() => vi.unstubAllEnvs());

async function recordsOf(governor: Governor): Promise<EvidenceRecord[]> {
  const records: EvidenceRecord[] = [];
  for await (const record of readEvidence(governor.evidence.status().dir)) records.push(record);
  return records;
}

function newPem(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return String(privateKey.export({ format: 'pem', type: 'pkcs8' }));
}

describe('evidence settings', () => {
  it('sign with the key of an environment variable, and write no key file', async () => {
    vi.stubEnv('EVIDENCE_KEY', newPem());
    const root = await createWorkspace(undefined, 'evidence: { keyEnv: EVIDENCE_KEY }\n');
    const governor = await openGovernor(root);
    governor.decide(call());
    await governor.close();
    expect(await readdir(root)).not.toContain('keys');
    expect((await verifyEvidenceTree(governor.paths.evidenceDir)).ok).toBe(true);
    vi.stubEnv('EVIDENCE_KEY', '');
    await expect(createGovernor({ root })).rejects.toMatchObject({
      code: 'EVIDENCE_KEY_INVALID',
      message: expect.stringContaining('environment variable EVIDENCE_KEY: not set'),
    });
  });

  it('name the log as they say', async () => {
    const root = await createWorkspace(undefined, 'evidence: { originPrefix: acme.example/h7 }\n');
    const governor = await openGovernor(root);
    expect(governor.evidence.status().origin).toBe('acme.example/h7/app');
  });

  it('sign with the key that the host gives, whatever the file says', async () => {
    const evidenceKey = keyObjectSigningKey(generateKeyPairSync('ed25519').privateKey);
    const sign = vi.spyOn(evidenceKey, 'sign');
    const root = await createWorkspace();
    const governor = await openGovernor(root, { evidenceKey });
    await governor.close();
    expect(sign).toHaveBeenCalled();
    expect(await readdir(root)).not.toContain('keys');
  });

  it('mask what they name, in decisions and events', async () => {
    const root = await createWorkspace(
      undefined,
      'evidence: { mask: [/action/properties/path, /event/configDigest] }\n',
    );
    const governor = await openGovernor(root);
    const request: DecisionRequest = call();
    governor.decide(request);
    await governor.evidence.flush();
    const records = await recordsOf(governor);
    const decision = records.find(({ kind }) => kind === 'decision') as DecisionRecord;
    const masked = { ...request.action.properties, path: '[masked]' };
    expect(decision.argsDigest).toBe(canonicalDigest(masked));
    expect(records[0]).toMatchObject({ type: 'boot', properties: { configDigest: '[masked]' } });
  });

  it.each([
    ['a mask that leads nowhere', 'mask: [/tenant/x]', 'CONFIG_INVALID'],
    ['such a mask in standard mode', 'mode: standard, mask: [/tenant/x]', 'CONFIG_INVALID'],
    ['an origin that is none', 'originPrefix: a b', 'CONFIG_INVALID'],
    [
      'a witness without a key, in standard mode too',
      'mode: standard, witnesses: { of: [{ url: "http://127.0.0.1:1", key: typo }] }',
      'CONFIG_INVALID',
    ],
    ['a retention of no days', 'retention: { days: 0 }', 'CONFIG_INVALID'],
    ['a group of no records', 'group: { records: 0 }', 'CONFIG_INVALID'],
  ])('refuse %s', async (_what, setting, code) => {
    const root = await createWorkspace(undefined, `evidence: { ${setting} }\n`);
    await expect(createGovernor({ root })).rejects.toMatchObject({ code });
  });

  it('erase what is past its retention while the governor runs, and keep the log whole', async () => {
    const root = await createWorkspace(
      undefined,
      'evidence: { retention: { days: 30, checkMs: 20 } }\n',
    );
    let nowMs = Date.now();
    const clock = { monotonicMs: () => performance.now(), wallMs: () => nowMs };
    const logger = new RecordingLogger();
    const governor = await openGovernor(root, { clock, logger });
    for (let i = 0; i < 256; i += 1) governor.decide(call());
    await governor.evidence.flush();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(logger.events()).not.toContain('EVIDENCE_RETENTION_APPLIED');
    nowMs += 31 * 86_400_000;
    await vi.waitFor(() => expect(logger.events()).toContain('EVIDENCE_RETENTION_APPLIED'), 10_000);
    await governor.close();
    const { ok, logs } = await verifyEvidenceTree(governor.paths.evidenceDir);
    expect(ok).toBe(true);
    expect(logs[0]?.counts.erased).toBeGreaterThan(200);
    expect(logger.events()).not.toContain('EVIDENCE_RETENTION_FAILED');
  });

  it('do not keep a governor from closing by an erasure, which the next one goes on with', async () => {
    const root = await createWorkspace(
      undefined,
      'evidence: { maxQueuedRecords: 20000, retention: { days: 30 } }\n',
    );
    const before = await openGovernor(root);
    for (let i = 0; i < 40 * 256; i += 1) before.decide(call());
    await before.close();
    const clock = {
      monotonicMs: () => performance.now(),
      wallMs: () => Date.now() + 31 * 86_400_000,
    };
    const logger = new RecordingLogger();
    const erasing = await openGovernor(root, { clock, logger });
    // The erasure starts with the first turn of the event loop.
    await new Promise((resolve) => setTimeout(resolve, 1));
    await erasing.close();
    expect(logger.events()).not.toContain('EVIDENCE_RETENTION_FAILED');
    expect(logger.events()).not.toContain('EVIDENCE_RETENTION_APPLIED');
    const after = await openGovernor(root, { clock, logger });
    await vi.waitFor(() => expect(logger.events()).toContain('EVIDENCE_RETENTION_APPLIED'), 10_000);
    await after.close();
    const { ok, logs } = await verifyEvidenceTree(after.paths.evidenceDir);
    expect(ok).toBe(true);
    expect(logs[0]?.counts.erased).toBeGreaterThan(10_000);
  });

  it('show checkpoints to the witnesses that they name', async () => {
    const keys = generateKeyPairSync('ed25519');
    const evidenceKey = keyObjectSigningKey(keys.privateKey);
    const probe = await openGovernor(await createWorkspace(), { evidenceKey });
    const vkey = await readFile(`${probe.evidence.status().dir}.vkey`, 'utf8');
    const witness = await startWitness([vkey.trim()]);
    try {
      const config = `{ of: [{ url: '${witness.url}', key: '${witness.vkey}' }], intervalMs: 20 }`;
      const root = await createWorkspace(undefined, `evidence: { witnesses: ${config} }\n`);
      const governor = await openGovernor(root, { evidenceKey });
      governor.decide(call());
      await governor.evidence.flush();
      const { origin, checkpointed } = governor.evidence.status();
      await vi.waitFor(() => expect(witness.head(origin)?.size).toBe(checkpointed), 10_000);
      await governor.close();
    } finally {
      await witness.close();
    }
  });

  it('say when erasing fails, and try again', async () => {
    const root = await createWorkspace(
      undefined,
      'evidence: { retention: { days: 1, checkMs: 20 } }\n',
    );
    const logger = new RecordingLogger();
    const governor = await openGovernor(root, { logger });
    await governor.evidence.close();
    await vi.waitFor(() => {
      const failures = logger.events().filter((event) => event === 'EVIDENCE_RETENTION_FAILED');
      expect(failures.length).toBeGreaterThan(1);
    }, 10_000);
  });
});
