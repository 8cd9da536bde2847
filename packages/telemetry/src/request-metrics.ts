import type { MetricsRegistry } from '@cortex-governance/core';
import type { MetricDescription } from './metric-description.ts';

/** Value of the label `middleware`: tells these durations from those of other parts of one service. */
const MIDDLEWARE = 'governance';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export const REQUEST_METRICS = {
  duration: {
    name: 'http_request_duration_seconds',
    type: 'histogram',
    help: 'Time from a request to the end of its answer, in seconds.',
    labelNames: ['middleware', 'method', 'route', 'status_code'],
    // From a decision in memory (well below a millisecond) to a model call that streams for a minute.
    buckets: [
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ],
  },
} as const satisfies Record<string, MetricDescription>;

/** One request that was answered. */
export interface ObservedRequest {
  readonly method: string;
  /** The route's pattern (`/access/v1/:kind`), never the path that was asked for: paths are without number. */
  readonly route: string;
  readonly statusCode: number;
  readonly durationSeconds: number;
}

/** Takes in the duration of every request. */
export interface RequestMetrics {
  observe(request: ObservedRequest): void;
}

/** Durations of HTTP requests. Methods that HTTP does not define count as `OTHER`. */
export function createRequestMetrics(registry: MetricsRegistry): RequestMetrics {
  const { duration } = REQUEST_METRICS;
  const histogram = registry.histogram(duration, duration.buckets);
  return {
    observe({ method, route, statusCode, durationSeconds }) {
      const labels = {
        middleware: MIDDLEWARE,
        method: METHODS.has(method) ? method : 'OTHER',
        route,
        status_code: String(statusCode),
      };
      histogram.observe(labels, durationSeconds);
    },
  };
}
