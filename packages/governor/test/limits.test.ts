import { LIMITER_UNAVAILABLE, type RateLimiter } from '@cortex-governance/core';
import { readEvidence } from '@cortex-governance/evidence-writer';
import { createRateLimiter } from '@cortex-governance/rate-limiter';
import { describe, expect, it } from 'vitest';
import { createGovernor, type Governor } from '../src/index.ts';
import { call, createWorkspace, GIT_GRANT, openGovernor } from './workspace.ts';

const RATE = {
  perMinute: 100,
  tokens: { perMinute: 1000, perCall: 400 },
  concurrency: { limit: 1, leaseSeconds: 60 },
};

async function openLimited(rate: object, options = {}): Promise<Governor> {
  const root = await createWorkspace({ git: { ...GIT_GRANT, rate } });
  return openGovernor(root, options);
}

describe('limits that are settled', () => {
  it('keep a place and a budget until the call is settled, and record what it used', async () => {
    const governor = await openLimited(RATE);
    const first = governor.decide(call());
    expect(first.code).toBe('ALLOWED');
    expect(governor.reservedBy(first)).toBe('default');
    expect(governor.decide(call())).toMatchObject({ code: 'RATE_LIMITED', stage: 'limits' });
    expect(governor.settle(first, { tokens: 150 })).toBe(true);
    expect(governor.settle(first, { tokens: 150 })).toBe(false);
    expect(governor.cancel(first.id)).toBe(false);
    expect(governor.reservedBy(first)).toBeUndefined();
    const tokens = governor.limits(call()).find(({ unit }) => unit === 'tokens');
    expect(tokens).toMatchObject({ name: 'tokens-60', limit: 1000, remaining: 850 });
    expect(governor.decide(call()).code).toBe('ALLOWED');
    await governor.close();
    const usage = [];
    for await (const record of readEvidence(governor.evidence.status().dir)) {
      if (record.kind === 'event' && record.type === 'usage') usage.push(record.properties);
    }
    expect(usage).toEqual([{ decision: first.id, tokens: 150 }]);
  });

  it('are settled as reserved, and recorded without, where a usage is no amount', async () => {
    const governor = await openLimited({ ...RATE, tokens: { perMinute: 10_000, perCall: 400 } });
    let reads = 0;
    const thrower = {
      get tokens(): number {
        throw new Error('hostile');
      },
      cost: 7,
    };
    const turncoat = {
      get tokens(): number {
        reads += 1;
        return reads === 1 ? 1 : 1e12;
      },
    };
    const usages: readonly unknown[] = [
      ...[null, 5, {}, { tokens: Number.NaN }, { tokens: -5 }, { tokens: '900' }, { tokens: 1n }],
      ...[thrower, turncoat],
    ];
    for (const usage of usages) {
      expect(governor.settle(governor.decide(call()), usage as never)).toBe(true);
    }
    const tokens = governor.limits(call()).find(({ unit }) => unit === 'tokens');
    expect(tokens?.remaining).toBe(10_000 - 8 * 400 - 1);
    await governor.close();
    const recorded = [];
    for await (const record of readEvidence(governor.evidence.status().dir)) {
      if (record.kind === 'event' && record.type === 'usage') recorded.push(record.properties);
    }
    expect(recorded).toMatchObject([{ cost: 7 }, { tokens: 1 }]);
  });

  it('are given back for a call that is cancelled, and for one that is denied after all', async () => {
    const governor = await openLimited(RATE);
    const first = await governor.evaluate(call());
    expect(governor.cancel(first)).toBe(true);
    expect(governor.limits(call()).every(({ limit, remaining }) => limit === remaining)).toBe(true);
    const asked = governor.evaluate(call(), { durability: 'disk' });
    await governor.killSwitch.engage({ scope: 'global', actor: 'op', reason: 'test' });
    expect((await asked).code).toBe('KILLED_GLOBAL');
    expect(governor.limits(call()).every(({ limit, remaining }) => limit === remaining)).toBe(true);
  });

  it('are given back when enforce cannot meet an obligation', async () => {
    const obligations = [{ id: 'o', type: 'redact' }];
    const policy = { evaluate: () => ({ effect: 'allow' as const, obligations, reason: '' }) };
    const governor = await openLimited(RATE, { policy });
    expect(() => governor.enforce(call())).toThrow('obligation');
    expect(governor.limits(call()).every(({ limit, remaining }) => limit === remaining)).toBe(true);
  });

  it('have no state for what is not limited or not well formed', async () => {
    const governor = await openLimited(RATE);
    expect(governor.limits(call('docs/a.md', { action: 'nope' }))).toEqual([]);
    expect(governor.limits({} as never)).toEqual([]);
    expect(governor.settle('no such id')).toBe(false);
    expect(governor.limits(call()).map(({ name }) => name)).toEqual([
      'calls-60',
      'tokens-60',
      'concurrency',
    ]);
  });
});

describe('the limiter of a governor', () => {
  it('shows in the metrics what it holds', async () => {
    const governor = await openLimited(RATE);
    const first = governor.decide({ ...call(), callId: 'c-1' });
    const { body } = await governor.metrics.expose();
    expect(body).toMatch(/^governance_limiter_reservations 1$/m);
    expect(body).toMatch(/^governance_limiter_call_ids 1$/m);
    expect(body).toMatch(/^governance_limiter_refused_total\{reason="full"\} 0$/m);
    expect(body).not.toMatch(/^governance_limiter_store_available /m);
    governor.settle(first, {});
    expect((await governor.metrics.expose()).body).toMatch(/^governance_limiter_reservations 0$/m);
  });

  it('can be given, and is asked to prepare before evaluate decides', async () => {
    const inner = createRateLimiter();
    const prepared: string[] = [];
    const limiter: RateLimiter = {
      take: (rule, request, id, nowMs) =>
        prepared.length === 0 ? LIMITER_UNAVAILABLE : inner.take(rule, request, id, nowMs),
      prepare: async (_rule, { tenant }) => {
        prepared.push(tenant);
      },
      settle: (id, usage, nowMs) => inner.settle(id, usage, nowMs),
      cancel: (id, nowMs) => inner.cancel(id, nowMs),
      reservedBy: (id) => inner.reservedBy(id),
      inspect: (rule, request, nowMs) => inner.inspect(rule, request, nowMs),
      get notice() {
        return prepared.length === 0 ? 'lease pending' : '';
      },
      size: () => inner.size(),
      close: () => inner.close(),
    };
    const governor = await openLimited({ perMinute: 5 }, { limiter });
    expect(governor.decide(call())).toMatchObject({
      code: 'LIMITER_UNAVAILABLE',
      reason: 'the limit store cannot be reached: lease pending',
    });
    expect((await governor.evaluate(call())).code).toBe('ALLOWED');
    expect(prepared).toEqual(['default']);
  });

  it.each([
    ['two addresses', 'url: redis://localhost, urlEnv: X', /one of them/],
    ['no address', 'failMode: open', /one of them/],
    ['another protocol', 'url: "http://localhost"', /limiter\.redis\.url/],
    ['a share without local', 'url: redis://localhost, localShare: 0.5', /localShare/],
    ['local without a share', 'url: redis://localhost, failMode: local', /localShare/],
    ['a variable that is not set', 'urlEnv: NO_SUCH_VARIABLE_HERE', /NO_SUCH_VARIABLE_HERE/],
  ])('does not start with %s for the store', async (_what, redis, message) => {
    const root = await createWorkspace(undefined, `limiter: { redis: { ${redis} } }`);
    await expect(createGovernor({ root })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('starts without its store, says so in each verdict, and does as failMode says', async () => {
    for (const [failMode, code, notice] of [
      ['failMode: closed', 'LIMITER_UNAVAILABLE', /cannot be reached/],
      ['failMode: open', 'ALLOWED', /allowed: limit store unavailable: open/],
      [
        'failMode: local, localShare: 0.5',
        'ALLOWED',
        /allowed: limit store unavailable: local share/,
      ],
    ] as const) {
      const config = `limiter: { redis: { url: "redis://127.0.0.1:1", timeoutMs: 50, ${failMode} } }`;
      const governor = await openGovernor(await createWorkspace(undefined, config));
      const verdict = await governor.evaluate(call());
      expect(verdict.code, failMode).toBe(code);
      expect(verdict.reason).toMatch(notice);
      const { body } = await governor.metrics.expose();
      expect(body).toMatch(/^governance_limiter_store_available 0$/m);
      expect(body).toMatch(/^governance_limiter_without_store_total\{reason="unavailable"\} 1$/m);
      await governor.close();
    }
  });
});
