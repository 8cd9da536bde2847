import {
  createVerdict,
  DecisionCounters,
  type EvidenceStatus,
  type GrantIndexStatus,
  type GrantReload,
  type KillSwitchStatus,
  type MetricDefinition,
  type MetricsRegistry,
} from '@cortex-governance/core';
import { parseExposition } from '@cortex-governance/testkit';
import { describe, expect, it } from 'vitest';
import {
  createMetricsRegistry,
  createRequestMetrics,
  METRICS,
  type MeasuredLimiter,
  registerDecisionMetrics,
  registerEvidenceMetrics,
  registerEvidenceTierMetrics,
  registerKillSwitchMetrics,
  registerLimiterMetrics,
  registerLogMetrics,
  registerPolicyMetrics,
  registerTenantMetrics,
} from '../src/index.ts';

const HASH = 'a'.repeat(64);

const policy: GrantIndexStatus = {
  policyHash: HASH,
  epoch: 3,
  grants: 12,
  loadedAt: '2026-01-01T00:00:00.500Z',
  problems: ['one', 'two'],
};

const evidence: EvidenceStatus = {
  healthy: true,
  problem: '',
  dir: '/evidence',
  origin: 'test',
  queuedRecords: 4,
  queuedBytes: 512,
  oldestQueuedMs: 1_500,
  records: 100,
  checkpointed: 96,
  uncheckpointedMs: 250,
  drops: { queue_full: 1, record_too_large: 2, record_invalid: 3, writer_failed: 4, closed: 5 },
};

const killSwitch: KillSwitchStatus = {
  readable: true,
  problem: '',
  version: 9,
  entries: [
    { scope: 'tool', tool: 'a', actor: 'x', reason: 'y', at: '2026-01-01T00:00:00.000Z' },
    { scope: 'tool', tool: 'b', actor: 'x', reason: 'y', at: '2026-01-01T00:00:00.000Z' },
    { scope: 'tenant', tenant: 'c', actor: 'x', reason: 'y', at: '2026-01-01T00:00:00.000Z' },
  ],
};

const tenants = {
  missingContext: 7,
  fallbacks: 2,
  keysUnavailable: 1,
  denied: { TENANT_MISSING: 7, TENANT_UNKNOWN: 3 },
};

const limiter = {
  size: () => 42,
  stats: () => ({
    slots: 84,
    evictions: 3,
    refusedFull: 2,
    refusedInvalidRule: 0,
    reservations: 5,
    callIds: 11,
    storeAvailable: false,
    takenWithoutStore: 17,
    leasePending: 4,
    retries: 19,
  }),
};

interface Sources {
  readonly counters: DecisionCounters;
  readonly reload: (ok: boolean) => void;
  readonly stop: () => void;
}

/** Registers every family there is. */
const tier = { healthy: true, behindRecords: 7, behindMs: 2_500, taken: 900, failures: 3 };

function registerAll(registry: MetricsRegistry): Sources {
  const counters = new DecisionCounters();
  let listener: ((reload: GrantReload) => void) | null = null;
  registerDecisionMetrics(registry, counters);
  createRequestMetrics(registry).observe({
    method: 'POST',
    route: '/access/v1/evaluation',
    statusCode: 200,
    durationSeconds: 0.0007,
  });
  registerTenantMetrics(registry, { counters: () => tenants });
  const stop = registerPolicyMetrics(registry, {
    status: () => policy,
    onReload: (added) => {
      listener = added;
      return () => {
        listener = null;
      };
    },
  });
  registerEvidenceMetrics(registry, {
    status: () => evidence,
    onGroup: (told) => {
      told({ records: 60, bytes: 36_000, syncMs: 3 });
      return () => {};
    },
  });
  registerEvidenceTierMetrics(registry, [
    { status: () => ({ ...tier, tier: 'warm' }) },
    { status: () => ({ ...tier, tier: 'cold', healthy: false }) },
  ]);
  registerKillSwitchMetrics(registry, { status: () => killSwitch });
  registerLimiterMetrics(registry, limiter);
  registerLogMetrics(registry, { dropped: 6 });
  const reload = (ok: boolean) =>
    listener?.({ ok, changed: ok, policyHash: HASH, problems: ok ? [] : ['bad'] });
  return { counters, reload, stop };
}

async function exposed(prepare: (sources: Sources) => void = () => {}) {
  const registry = createMetricsRegistry({ processMetrics: false });
  prepare(registerAll(registry));
  return parseExposition((await registry.expose()).body);
}

async function linesOf(name: string, prepare?: (sources: Sources) => void): Promise<unknown[]> {
  const family = (await exposed(prepare)).get(name);
  return (family?.samples ?? []).map(({ labels, value }) => [...Object.values(labels), value]);
}

describe('METRICS', () => {
  it('has every metric that is registered, as it is registered, and no other', () => {
    const registered: MetricDefinition[] = [];
    const note = (type: string) => (definition: MetricDefinition, extra: unknown) => {
      const { name, help, labelNames } = definition;
      const buckets = Array.isArray(extra) ? { buckets: extra } : {};
      registered.push({ name, help, labelNames, ...{ type, ...buckets } });
      return { observe: () => {} };
    };
    registerAll({
      counter: note('counter'),
      gauge: note('gauge'),
      histogram: note('histogram'),
      expose: () => Promise.reject(new Error('not asked for')),
    });
    const own = METRICS.filter(({ name }) => name.startsWith('governance_metrics_'));
    expect(own).toHaveLength(2);
    const byName = (a: MetricDefinition, b: MetricDefinition) => (a.name < b.name ? -1 : 1);
    expect([...registered, ...own].sort(byName)).toEqual([...METRICS].sort(byName));
  });

  it('is what a scrape shows, with the same types and help', async () => {
    const families = [...(await exposed()).values()];
    const shown = families.map(({ name, type, help }) => ({ name, type, help }));
    expect(new Set(shown.map(({ name }) => name))).toEqual(new Set(METRICS.map((m) => m.name)));
    expect(shown).toEqual(
      expect.arrayContaining(METRICS.map(({ name, type, help }) => ({ name, type, help }))),
    );
  });

  it('has names, units and texts by the conventions', () => {
    for (const { name, type, help, labelNames } of METRICS) {
      expect(name).toMatch(/^(governance|security|http)_[a-z_]+$/);
      expect(help).toMatch(/^(?:[A-Z]|1 ).*\.$/);
      for (const label of labelNames) expect(label).toMatch(/^[a-z_]+$/);
      // The operators' name is older than the convention.
      const counted = name.endsWith('_total') || name === 'governance_decision_count';
      expect(counted, name).toBe(type === 'counter');
    }
  });

  it('cannot be changed', () => {
    expect(Object.isFrozen(METRICS)).toBe(true);
  });
});

describe('families', () => {
  it('show decisions by result, stage, code and shadow', async () => {
    const lines = await linesOf('governance_decision_count', ({ counters }) => {
      counters.count(createVerdict('1', 'ALLOWED', 'evidence', HASH));
      counters.count(createVerdict('2', 'ALLOWED', 'evidence', HASH));
      counters.count(createVerdict('3', 'TOOL_UNKNOWN', 'grant', HASH));
      counters.count(createVerdict('4', 'RATE_LIMITED', 'limits', HASH, '', 5, [], true));
    });
    expect(lines).toEqual([
      ['allow', 'evidence', 'ALLOWED', 'false', 2],
      ['deny', 'grant', 'TOOL_UNKNOWN', 'false', 1],
      ['allow', 'limits', 'RATE_LIMITED', 'true', 1],
    ]);
  });

  it('show durations under the name that operators use', async () => {
    const family = (await exposed()).get('http_request_duration_seconds');
    const labels = {
      middleware: 'governance',
      method: 'POST',
      route: '/access/v1/evaluation',
      status_code: '200',
    };
    const read = (suffix: string, more: object = {}) =>
      family?.samples.find(
        (sample) =>
          sample.name === `http_request_duration_seconds_${suffix}` &&
          JSON.stringify(sample.labels) === JSON.stringify({ ...labels, ...more }),
      )?.value;
    expect(read('count')).toBe(1);
    expect(read('sum')).toBe(0.0007);
    expect(read('bucket', { le: '0.0005' })).toBe(0);
    expect(read('bucket', { le: '0.001' })).toBe(1);
    expect(read('bucket', { le: '+Inf' })).toBe(1);
  });

  it('count methods that HTTP does not define as one', async () => {
    const registry = createMetricsRegistry({ processMetrics: false });
    const requests = createRequestMetrics(registry);
    for (const method of ['BREW', 'get', 'x'.repeat(5000), '']) {
      requests.observe({ method, route: '/', statusCode: 405, durationSeconds: 0.1 });
    }
    const family = parseExposition((await registry.expose()).body).get(
      'http_request_duration_seconds',
    );
    const counts = family?.samples.filter(({ name }) => name.endsWith('_count'));
    expect(counts?.map(({ labels, value }) => [labels['method'], value])).toEqual([['OTHER', 4]]);
  });

  it('show the tenant guard', async () => {
    expect(await linesOf('security_tenant_missing_context_total')).toEqual([[7]]);
    expect(await linesOf('governance_tenant_fallbacks_total')).toEqual([[2]]);
    expect(await linesOf('governance_tenant_keys_unavailable_total')).toEqual([[1]]);
    expect(await linesOf('governance_tenant_denied_total')).toEqual([
      ['TENANT_MISSING', 7],
      ['TENANT_UNKNOWN', 3],
    ]);
  });

  it('show the policy, and count reloads that fail until told to stop', async () => {
    expect(await linesOf('governance_policy_info')).toEqual([[HASH, 1]]);
    expect(await linesOf('governance_policy_epoch')).toEqual([[3]]);
    expect(await linesOf('governance_policy_grants')).toEqual([[12]]);
    expect(await linesOf('governance_policy_problems')).toEqual([[2]]);
    expect(await linesOf('governance_policy_loaded_timestamp_seconds')).toEqual([[1767225600.5]]);
    const failures = 'governance_policy_update_failures_total';
    expect(await linesOf(failures)).toEqual([[0]]);
    expect(
      await linesOf(failures, ({ reload, stop }) => {
        for (const ok of [false, true, false]) reload(ok);
        stop();
        reload(false);
      }),
    ).toEqual([[2]]);
  });

  it('show how many records were written together, and how long the device took', async () => {
    const lines = async (name: string) =>
      (await exposed()).get(name)?.samples.map(({ labels, value }) => [labels['le'], value]);
    const batches = await lines('governance_evidence_batch_records');
    expect(batches).toContainEqual(['50', 0]);
    expect(batches).toContainEqual(['100', 1]);
    const syncs = await lines('governance_evidence_sync_duration_seconds');
    expect(syncs).toContainEqual(['0.0025', 0]);
    expect(syncs).toContainEqual(['0.005', 1]);
  });

  it('show evidence', async () => {
    expect(await linesOf('governance_evidence_healthy')).toEqual([[1]]);
    expect(await linesOf('governance_evidence_queue_records')).toEqual([[4]]);
    expect(await linesOf('governance_evidence_queue_bytes')).toEqual([[512]]);
    expect(await linesOf('governance_evidence_queue_age_seconds')).toEqual([[1.5]]);
    expect(await linesOf('governance_evidence_checkpoint_lag_seconds')).toEqual([[0.25]]);
    expect(await linesOf('governance_evidence_records')).toEqual([[100]]);
    expect(await linesOf('governance_evidence_checkpointed_records')).toEqual([[96]]);
    expect(await linesOf('governance_evidence_dropped_total')).toEqual([
      ['queue_full', 1],
      ['record_too_large', 2],
      ['record_invalid', 3],
      ['writer_failed', 4],
      ['closed', 5],
    ]);
  });

  it('show each tier of the evidence', async () => {
    const lines = (name: string) => linesOf(`governance_evidence_tier_${name}`);
    expect(await lines('up')).toEqual([
      ['warm', 1],
      ['cold', 0],
    ]);
    expect((await lines('behind_records'))[0]).toEqual(['warm', 7]);
    expect((await lines('behind_seconds'))[0]).toEqual(['warm', 2.5]);
    expect((await lines('records_total'))[0]).toEqual(['warm', 900]);
    expect((await lines('failures_total'))[0]).toEqual(['warm', 3]);
  });

  it('show every scope of the kill switch', async () => {
    expect(await linesOf('governance_kill_switch_stops')).toEqual([
      ['global', 0],
      ['tenant', 1],
      ['agent', 0],
      ['tool', 2],
      ['action', 0],
    ]);
    expect(await linesOf('governance_kill_switch_readable')).toEqual([[1]]);
    expect(await linesOf('governance_kill_switch_version')).toEqual([[9]]);
  });

  it('show the limiter and the log', async () => {
    expect(await linesOf('governance_limiter_keys')).toEqual([[42]]);
    expect(await linesOf('governance_log_lines_dropped_total')).toEqual([[6]]);
  });

  it('show what the limiter holds and refuses, and how its store is', async () => {
    expect(await linesOf('governance_limiter_slots')).toEqual([[84]]);
    expect(await linesOf('governance_limiter_evictions_total')).toEqual([[3]]);
    expect(await linesOf('governance_limiter_refused_total')).toEqual([
      ['full', 2],
      ['invalid_rule', 0],
    ]);
    expect(await linesOf('governance_limiter_reservations')).toEqual([[5]]);
    expect(await linesOf('governance_limiter_call_ids')).toEqual([[11]]);
    expect(await linesOf('governance_limiter_store_available')).toEqual([[0]]);
    expect(await linesOf('governance_limiter_without_store_total')).toEqual([
      ['unavailable', 17],
      ['lease_pending', 4],
    ]);
    expect(await linesOf('governance_limiter_shared_retries_total')).toEqual([[19]]);
  });

  it('show of a limiter only what it knows', async () => {
    const shown = async (measured: MeasuredLimiter): Promise<string[]> => {
      const registry = createMetricsRegistry({ processMetrics: false });
      registerLimiterMetrics(registry, measured);
      const families = parseExposition((await registry.expose()).body);
      return [...families]
        .filter(([name, { samples }]) => name.includes('_limiter_') && samples.length > 0)
        .map(([name]) => name);
    };
    expect(await shown({ size: () => 1 })).toEqual(['governance_limiter_keys']);
    expect(await shown({ size: () => 1, stats: () => ({ evictions: 0 }) })).toEqual([
      'governance_limiter_keys',
      'governance_limiter_evictions_total',
    ]);
  });

  it('keep the others when a part cannot say where it stands', async () => {
    const registry = createMetricsRegistry({ processMetrics: false });
    registerEvidenceMetrics(registry, {
      status: () => {
        throw new Error('closed');
      },
      onGroup: () => () => {},
    });
    registerLimiterMetrics(registry, { size: () => 1 });
    const families = parseExposition((await registry.expose()).body);
    expect(families.get('governance_limiter_keys')?.samples[0]?.value).toBe(1);
    expect(families.get('governance_metrics_read_failures_total')?.samples).toHaveLength(8);
  });
});
