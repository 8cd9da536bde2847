import { readFile } from 'node:fs/promises';
import { DecisionCounters } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import * as telemetry from '../src/index.ts';

const { createMetricsRegistry, METRICS, registerDecisionMetrics } = telemetry;

const lines: string[] = [];

/** The README's logger, but not to standard error. */
function createLogger(options: telemetry.LoggerOptions): telemetry.StructuredLogger {
  const destination = { write: (line: string) => lines.push(line) };
  return telemetry.createLogger({ ...options, destination });
}

async function example(): Promise<string> {
  // #region example
  const logger = createLogger({ level: 'info' });
  const metrics = createMetricsRegistry({ logger });

  const counters = new DecisionCounters(); // the engine has them: engine.counters
  registerDecisionMetrics(metrics, counters);

  let retries = 0;
  const retried = { name: 'app_retries_total', help: 'Calls tried again.', labelNames: ['queue'] };
  metrics.counter(retried, () => [{ labels: { queue: 'mail' }, value: retries }]);
  retries += 1;

  const { contentType, body } = await metrics.expose();
  logger.info('METRICS_EXPOSED', { contentType, bytes: body.length });
  await logger.close();
  // #endregion
  return body;
}

describe('README', () => {
  it('shows the example that runs here', async () => {
    const here = await readFile(new URL(import.meta.url), 'utf8');
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const region = /\/\/ #region example\n([\s\S]*?)\n {2}\/\/ #endregion/.exec(here)?.[1];
    const code = region?.replace(/^ {2}/gm, '');
    expect(code).toBeTruthy();
    expect(readme).toContain(code);
    expect(await example()).toContain('app_retries_total{queue="mail"} 1\n');
    expect(lines.map((line) => JSON.parse(line).event)).toEqual(['METRICS_EXPOSED']);
  });

  it('names every metric, by name or by family, and every function that registers one', async () => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const named = [...readme.matchAll(/`((?:governance|security|http)_[a-z_]+\*?)`/g)].map(
      ([, name = '']) => name,
    );
    for (const { name } of METRICS) {
      const family = named.some((n) => n.endsWith('*') && name.startsWith(n.slice(0, -1)));
      expect(family || named.includes(name), name).toBe(true);
    }
    for (const name of Object.keys(telemetry).filter((n) => n.startsWith('register'))) {
      expect(readme).toContain(`\`${name}\``);
    }
  });
});
