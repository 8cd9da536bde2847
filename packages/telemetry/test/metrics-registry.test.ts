import type { MetricSample, MetricsRegistry } from '@cortex-governance/core';
import { type ExposedFamily, parseExposition } from '@cortex-governance/testkit';
import { register } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createMetricsRegistry, type MetricsRegistryOptions } from '../src/index.ts';
import { TestLogger } from './test-logger.ts';

const TOTAL = { name: 'test_total', help: 'A test.', labelNames: ['id'] };
const DROPPED = 'governance_metrics_dropped_series_total';
const FAILURES = 'governance_metrics_read_failures_total';

function quiet(options: MetricsRegistryOptions = {}): MetricsRegistry {
  return createMetricsRegistry({ processMetrics: false, ...options });
}

async function scrape(registry: MetricsRegistry): Promise<ReadonlyMap<string, ExposedFamily>> {
  return parseExposition((await registry.expose()).body);
}

function* series(count: number): Generator<MetricSample> {
  for (let id = 0; id < count; id += 1) yield { labels: { id: String(id) }, value: id };
}

function values(family: ExposedFamily | undefined): unknown[] {
  return (family?.samples ?? []).map(({ labels, value }) => [...Object.values(labels), value]);
}

describe('process metrics', () => {
  it('are there unless switched off, and valid in two scrapes without a turn between', async () => {
    const registry = createMetricsRegistry();
    const scrapes = [await scrape(registry), await scrape(registry), await scrape(registry)];
    for (const families of scrapes) {
      for (const name of ['process_cpu_seconds_total', 'nodejs_version_info']) {
        expect(families.get(name)?.samples).toHaveLength(1);
      }
      expect(families.get('nodejs_gc_duration_seconds')?.type).toBe('histogram');
    }
    expect([...(await scrape(quiet())).keys()]).toEqual([DROPPED, FAILURES]);
  });

  it('keep their names', () => {
    const registry = createMetricsRegistry();
    for (const name of ['nodejs_version_info', 'nodejs_gc_duration_seconds_sum']) {
      expect(() => registry.gauge({ ...TOTAL, name }, () => [])).toThrow(
        expect.objectContaining({ code: 'OPTIONS_INVALID' }),
      );
    }
  });

  it('stay out of the registry that a process shares', () => {
    createMetricsRegistry().counter(TOTAL, () => series(1));
    expect(register.getMetricsAsArray()).toEqual([]);
  });
});

describe('the bound on series', () => {
  it('drops what is beyond it, counts it, and logs it once', async () => {
    const logger = new TestLogger();
    const registry = quiet({ maxSeriesPerMetric: 3, logger });
    registry.counter(TOTAL, () => series(5));
    const first = await scrape(registry);
    expect(values(first.get('test_total'))).toEqual([
      ['0', 0],
      ['1', 1],
      ['2', 2],
    ]);
    expect(values(first.get(DROPPED))).toEqual([['test_total', 'limit', 2]]);
    expect(values((await scrape(registry)).get(DROPPED))).toEqual([['test_total', 'limit', 4]]);
    expect(logger.lines).toEqual([
      {
        level: 'warn',
        event: 'METRIC_SAMPLES_DROPPED',
        fields: { metric: 'test_total', reason: 'limit' },
      },
    ]);
  });

  it('ends a reader that never ends', async () => {
    const registry = quiet({ maxSeriesPerMetric: 10 });
    registry.gauge(TOTAL, () => series(Number.POSITIVE_INFINITY));
    const families = await scrape(registry);
    expect(families.get('test_total')?.samples).toHaveLength(10);
    expect(values(families.get(DROPPED))).toEqual([['test_total', 'limit', 10]]);
  });

  it('holds for histograms, whose known series go on', async () => {
    const registry = quiet({ maxSeriesPerMetric: 2 });
    const histogram = registry.histogram(TOTAL, [1]);
    for (const id of ['a', 'b', 'c', 'a', 'd']) histogram.observe({ id }, 0.5);
    const families = await scrape(registry);
    const counts = families
      .get('test_total')
      ?.samples.filter(({ name }) => name.endsWith('_count'));
    expect(counts?.map(({ labels, value }) => [labels['id'], value])).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
    expect(values(families.get(DROPPED))).toEqual([['test_total', 'limit', 2]]);
  });

  it('is 10,000 by default', async () => {
    const registry = quiet();
    registry.counter(TOTAL, () => series(10_001));
    const families = await scrape(registry);
    expect(families.get('test_total')?.samples).toHaveLength(10_000);
    expect(values(families.get(DROPPED))).toEqual([['test_total', 'limit', 1]]);
  });
});

describe('samples that cannot be exposed', () => {
  it('are counted by reason', async () => {
    const registry = quiet();
    registry.counter(TOTAL, () => [
      { labels: { id: 'a' }, value: 1 },
      { labels: { id: 'a' }, value: 2 },
      { labels: { id: 'b' }, value: Number.POSITIVE_INFINITY },
      { labels: { id: 'c' }, value: '7' as never },
      { labels: { id: 7 as never }, value: 7 },
      { labels: { id: 'x'.repeat(1025) }, value: 7 },
      { labels: { toString: 'x' }, value: 7 } as never,
    ]);
    const families = await scrape(registry);
    expect(values(families.get('test_total'))).toEqual([['a', 1]]);
    expect(values(families.get(DROPPED))).toEqual([
      ['test_total', 'duplicate', 1],
      ['test_total', 'invalid', 5],
    ]);
  });

  it('do not include infinite gauges', async () => {
    const registry = quiet();
    registry.gauge(TOTAL, () => [
      { labels: { id: 'a' }, value: Number.NEGATIVE_INFINITY },
      { labels: { id: 'b' }, value: Number.POSITIVE_INFINITY },
      { labels: { id: 'c' }, value: Number.NaN },
    ]);
    expect(values((await scrape(registry)).get('test_total'))).toEqual([
      ['a', -Infinity],
      ['b', Infinity],
    ]);
  });

  it('are one series of a histogram when they are exposed alike', async () => {
    const registry = quiet();
    const histogram = registry.histogram(TOTAL, [1]);
    for (const id of ['a\u0000', 'a\u0001', 'a\ufffd', 'a\u0000']) histogram.observe({ id }, 0.5);
    const lines = (await scrape(registry)).get('test_total')?.samples ?? [];
    expect(lines.find(({ name }) => name === 'test_total_count')).toEqual({
      name: 'test_total_count',
      labels: { id: 'a\ufffd' },
      value: 4,
    });
  });

  it('do not include label values that the format cannot carry: those are changed', async () => {
    const registry = quiet();
    registry.gauge(TOTAL, () => [{ labels: { id: 'a\u0000\r\n\ud800\u009b' }, value: 1 }]);
    expect(values((await scrape(registry)).get('test_total'))).toEqual([
      ['a\ufffd\ufffd\n\ufffd\ufffd', 1],
    ]);
  });
});

describe('a metric that cannot be read', () => {
  it('is left out, counted in the same scrape, and logged when it begins to fail', async () => {
    const logger = new TestLogger();
    const registry = quiet({ logger });
    let broken = true;
    const fault = new Error('unreadable');
    registry.gauge(TOTAL, () => {
      if (broken) throw fault;
      return series(1);
    });
    registry.gauge({ ...TOTAL, name: 'test_half' }, function* () {
      yield { labels: { id: 'a' }, value: 1 };
      if (broken) throw fault;
    });
    for (const failures of [1, 2]) {
      const families = await scrape(registry);
      expect(families.has('test_total')).toBe(false);
      expect(families.has('test_half')).toBe(false);
      expect(values(families.get(FAILURES))).toEqual([
        ['test_total', failures],
        ['test_half', failures],
      ]);
    }
    expect(logger.lines).toEqual([
      {
        level: 'error',
        event: 'METRIC_READ_FAILED',
        fields: { metric: 'test_total', error: fault },
      },
      {
        level: 'error',
        event: 'METRIC_READ_FAILED',
        fields: { metric: 'test_half', error: fault },
      },
    ]);
    broken = false;
    expect(values((await scrape(registry)).get('test_total'))).toEqual([['0', 0]]);
    broken = true;
    await scrape(registry);
    expect(logger.lines).toHaveLength(4);
  });

  it('may yield nothing that can be read at all', async () => {
    const registry = quiet();
    registry.gauge(TOTAL, () => undefined as never);
    registry.gauge({ ...TOTAL, name: 'test_null' }, () => [null as never]);
    expect(values((await scrape(registry)).get(FAILURES))).toEqual([
      ['test_total', 1],
      ['test_null', 1],
    ]);
  });
});

describe('options and definitions', () => {
  it.each([
    { maxSeriesPerMetric: 0 },
    { maxSeriesPerMetric: 1.5 },
    { processMetrics: 'no' },
    { logger: {} },
    { prefix: 'x' },
  ])('refuses %j', (options) => {
    expect(() => createMetricsRegistry(options as never)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  });

  it.each(['__proto__', '__reserved', 'constructor', 'toString', 'a:b', DROPPED])(
    'refuses a metric named %s',
    (name) => {
      expect(() => quiet().gauge({ ...TOTAL, name }, () => [])).toThrow(
        expect.objectContaining({ code: 'OPTIONS_INVALID' }),
      );
    },
  );

  it('refuses a histogram whose lines have a name that is taken', () => {
    const registry = quiet();
    registry.counter({ ...TOTAL, name: 'test_seconds_count' }, () => []);
    expect(() => registry.histogram({ ...TOTAL, name: 'test_seconds' }, [1])).toThrow(
      /test_seconds_count is there already/,
    );
  });

  it('does not change when the caller changes what it gave', async () => {
    const registry = quiet();
    const labelNames = ['id'];
    const buckets = [1, 2];
    const histogram = registry.histogram({ ...TOTAL, labelNames }, buckets);
    labelNames.push('other');
    buckets[0] = 5;
    histogram.observe({ id: 'a' }, 1.5);
    const lines = (await scrape(registry)).get('test_total')?.samples ?? [];
    expect(lines.slice(0, 3).map(({ labels, value }) => [labels['le'], value])).toEqual([
      ['1', 0],
      ['2', 1],
      ['+Inf', 1],
    ]);
  });
});
