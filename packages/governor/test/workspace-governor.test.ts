import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type Attributes,
  GovernanceError,
  type PolicyBackend,
  toolCall,
} from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { call, createWorkspace, GIT_GRANT, openGovernor, writeGrant } from './workspace.ts';

describe('decide and evaluate', () => {
  it('judge paths by their text, and follow links, respectively', async () => {
    const governor = await openGovernor(await createWorkspace());
    expect(governor.decide(call('docs/out')).code).toBe('ALLOWED');
    expect((await governor.evaluate(call('docs/out'))).code).toBe('PATH_OUT_OF_SCOPE');
    expect((await governor.evaluate(call('docs/a.md'))).code).toBe('ALLOWED');
  });

  it('follow links also while something else is stopped', async () => {
    const governor = await openGovernor(await createWorkspace());
    await governor.killSwitch.engage({ scope: 'tool', tool: 'other', actor: 'op', reason: 'r' });
    expect((await governor.evaluate(call('docs/out'))).code).toBe('PATH_OUT_OF_SCOPE');
  });

  it('charge a limit once for one call id, and only for what they allow', async () => {
    const governor = await openGovernor(await createWorkspace());
    for (let i = 0; i < 5; i += 1) {
      expect(governor.decide(call('docs/a.md', { callId: 'c1' })).code).toBe('ALLOWED');
      expect(governor.decide(call('../x')).code).toBe('PATH_OUT_OF_SCOPE');
      expect((await governor.evaluate(call('docs/out'))).code).toBe('PATH_OUT_OF_SCOPE');
    }
    expect(governor.decide(call()).code).toBe('ALLOWED');
    expect(governor.decide(call()).code).toBe('ALLOWED');
    const limited = governor.decide(call());
    expect(limited).toMatchObject({ code: 'RATE_LIMITED', httpStatus: 429 });
    expect(limited.retryAfterMs).toBeGreaterThan(0);
    expect(limited.retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  it('never reject for options that are none', async () => {
    const governor = await openGovernor(await createWorkspace());
    expect((await governor.evaluate(call(), null as never)).code).toBe('ALLOWED');
  });

  it('give a verdict for any value, and never reject', async () => {
    const governor = await openGovernor(await createWorkspace());
    await fc.assert(
      fc.asyncProperty(fc.anything(), async (value) => {
        expect(governor.decide(value as never).effect).toBe('deny');
        expect((await governor.evaluate(value as never)).effect).toBe('deny');
      }),
      { numRuns: 50 },
    );
  });

  it('decide on what was asked, though the caller changes it meanwhile', async () => {
    const governor = await openGovernor(await createWorkspace());
    const args = { path: 'docs/a.md' };
    const request = toolCall({
      tenant: 'default',
      agent: 'a1',
      tool: 'git-map',
      action: 'tree',
      args,
    });
    const pending = governor.authorize(request);
    args.path = '/etc/passwd';
    const { verdict, args: decided } = await pending;
    expect(verdict.code).toBe('ALLOWED');
    expect(decided).toEqual({ path: join(governor.paths.workspace, 'docs/a.md') });
  });

  it('do not pass a path with the links of an older policy', async () => {
    const wide = { ...GIT_GRANT, fsScope: ['docs', 'secrets'] };
    const root = await createWorkspace({ git: wide }, 'grants: { watch: false }');
    const governor = await openGovernor(root);
    // The reload narrows the scope between the resolution of the link and the decision.
    const refresh = vi.spyOn(governor.killSwitch, 'refresh').mockImplementationOnce(async () => {
      await writeGrant(root, 'git', GIT_GRANT);
      expect((await governor.grants.reload()).changed).toBe(true);
    });
    expect((await governor.evaluate(call('docs/out'))).code).toBe('PATH_OUT_OF_SCOPE');
    expect(refresh).toHaveBeenCalledTimes(2);
  });
});

describe('authorize', () => {
  it('returns the arguments with real paths, copied', async () => {
    const root = await createWorkspace();
    const workspace = dirname(root);
    await mkdir(join(workspace, 'docs/real'));
    await symlink('real', join(workspace, 'docs/link'));
    const governor = await openGovernor(root);
    const args: Attributes = { path: 'docs/link/new.txt', repo: 'r' };
    const outcome = await governor.authorize(
      toolCall({ tenant: 'default', agent: 'a1', tool: 'git-map', action: 'tree', args }),
    );
    expect(outcome.args).toEqual({ path: join(workspace, 'docs/real/new.txt'), repo: 'r' });
    expect(outcome.args).not.toBe(args);
  });
});

describe('enforce', () => {
  it('returns the verdict of an allow, and throws at once on anything else', async () => {
    const governor = await openGovernor(await createWorkspace());
    expect(governor.enforce(call()).code).toBe('ALLOWED');
    const thrown = (path: string, action = 'tree'): unknown => {
      try {
        return governor.enforce(call(path, { action }));
      } catch (error) {
        return error;
      }
    };
    const error = thrown('../x') as GovernanceError;
    expect(error).toBeInstanceOf(GovernanceError);
    expect(error).toMatchObject({ code: 'PATH_OUT_OF_SCOPE', message: 'path not within fsScope' });
    expect(error.verdict).toMatchObject({ effect: 'deny', code: 'PATH_OUT_OF_SCOPE' });
    expect(thrown('docs', 'push')).toMatchObject({ message: 'action not allowed' });
    expect(thrown('docs', 'publish')).toMatchObject({ code: 'APPROVAL_REQUIRED' });
  });

  it('denies an obligation that nobody here can meet, and records that', async () => {
    const obligations = [{ id: 'o', type: 'notification' }];
    const policy: PolicyBackend = {
      name: 'p',
      evaluate: () => ({ effect: 'allow', reason: '', obligations }),
    };
    const root = await createWorkspace();
    const strict = await openGovernor(root, { policy });
    expect(() => strict.enforce(call())).toThrow(
      expect.objectContaining({ code: 'OBLIGATION_UNSUPPORTED' }),
    );
    expect([...strict.counters.counts()].map(({ code }) => code)).toContain(
      'OBLIGATION_UNSUPPORTED',
    );
    const able = await openGovernor(root, { policy, supportedObligations: ['notification'] });
    expect(able.enforce(call()).obligations).toEqual(obligations);
  });
});

describe('kill switch', () => {
  it('made by another process is in force for the next evaluate', async () => {
    const root = await createWorkspace(undefined, 'killSwitch: { watch: false, pollMs: 60000 }');
    const governor = await openGovernor(root);
    const other = await openGovernor(root);
    await other.killSwitch.engage({ scope: 'global', actor: 'op', reason: 'r' });
    expect(await governor.evaluate(call())).toMatchObject({
      code: 'KILLED_GLOBAL',
      httpStatus: 503,
    });
    expect(governor.decide(call()).code).toBe('KILLED_GLOBAL');
    expect(governor.status().ready).toBe(false);
    await other.killSwitch.release({ scope: 'global', actor: 'op', reason: 'r' });
    expect((await governor.evaluate(call())).code).toBe('ALLOWED');
  });

  it('survives a restart, and is in force before the first decision', async () => {
    const root = await createWorkspace();
    const first = await openGovernor(root);
    await first.killSwitch.engage({ scope: 'agent', agent: 'a1', actor: 'op', reason: 'r' });
    await first.close();
    expect((await openGovernor(root)).decide(call()).code).toBe('KILLED_AGENT');
  });

  it('stops everything while its file cannot be read', async () => {
    const root = await createWorkspace();
    await writeFile(join(root, 'kill-switch.json'), '{');
    const governor = await openGovernor(root);
    expect(governor.decide(call()).code).toBe('KILL_SWITCH_UNREADABLE');
  });

  it('that comes while a record is awaited holds for that call', async () => {
    const governor = await openGovernor(await createWorkspace());
    const durable = governor.evidence.durable.bind(governor.evidence);
    vi.spyOn(governor.evidence, 'durable').mockImplementationOnce(async (ticket, level) => {
      await durable(ticket, level);
      await governor.killSwitch.engage({ scope: 'global', actor: 'op', reason: 'r' });
    });
    expect(await governor.evaluate(call())).toMatchObject({
      effect: 'deny',
      code: 'KILLED_GLOBAL',
    });
  });

  it('leaves no watch behind when a listener throws at once', async () => {
    const governor = await openGovernor(await createWorkspace());
    await governor.killSwitch.engage({ scope: 'tool', tool: 'git-map', actor: 'op', reason: 'r' });
    const listener = vi.fn(() => {
      throw new Error('listener');
    });
    expect(() => governor.onStop(call(), listener)).toThrow('listener');
    await governor.killSwitch.engage({ scope: 'global', actor: 'op', reason: 'r' });
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it('tells a running call once when it is stopped', async () => {
    const governor = await openGovernor(await createWorkspace());
    const stopped = vi.fn();
    const ended = vi.fn();
    governor.onStop(call(), stopped);
    governor.onStop(call(), ended)();
    await governor.killSwitch.engage({ scope: 'tool', tool: 'other', actor: 'op', reason: 'r' });
    expect(stopped).not.toHaveBeenCalled();
    await governor.killSwitch.engage({ scope: 'tool', tool: 'git-map', actor: 'op', reason: 'r' });
    await governor.killSwitch.engage({ scope: 'global', actor: 'op', reason: 'r' });
    expect(stopped).toHaveBeenCalledTimes(1);
    expect(stopped).toHaveBeenCalledWith(
      expect.objectContaining({ code: 'KILLED_TOOL', stage: 'scoped_kill_switch' }),
    );
    expect(ended).not.toHaveBeenCalled();
    const late = vi.fn();
    governor.onStop(call(), late);
    expect(late).toHaveBeenCalledTimes(1);
  });
});

describe('policy updates', () => {
  it('take effect whole, and a bad file keeps the last good grants', async () => {
    const root = await createWorkspace(undefined, 'grants: { watch: false }');
    const governor = await openGovernor(root);
    const hash = governor.decide(call()).policyHash;
    await writeFile(join(root, 'policy/tools/git.json'), '{ "tool": ');
    expect(await governor.grants.reload()).toMatchObject({ ok: false, changed: false });
    expect(governor.decide(call())).toMatchObject({ code: 'ALLOWED', policyHash: hash });
    await writeGrant(root, 'git', { ...GIT_GRANT, actions: ['search', 'publish'] });
    expect(await governor.grants.reload()).toMatchObject({ ok: true, changed: true });
    const after = governor.decide(call());
    expect(after.code).toBe('ACTION_NOT_ALLOWED');
    expect(after.policyHash).not.toBe(hash);
    expect((await governor.metrics.expose()).body).toMatch(
      /governance_policy_update_failures_total 1/,
    );
  });

  it('that failed show in the status, and do not stop decisions', async () => {
    const root = await createWorkspace(undefined, 'grants: { watch: false }');
    const governor = await openGovernor(root);
    await writeFile(join(root, 'policy/tools/git.json'), '{ "tool": ');
    await governor.grants.reload();
    const { ready, problems, warnings } = governor.status();
    expect({ ready, problems }).toEqual({ ready: true, problems: [] });
    expect(warnings).toEqual([expect.stringMatching(/^POLICY_UPDATE_FAILED: .*git\.json/)]);
  });

  it('are seen whole by every decision made meanwhile', async () => {
    const grants = { git: GIT_GRANT, other: { ...GIT_GRANT, tool: 'other' } };
    const root = await createWorkspace(grants, 'grants: { watch: false }');
    const governor = await openGovernor(root);
    const both = (): string => {
      const snapshot = governor.grants.current();
      const ask = (tool: string) => snapshot.find(tool)?.action('tree') !== undefined;
      return `${ask('git-map')} ${ask('other')}`;
    };
    const seen = new Set<string>();
    for (let i = 0; i < 6; i += 1) {
      // Each version has the action in both grants, or in neither.
      const actions = i % 2 === 0 ? ['search', 'publish'] : ['tree', 'search', 'publish'];
      await writeGrant(root, 'git', { ...GIT_GRANT, actions });
      await writeGrant(root, 'other', { ...GIT_GRANT, tool: 'other', actions });
      let reloading = true;
      const reload = governor.grants.reload().finally(() => {
        reloading = false;
      });
      while (reloading) {
        seen.add(both());
        await new Promise((resolve) => setImmediate(resolve));
      }
      await reload;
      seen.add(both());
    }
    expect([...seen].sort()).toEqual(['false false', 'true true']);
  });

  it('keep the limits that were counted', async () => {
    const root = await createWorkspace(undefined, 'grants: { watch: false }');
    const governor = await openGovernor(root);
    for (let i = 0; i < 3; i += 1) governor.decide(call());
    await writeGrant(root, 'git', { ...GIT_GRANT, fsScope: ['docs', 'secrets'] });
    await governor.grants.reload();
    expect(governor.decide(call()).code).toBe('RATE_LIMITED');
  });

  it('are seen without a reload', async () => {
    const root = await createWorkspace();
    const governor = await openGovernor(root);
    await writeGrant(root, 'next', { ...GIT_GRANT, tool: 'next' });
    await rename(join(root, 'policy/tools/next.json'), join(root, 'policy/tools/other.json'));
    await vi.waitFor(() => expect(governor.grants.current().tools()).toContain('next'), {
      timeout: 10_000,
    });
    await rm(join(root, 'policy/tools/other.json'));
    await writeGrant(root, 'third', { ...GIT_GRANT, tool: 'third' });
    await vi.waitFor(() => expect(governor.grants.current().tools()).toContain('third'), {
      timeout: 10_000,
    });
  });
});

describe('metrics', () => {
  it('count decisions by result, stage and code', async () => {
    const governor = await openGovernor(await createWorkspace());
    governor.decide(call());
    governor.decide(call('../x'));
    const { body } = await governor.metrics.expose();
    expect(body).toMatch(/governance_decision_count\{.*code="ALLOWED".*\} 1/);
    expect(body).toMatch(
      /governance_decision_count\{.*stage="arguments".*code="PATH_OUT_OF_SCOPE".*\} 1/,
    );
    expect(body).toContain('process_cpu_seconds_total');
  });
});
