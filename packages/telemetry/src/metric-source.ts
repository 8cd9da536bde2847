/** One line of an exposition, as prom-client writes it. */
export interface SourceValue {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Name of the line where it is not the metric's: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
}

/**
 * The part of a prom-client metric that its registry uses.
 *
 * prom-client's own metrics are not used for ours: they add up instead of reading a total, join label
 * values with commas, so that two series can become one, and have no bound.
 */
export interface MetricSource {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly aggregator: 'sum';
  get(): Promise<MetricSource & { readonly values: readonly SourceValue[] }>;
  reset(): void;
}

/** A source whose values are made by `read` at every scrape. */
export function createMetricSource(
  head: Pick<MetricSource, 'name' | 'help' | 'type'>,
  read: () => readonly SourceValue[],
): MetricSource {
  const { name, help, type } = head;
  const source: MetricSource = {
    name,
    help,
    type,
    aggregator: 'sum',
    get: async () => ({ ...source, values: read() }),
    // The totals belong to whoever counts; there is nothing here to set back.
    reset: () => {},
  };
  return source;
}
