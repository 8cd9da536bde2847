/** One value of a metric, with its labels. */
export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Name and meaning of a metric. Names follow the Prometheus conventions. */
export interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** A metric that is observed when it happens, such as a duration in seconds. */
export interface Histogram {
  observe(labels: Readonly<Record<string, string>>, value: number): void;
}

/** Text for a scrape. */
export interface MetricsExposition {
  readonly contentType: string;
  readonly body: string;
}

/**
 * Metrics of one governor. Counters and gauges are plain numbers that their owners keep; the registry
 * asks for them only when it is scraped, so that counting costs an addition.
 */
export interface MetricsRegistry {
  counter(definition: MetricDefinition, read: () => Iterable<MetricSample>): void;
  gauge(definition: MetricDefinition, read: () => Iterable<MetricSample>): void;
  /** @param buckets upper bounds, ascending. */
  histogram(definition: MetricDefinition, buckets: readonly number[]): Histogram;
  expose(): Promise<MetricsExposition>;
}
