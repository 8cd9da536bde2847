import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, type Logger, silentLogger, systemClock } from '@cortex-governance/core';
import { describe, expect, it, vi } from 'vitest';
import { writeBootEvidence } from '../src/index.ts';
import { errorOf, openWriter, recordsOf, temporaryFolder } from './support.ts';

const policyHash = 'a'.repeat(64);
const configDigest = 'b'.repeat(64);
const packages = { '@cortex-governance/governor': '0.1.0' };

describe('writeBootEvidence', () => {
  it('writes boot.json under the policy hash, and the same facts to the log', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir: join(dir, 'evidence') });
    const clock = { ...systemClock, wallMs: () => 1_765_000_000_000 };
    const boot = await writeBootEvidence({
      dir: join(dir, 'artifacts/governance/runtime'),
      policyHash,
      configDigest,
      packages,
      writer,
      clock,
    });
    const file = join(dir, 'artifacts/governance/runtime', policyHash, 'boot.json');
    expect(boot).toEqual({ file, written: true, problem: '' });
    const text = await readFile(file, 'utf8');
    const facts = JSON.parse(text) as Record<string, unknown>;
    expect(text).toBe(`${canonicalJson(facts)}\n`);
    expect(facts).toMatchObject({
      v: 1,
      policyHash,
      configDigest,
      packages,
      time: '2025-12-06T05:46:40.000Z',
      node: process.versions.node,
    });
    expect(Object.keys(facts['host'] as object).sort()).toEqual([
      'arch',
      'cpus',
      'memoryBytes',
      'platform',
      'release',
    ]);
    expect(await recordsOf(writer.status().dir)).toMatchObject([
      { kind: 'event', type: 'boot', properties: facts },
    ]);
    expect(await readdir(join(file, '..'))).toEqual(['boot.json']);
  });

  it('is the newest start when it is written again', async () => {
    const dir = await temporaryFolder();
    for (const wallMs of [1000, 2000]) {
      const clock = { ...systemClock, wallMs: () => wallMs };
      await writeBootEvidence({ dir, policyHash, configDigest, clock });
    }
    const text = await readFile(join(dir, policyHash, 'boot.json'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ time: '1970-01-01T00:00:02.000Z' });
  });

  it('in strict mode ends the start when it cannot be written', async () => {
    const dir = join(await temporaryFolder(), 'file');
    await writeFile(dir, 'x');
    const error = await errorOf(writeBootEvidence({ dir, policyHash, configDigest }));
    expect(error.code).toBe('EVIDENCE_WRITE_FAILED');
    expect(error.message).toContain(join(dir, policyHash, 'boot.json'));
  });

  it('in standard mode reports and counts it, and goes on', async () => {
    const dir = join(await temporaryFolder(), 'file');
    await writeFile(dir, 'x');
    const error = vi.fn();
    const logger: Logger = { ...silentLogger, error };
    const onFailure = vi.fn();
    const boot = await writeBootEvidence({
      dir,
      policyHash,
      configDigest,
      mode: 'standard',
      logger,
      onFailure,
    });
    expect(boot.written).toBe(false);
    expect(boot.problem).not.toBe('');
    expect(error.mock.calls[0]?.[0]).toBe('EVIDENCE_WRITE_FAILED');
    expect(onFailure).toHaveBeenCalledOnce();
  });

  it('fails when the log does not take the event', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir: join(dir, 'evidence') });
    await writer.close();
    const error = await errorOf(writeBootEvidence({ dir, policyHash, configDigest, writer }));
    expect(error.code).toBe('EVIDENCE_WRITE_FAILED');
  });

  it.each([
    [{ dir: 'x', policyHash: '../x', configDigest }, 'policyHash'],
    [{ dir: 'x', policyHash, configDigest: 'secret=1' }, 'configDigest'],
    [{ dir: '', policyHash, configDigest }, 'dir'],
    [{ dir: 'x', policyHash, configDigest, mode: 'none' }, 'mode'],
  ])('refuses %j', async (options, place) => {
    const error = await errorOf(writeBootEvidence(options as never));
    expect(error.code).toBe('OPTIONS_INVALID');
    expect(error.message).toContain(place);
  });
});
