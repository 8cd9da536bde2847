import type { MetricSample, MetricsRegistry } from '@cortex-governance/core';
import { createRequestMetrics, type RequestMetrics } from '@cortex-governance/telemetry';
import type { FastifyInstance } from 'fastify';

/** One registry takes each metric once; servers that share a governor share the metric. */
const durations = new WeakMap<MetricsRegistry, RequestMetrics>();

/** Observes every request in `http_request_duration_seconds{middleware="governance"}`. */
export function observeRequests(app: FastifyInstance, metrics: MetricsRegistry): void {
  const requests = durations.get(metrics) ?? createRequestMetrics(metrics);
  durations.set(metrics, requests);
  app.addHook('onResponse', async (request, reply) => {
    requests.observe({
      method: request.method,
      // The route's pattern, never the path that a caller chose.
      route: request.routeOptions.url ?? 'unknown',
      statusCode: reply.statusCode,
      durationSeconds: reply.elapsedTime / 1000,
    });
  });
}

/** Counts the connections that were dropped because there were too many. */
export function countDroppedConnections(app: FastifyInstance, metrics: MetricsRegistry): void {
  const counter = droppedConnections(metrics);
  app.server.on('drop', () => {
    counter.value += 1;
  });
}

const drops = new WeakMap<MetricsRegistry, { value: number }>();

function droppedConnections(metrics: MetricsRegistry): { value: number } {
  const known = drops.get(metrics);
  if (known !== undefined) return known;
  const counter = { labels: {}, value: 0 } satisfies {
    -readonly [K in keyof MetricSample]: MetricSample[K];
  };
  const help = 'Connections dropped because maxConnections were open.';
  metrics.counter({ name: 'http_connections_dropped_total', help, labelNames: [] }, () => [
    counter,
  ]);
  drops.set(metrics, counter);
  return counter;
}
