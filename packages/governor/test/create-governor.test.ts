import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GovernanceError } from '@cortex-governance/core';
import { readEvidence, verifyEvidenceTree } from '@cortex-governance/evidence-writer';
import { describe, expect, it, vi } from 'vitest';
import { createGovernor } from '../src/index.ts';
import { call, createWorkspace, GIT_GRANT, openGovernor, writeGrant } from './workspace.ts';

describe('createGovernor', () => {
  it('wires a governor from a folder with grants and nothing else', async () => {
    const root = await createWorkspace();
    await rm(join(root, 'governance.yaml'));
    const governor = await openGovernor(root, {
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    });
    expect(governor.decide(call())).toMatchObject({
      effect: 'allow',
      code: 'ALLOWED',
      stage: 'evidence',
    });
    expect(governor.config.server.port).toBe(8004);
    expect(governor.status()).toMatchObject({ ready: true, problems: [] });
  });

  it.each([
    ['an unknown key', 'servr: {}', 'CONFIG_INVALID', /governance\.yaml: 2:1: .*servr/],
    [
      'a wrong type',
      'server:\n  port: many',
      'CONFIG_INVALID',
      /governance\.yaml: 3:9: server\.port/,
    ],
    ['broken YAML', 'server: [', 'CONFIG_INVALID', /governance\.yaml: \d+:\d+: /],
    ['a key twice', 'mcp: {}\nmcp: {}', 'CONFIG_INVALID', /governance\.yaml: 3:1: /],
    ['an alias bomb', 'a: &a [1]\nb: [*a,*a]', 'CONFIG_INVALID', /governance\.yaml: /],
    ['tenants that are no ids', 'tenancy: { tenants: ["../x"] }', 'CONFIG_INVALID', /tenancy/],
  ])(
    'does not start with %s in the configuration, naming file and place',
    async (_, config, code, message) => {
      const root = await createWorkspace(undefined, config);
      const error = await createGovernor({ root }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(GovernanceError);
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    },
  );

  it('does not start without a grant, or with a bad one, naming file and place', async () => {
    const empty = await createWorkspace({});
    await expect(createGovernor({ root: empty })).rejects.toMatchObject({
      code: 'GRANT_NOT_FOUND',
    });
    const bad = await createWorkspace({ git: { ...GIT_GRANT, rate: { perMinute: 0 } } });
    await expect(createGovernor({ root: bad })).rejects.toMatchObject({
      code: 'GRANT_INVALID',
      message: expect.stringMatching(/git\.json.*perMinute/),
    });
  });

  it('leaves nothing open when it does not start', async () => {
    const root = await createWorkspace({ git: { ...GIT_GRANT, unknown: 1 } });
    await expect(createGovernor({ root })).rejects.toThrow('unknown');
    await writeGrant(root, 'git', GIT_GRANT);
    const governor = await openGovernor(root);
    expect(governor.evidence.status().origin).toMatch(/app$/);
  });

  it('refuses options of the wrong type', async () => {
    await expect(createGovernor({ root: 5 } as never)).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
    });
    await expect(createGovernor({ rooot: '.' } as never)).rejects.toThrow('rooot');
  });

  it('writes boot evidence under the policy hash', async () => {
    const root = await createWorkspace();
    const governor = await openGovernor(root);
    const folder = join(
      dirname(root),
      'artifacts/governance/runtime',
      governor.status().policyHash,
    );
    const boot: unknown = JSON.parse(await readFile(join(folder, 'boot.json'), 'utf8'));
    expect(boot).toMatchObject({ policyHash: governor.status().policyHash });
    expect(JSON.stringify(boot)).toMatch(/"node":"v?\d+\./);
  });

  it('gives a second process of the workspace a log of its own', async () => {
    const root = await createWorkspace();
    const first = await openGovernor(root);
    const second = await openGovernor(root);
    expect(first.evidence.status().dir).not.toBe(second.evidence.status().dir);
  });
});

describe('evidence modes', () => {
  it('strict: no evidence, no start', async () => {
    const root = await createWorkspace();
    await writeFile(join(dirname(root), 'artifacts'), 'a file where a folder is needed');
    await expect(createGovernor({ root })).rejects.toMatchObject({ code: 'EVIDENCE_WRITE_FAILED' });
  });

  it.each([
    ['deny', 'deny', 'EVIDENCE_UNAVAILABLE'],
    ['gap', 'allow', 'ALLOWED'],
  ] as const)('standard, %s: starts without, loudly', async (whenFull, effect, code) => {
    const root = await createWorkspace(
      undefined,
      `evidence: { mode: standard, whenFull: ${whenFull} }`,
    );
    await writeFile(join(dirname(root), 'artifacts'), 'a file where a folder is needed');
    const error = vi.fn();
    const governor = await openGovernor(root, {
      logger: { debug() {}, info() {}, warn() {}, error },
    });
    expect(error).toHaveBeenCalledWith('EVIDENCE_WRITE_FAILED', expect.anything());
    expect(governor.decide(call())).toMatchObject({ effect, code });
    expect(await governor.evaluate(call())).toMatchObject({ effect, code });
    expect(governor.status()).toMatchObject({ ready: false, evidence: { healthy: false } });
    expect(governor.evidence.status().drops.writer_failed).toBeGreaterThan(0);
  });
});

describe('boot evidence that cannot be written', () => {
  const config = (mode: string) => `evidence: { mode: ${mode}, runtimeDir: ../taken/runtime }`;

  it('ends the start in strict mode, with the log closed', async () => {
    const root = await createWorkspace(undefined, config('strict'));
    await writeFile(join(dirname(root), 'taken'), 'a file where a folder is needed');
    await expect(createGovernor({ root })).rejects.toMatchObject({
      code: 'EVIDENCE_WRITE_FAILED',
      message: expect.stringContaining('boot.json'),
    });
    await rm(join(dirname(root), 'taken'));
    await openGovernor(root);
  });

  it('is logged and counted in standard mode, and the start goes on', async () => {
    const root = await createWorkspace(undefined, config('standard'));
    await writeFile(join(dirname(root), 'taken'), 'a file where a folder is needed');
    const error = vi.fn();
    const governor = await openGovernor(root, {
      logger: { debug() {}, info() {}, warn() {}, error },
    });
    expect(error).toHaveBeenCalledWith('EVIDENCE_WRITE_FAILED', expect.anything());
    const { body } = await governor.metrics.expose();
    expect(body).toMatch(/^governance_evidence_boot_failures_total 1$/m);
    expect(governor.decide(call())).toMatchObject({ effect: 'allow' });
    expect(governor.status()).toMatchObject({ evidence: { healthy: true } });
  });
});

describe('evidence of what was in force at the start', () => {
  it('names the stops that a process starts under', async () => {
    const root = await createWorkspace();
    const first = await openGovernor(root);
    await first.killSwitch.engage({ scope: 'tool', tool: 'git-map', actor: 'op', reason: 'r' });
    await first.close();
    const second = await openGovernor(root);
    const { dir } = second.evidence.status();
    await second.close();
    const events: unknown[] = [];
    for await (const record of readEvidence(dir)) {
      if (record.kind === 'event' && record.type === 'kill_switch_in_force')
        events.push(record.properties);
    }
    expect(events).toEqual([
      {
        readable: true,
        problem: '',
        count: 1,
        stops: [{ scope: 'tool', tool: 'git-map', at: expect.any(String) }],
      },
    ]);
  });
});

describe('close', () => {
  it('denies from then on, and leaves a log that verifies with every decision in it', async () => {
    const root = await createWorkspace();
    const governor = await openGovernor(root);
    governor.decide(call());
    governor.decide(call('../x'));
    await governor.evaluate(call('docs/out'));
    await governor.killSwitch.engage({
      scope: 'tool',
      tool: 'git-map',
      actor: 'op',
      reason: 'drill',
    });
    governor.decide(call());
    const dir = governor.evidence.status().dir;
    await governor.close();
    await governor.close();
    expect(governor.decide(call())).toMatchObject({ code: 'GOVERNOR_CLOSED', httpStatus: 503 });

    const codes: string[] = [];
    for await (const record of readEvidence(dir)) {
      codes.push(
        record.kind === 'decision'
          ? record.code
          : record.kind === 'event'
            ? record.type
            : record.kind,
      );
    }
    expect(codes).toEqual([
      'boot',
      'ALLOWED',
      'PATH_OUT_OF_SCOPE',
      'PATH_OUT_OF_SCOPE',
      'kill_switch',
      'KILLED_TOOL',
    ]);
    const { ok, logs } = await verifyEvidenceTree(governor.paths.evidenceDir);
    expect(ok).toBe(true);
    expect(logs).toHaveLength(1);
    expect(await readdir(governor.paths.evidenceDir)).toContain('app');
  });
});
