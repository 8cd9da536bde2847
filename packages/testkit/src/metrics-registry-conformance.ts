import { GovernanceError, type MetricSample, type MetricsRegistry } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExposedFamily, parseExposition } from './exposition.ts';

const UNLABELLED = { name: 'test_total', help: 'A test.', labelNames: [] };
const LABELLED = { name: 'test_labelled', help: 'A test.', labelNames: ['a', 'b'] };

function one(value: number): () => readonly MetricSample[] {
  return () => [{ labels: {}, value }];
}

async function scrape(registry: MetricsRegistry): Promise<ReadonlyMap<string, ExposedFamily>> {
  const { body, contentType } = await registry.expose();
  expect(contentType).toMatch(/^text\/plain; version=0\.0\.4; charset=utf-8$/);
  return parseExposition(body);
}

/**
 * The cases that every {@link MetricsRegistry} must pass. Call at the top level of a test file.
 * @param factory makes a registry that is new each time; metrics of its own are allowed.
 */
export function describeMetricsRegistry(name: string, factory: () => MetricsRegistry): void {
  describe(`${name} (MetricsRegistry)`, () => {
    describeReading(factory);
    describeLabels(factory);
    describeRefusals(factory);
    describeBadReads(factory);
    describeBuckets(factory);
    describeObservations(factory);
    describeHistogramRefusals(factory);
  });
}

function describeReading(factory: () => MetricsRegistry): void {
  it('reads counters and gauges when it is scraped, and only then', async () => {
    const registry = factory();
    let reads = 0;
    let total = 1;
    registry.counter(UNLABELLED, () => {
      reads += 1;
      return [{ labels: {}, value: total }];
    });
    registry.gauge({ ...UNLABELLED, name: 'test_gauge' }, () => [{ labels: {}, value: -total }]);
    expect(reads).toBe(0);
    for (const value of [1, 5, 5, 7]) {
      total = value;
      const families = await scrape(registry);
      expect(families.get('test_total')?.type).toBe('counter');
      expect(families.get('test_total')?.samples).toEqual([
        { name: 'test_total', labels: {}, value },
      ]);
      expect(families.get('test_gauge')?.type).toBe('gauge');
      expect(families.get('test_gauge')?.samples[0]?.value).toBe(-value);
    }
    expect(reads).toBe(4);
  });
}

function describeLabels(factory: () => MetricsRegistry): void {
  it('exposes any labels unchanged, and takes no two of them for one', async () => {
    const label = fc
      .string({ unit: 'grapheme', maxLength: 40 })
      .filter((text) => !/\p{Cc}/u.test(text));
    const tricky = fc.constantFrom(
      '',
      '\n',
      '"',
      '\\',
      '\\n',
      'a,b',
      '1,b:2',
      '}',
      '# HELP x',
      '{}',
    );
    const pair = fc.tuple(fc.oneof(label, tricky), fc.oneof(label, tricky));
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(pair, { selector: (pair) => JSON.stringify(pair) }),
        async (pairs) => {
          const registry = factory();
          const samples = pairs.map(([a, b], value) => ({ labels: { a, b }, value }));
          registry.gauge(LABELLED, () => samples);
          const family = (await scrape(registry)).get('test_labelled');
          expect(family?.samples.map(({ labels, value }) => ({ labels, value }))).toEqual(samples);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('forgets a series that is no longer read', async () => {
    const registry = factory();
    let samples: readonly MetricSample[] = [{ labels: { a: '1', b: '1' }, value: 1 }];
    registry.gauge(LABELLED, () => samples);
    expect((await scrape(registry)).get('test_labelled')?.samples).toHaveLength(1);
    samples = [];
    expect((await scrape(registry)).get('test_labelled')?.samples ?? []).toHaveLength(0);
  });

  it('answers scrapes at the same time alike', async () => {
    const registry = factory();
    registry.counter(UNLABELLED, one(3));
    const scrapes = await Promise.all([scrape(registry), scrape(registry), scrape(registry)]);
    for (const families of scrapes) expect(families.get('test_total')?.samples[0]?.value).toBe(3);
  });
}

function describeRefusals(factory: () => MetricsRegistry): void {
  it('refuses a second metric of one name with OPTIONS_INVALID', () => {
    const registry = factory();
    registry.counter(UNLABELLED, one(1));
    for (const again of [
      () => registry.counter(UNLABELLED, one(1)),
      () => registry.gauge(UNLABELLED, one(1)),
      () => registry.histogram(UNLABELLED, [1]),
    ]) {
      expect(again).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }));
      expect(again).toThrow(GovernanceError);
    }
  });

  it.each([
    ['a name with a hyphen', { ...UNLABELLED, name: 'test-total' }],
    ['an empty name', { ...UNLABELLED, name: '' }],
    ['a name with a newline', { ...UNLABELLED, name: 'test\n' }],
    ['an empty help', { ...UNLABELLED, help: '' }],
    ['a label name with a space', { ...UNLABELLED, labelNames: ['a b'] }],
    ['a label name twice', { ...UNLABELLED, labelNames: ['a', 'a'] }],
  ])('refuses %s with OPTIONS_INVALID', (_, definition) => {
    const invalid = expect.objectContaining({ code: 'OPTIONS_INVALID' });
    expect(() => factory().counter(definition, one(1))).toThrow(invalid);
    expect(() => factory().gauge(definition, one(1))).toThrow(invalid);
    expect(() => factory().histogram(definition, [1])).toThrow(invalid);
  });
}

function describeBadReads(factory: () => MetricsRegistry): void {
  it('exposes the other metrics when one cannot be read', async () => {
    const registry = factory();
    registry.counter({ ...UNLABELLED, name: 'test_bad_total' }, () => {
      throw new Error('unreadable');
    });
    registry.counter(UNLABELLED, one(3));
    const families = await scrape(registry);
    expect(families.get('test_bad_total')?.samples ?? []).toEqual([]);
    expect(families.get('test_total')?.samples[0]?.value).toBe(3);
  });

  it('stays valid when samples are not', async () => {
    const registry = factory();
    const bad: MetricSample[] = [
      { labels: { a: '1', b: '1' }, value: Number.NaN },
      { labels: { a: '2' }, value: 1 },
      { labels: { a: '3', b: '3', c: '3' }, value: 1 },
      { labels: { a: '4', b: '4' }, value: -1 },
      { labels: { a: '5', b: '5' }, value: 5 },
      { labels: { a: '5', b: '5' }, value: 6 },
    ];
    registry.counter(LABELLED, () => bad);
    const values = (await scrape(registry)).get('test_labelled')?.samples;
    expect(values?.map(({ labels, value }) => ({ labels, value }))).toEqual([
      { labels: { a: '5', b: '5' }, value: 5 },
    ]);
  });
}

function describeBuckets(factory: () => MetricsRegistry): void {
  it('counts each observation in every bucket at or above it', async () => {
    const observations = fc.array(fc.double({ min: -10, max: 10, noNaN: true }));
    await fc.assert(
      fc.asyncProperty(observations, async (values) => {
        const registry = factory();
        const bounds = [-1, 0, 0.5, 2];
        const histogram = registry.histogram({ ...LABELLED, name: 'test_seconds' }, bounds);
        for (const value of values) histogram.observe({ a: 'x', b: 'y' }, value);
        const samples = (await scrape(registry)).get('test_seconds')?.samples ?? [];
        const read = (name: string, le?: string) =>
          samples.find((s) => s.name === `test_seconds_${name}` && s.labels['le'] === le)?.value ??
          0;
        expect(read('count')).toBe(values.length);
        expect(read('sum')).toBeCloseTo(
          values.reduce((sum, value) => sum + value, 0),
          6,
        );
        for (const bound of bounds) {
          expect(read('bucket', String(bound))).toBe(values.filter((v) => v <= bound).length);
        }
        expect(read('bucket', '+Inf')).toBe(values.length);
      }),
      { numRuns: 50 },
    );
  });
}

function describeObservations(factory: () => MetricsRegistry): void {
  it('keeps series apart whatever their labels hold', async () => {
    const registry = factory();
    const histogram = registry.histogram(LABELLED, [1]);
    histogram.observe({ a: '1,b:2', b: '3' }, 0.5);
    histogram.observe({ a: '1', b: '2,b:3' }, 0.5);
    histogram.observe({ b: '2,b:3', a: '1' }, 0.5);
    for (const separator of [',', ';', ':', ' ', '|', '\n', '"', '\ufffd']) {
      histogram.observe({ a: `1${separator}2`, b: '3' }, 0.5);
      histogram.observe({ a: '1', b: `2${separator}3` }, 0.5);
    }
    const samples = (await scrape(registry)).get('test_labelled')?.samples ?? [];
    const counts = samples.filter(({ name }) => name === 'test_labelled_count');
    expect(counts.map(({ value }) => value).sort()).toEqual([...new Array(17).fill(1), 2]);
  });

  it('does not throw on an observation that it cannot take, and does not count it', async () => {
    const registry = factory();
    const histogram = registry.histogram(LABELLED, [1]);
    histogram.observe({ a: '1', b: '1' }, Number.NaN);
    histogram.observe({ a: '1', b: '1' }, Number.POSITIVE_INFINITY);
    histogram.observe({ a: '1' }, 1);
    histogram.observe({ a: '1', b: '1', c: '1' }, 1);
    expect((await scrape(registry)).get('test_labelled')?.samples ?? []).toEqual([]);
  });
}

function describeHistogramRefusals(factory: () => MetricsRegistry): void {
  it.each([
    ['none', []],
    ['falling', [2, 1]],
    ['equal', [1, 1]],
    ['not a number', [Number.NaN]],
    ['infinite', [1, Number.POSITIVE_INFINITY]],
  ])('refuses buckets that are %s with OPTIONS_INVALID', (_, buckets) => {
    expect(() => factory().histogram(UNLABELLED, buckets)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  });

  it('refuses a histogram with a label named le', () => {
    expect(() => factory().histogram({ ...UNLABELLED, labelNames: ['le'] }, [1])).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
  });

  it('refuses a metric whose name a histogram already uses for its samples', () => {
    const registry = factory();
    registry.histogram({ ...UNLABELLED, name: 'test_seconds' }, [1]);
    for (const suffix of ['_bucket', '_sum', '_count']) {
      const definition = { ...UNLABELLED, name: `test_seconds${suffix}` };
      expect(() => registry.counter(definition, one(1))).toThrow(
        expect.objectContaining({ code: 'OPTIONS_INVALID' }),
      );
    }
  });
}
