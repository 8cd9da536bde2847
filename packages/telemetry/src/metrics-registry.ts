import {
  GovernanceError,
  type Histogram,
  type Logger,
  type MetricDefinition,
  type MetricSample,
  type MetricsExposition,
  type MetricsRegistry,
  parseOptions,
  silentLogger,
} from '@cortex-governance/core';
import { collectDefaultMetrics, type Gauge, Registry } from 'prom-client';
import { z } from 'zod';
import { BoundedHistogram } from './bounded-histogram.ts';
import { isLogger } from './is-logger.ts';
import { bucketsSchema, definitionSchema, sampleNames } from './metric-definition.ts';
import { createMetricSource, type MetricSource } from './metric-source.ts';
import { REGISTRY_METRICS, RegistryLosses } from './registry-metrics.ts';
import { readSamples } from './sampled-metric.ts';

/**
 * Most series (sets of label values) of one metric. Each costs the scraper memory for weeks, and a
 * label that a caller can choose would otherwise be a way to exhaust it.
 */
export const DEFAULT_MAX_SERIES_PER_METRIC = 10_000;

const MAX_SERIES_PER_METRIC = 1_000_000;

const optionsSchema = z.strictObject({
  maxSeriesPerMetric: z
    .int()
    .min(1)
    .max(MAX_SERIES_PER_METRIC)
    .default(DEFAULT_MAX_SERIES_PER_METRIC),
  processMetrics: z.boolean().default(true),
  logger: z.custom<Logger>(isLogger, 'not a logger').default(silentLogger),
});

/** Options of {@link createMetricsRegistry}. */
export type MetricsRegistryOptions = z.input<typeof optionsSchema>;

/**
 * An empty registry of its own: nothing is shared with other registries of this process. Make one
 * per process: the process metrics watch the event loop and the garbage collector until it ends.
 * @throws {GovernanceError} OPTIONS_INVALID; so do its methods, for a metric that is not well formed
 * or whose name is taken.
 */
export function createMetricsRegistry(options: MetricsRegistryOptions = {}): MetricsRegistry {
  return new PromRegistry(parseOptions(optionsSchema, options, 'createMetricsRegistry(options)'));
}

class PromRegistry implements MetricsRegistry {
  readonly #registry = new Registry();
  readonly #maxSeries: number;
  readonly #losses: RegistryLosses;
  /** Names of all lines that may appear in an exposition. */
  readonly #taken = new Set<string>();
  readonly #names: string[] = [];

  constructor(options: z.output<typeof optionsSchema>) {
    this.#maxSeries = options.maxSeriesPerMetric;
    this.#losses = new RegistryLosses(options.logger);
    if (options.processMetrics) this.#addProcessMetrics();
    for (const { name } of Object.values(REGISTRY_METRICS)) this.#taken.add(name);
  }

  counter(definition: MetricDefinition, read: () => Iterable<MetricSample>): void {
    this.#addSampled('counter', definition, read);
  }

  gauge(definition: MetricDefinition, read: () => Iterable<MetricSample>): void {
    this.#addSampled('gauge', definition, read);
  }

  histogram(definition: MetricDefinition, buckets: readonly number[]): Histogram {
    const where = 'metrics.histogram';
    const parsed = this.#parseDefinition('histogram', definition);
    const bounds = parseOptions(bucketsSchema, buckets, `${where}(${parsed.name}, buckets)`);
    const { name } = parsed;
    const drop = this.#losses.drop.bind(this.#losses, name);
    const histogram = new BoundedHistogram(parsed, bounds, this.#maxSeries, drop);
    this.#add(createMetricSource({ ...parsed, type: 'histogram' }, () => histogram.values()));
    return histogram;
  }

  async expose(): Promise<MetricsExposition> {
    const families: string[] = [];
    for (const name of this.#names) {
      const text = await this.#render(name);
      if (text !== null) families.push(text);
    }
    families.push(...(await this.#renderLosses()));
    return { contentType: this.#registry.contentType, body: `${families.join('\n\n')}\n` };
  }

  #addProcessMetrics(): void {
    collectDefaultMetrics({ register: this.#registry });
    for (const { name, type } of this.#registry.getMetricsAsArray()) {
      for (const taken of sampleNames(String(type), name)) this.#taken.add(taken);
      this.#names.push(name);
    }
  }

  #addSampled(
    type: 'counter' | 'gauge',
    definition: MetricDefinition,
    read: () => Iterable<MetricSample>,
  ): void {
    const parsed = this.#parseDefinition(type, definition);
    const onDrop = this.#losses.drop.bind(this.#losses, parsed.name);
    const metric = { type, definition: parsed, read, maxSeries: this.#maxSeries, onDrop };
    this.#add(createMetricSource({ ...parsed, type }, () => readSamples(metric)));
  }

  #parseDefinition(type: MetricSource['type'], definition: MetricDefinition): MetricDefinition {
    const where = `metrics.${type}(definition)`;
    const { name, help, labelNames } = parseOptions(definitionSchema, definition, where);
    if (type === 'histogram' && labelNames.includes('le')) {
      throw new GovernanceError('OPTIONS_INVALID', {
        where,
        problem: `${name}: label le is taken`,
      });
    }
    for (const taken of sampleNames(type, name)) {
      if (!this.#taken.has(taken)) continue;
      throw new GovernanceError('OPTIONS_INVALID', { where, problem: `${taken} is there already` });
    }
    return { name, help, labelNames };
  }

  #add(source: MetricSource): void {
    for (const taken of sampleNames(source.type, source.name)) this.#taken.add(taken);
    this.#names.push(source.name);
    // The registry uses what MetricSource has; its type asks for one of prom-client's own classes.
    this.#registry.registerMetric(source as unknown as Gauge);
  }

  /** The text of one metric; null when it cannot be read. */
  async #render(name: string): Promise<string | null> {
    try {
      const text = await this.#registry.getSingleMetricAsString(name);
      this.#losses.succeed(name);
      // prom-client writes a process metric without a value (no event loop turn since the last scrape) as Nan.
      return text.replace(/^([^#\n].*) Nan$/gm, '$1 NaN');
    } catch (error) {
      this.#losses.fail(name, error);
      return null;
    }
  }

  /** Written last, and by hand: they count what the other metrics lost in this very scrape. */
  async #renderLosses(): Promise<string[]> {
    const own = new Registry();
    const { dropped, readFailures } = REGISTRY_METRICS;
    const drops = createMetricSource(dropped, () => [...this.#losses.drops()]);
    const failures = createMetricSource(readFailures, () => [...this.#losses.failures()]);
    for (const source of [drops, failures]) own.registerMetric(source as unknown as Gauge);
    return [
      await own.getSingleMetricAsString(dropped.name),
      await own.getSingleMetricAsString(readFailures.name),
    ];
  }
}
