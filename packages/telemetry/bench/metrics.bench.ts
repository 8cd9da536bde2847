import { Histogram as PromHistogram, Registry } from 'prom-client';
import { Bench } from 'tinybench';
import { createLogger, createMetricsRegistry } from '../src/index.ts';

/*
 * What a request pays for its duration, beside the histogram of prom-client; what a scrape of a
 * thousand series costs; what a log line costs. Figures are per observation, per scrape, per line.
 */

const BATCH = 1000;
const GOAL_OBSERVE_NS = 1000;
const GOAL_SCRAPE_NS = 10_000_000;
const GOAL_LINE_NS = 20_000;

const definition = { name: 'test_seconds', help: 'A test.', labelNames: ['method', 'route'] };
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const labels = Array.from({ length: 10 }, (_, i) => ({ method: 'POST', route: `/route/${i}` }));

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`wrong answer: ${what}`);
}

const ours = createMetricsRegistry({ processMetrics: false });
const ourHistogram = ours.histogram(definition, buckets);
const theirs = new Registry();
const theirHistogram = new PromHistogram({ ...definition, buckets, registers: [theirs] });
for (const [i, set] of labels.entries()) {
  ourHistogram.observe(set, i / 100);
  theirHistogram.observe(set, i / 100);
}
const sorted = (text: string): string => text.trim().split('\n').sort().join('\n');
// Ours ends with the families that count what it left out.
const [ourText = ''] = (await ours.expose()).body.split('\n\n');
const order = (text: string): string =>
  sorted(
    text.replace(
      /\{(?:le="([^"]*)",)?method="(\w+)",route="([^"]*)"(?:,le="([^"]*)")?\}/g,
      '{$1$4 $2 $3}',
    ),
  );
check(order(ourText) === order(await theirs.metrics()), 'both histograms say the same');

const scraped = createMetricsRegistry({ processMetrics: false });
const samples = Array.from({ length: 1000 }, (_, i) => ({ labels: { id: String(i) }, value: i }));
scraped.counter({ name: 'test_total', help: 'A test.', labelNames: ['id'] }, () => samples);
check(
  (await scraped.expose()).body.includes('test_total{id="999"} 999\n'),
  'a scrape has all series',
);

let bytes = 0;
const logger = createLogger({
  destination: {
    write: (line) => {
      bytes += line.length;
    },
  },
});
const fields = { tenant: 'acme', file: 'policy/tools/git-map.json', token: 'x', count: 3 };
logger.info('POLICY_UPDATED', fields);
check(bytes > 100 && logger.dropped === 0, 'a line is written');

const cases = [
  {
    name: 'observe',
    batch: BATCH,
    goal: GOAL_OBSERVE_NS,
    run: () => {
      for (let i = 0; i < BATCH; i += 1) ourHistogram.observe(labels[i % 10] ?? {}, i / BATCH);
    },
  },
  {
    name: 'observe, prom-client',
    batch: BATCH,
    goal: 0,
    run: () => {
      for (let i = 0; i < BATCH; i += 1) theirHistogram.observe(labels[i % 10] ?? {}, i / BATCH);
    },
  },
  {
    name: 'scrape of 1000 series',
    batch: 1,
    goal: GOAL_SCRAPE_NS,
    run: async () => {
      await scraped.expose();
    },
  },
  {
    name: 'log line with four fields',
    batch: BATCH,
    goal: GOAL_LINE_NS,
    run: () => {
      for (let i = 0; i < BATCH; i += 1) logger.info('POLICY_UPDATED', fields);
    },
  },
];

const bench = new Bench({ time: 500, warmupTime: 200 });
for (const { name, run } of cases) bench.add(name, run);
await bench.run();

console.table(
  bench.tasks.map(({ name, result }, i) => {
    if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`);
    const { batch = 1, goal = 0 } = cases[i] ?? {};
    const perCall = (ms: number): number => Math.round((ms * 1e6) / batch);
    return {
      name,
      'p50 ns': perCall(result.latency.p50),
      'p99 ns': perCall(result.latency.p99),
      goal: goal === 0 ? '' : `<= ${goal}`,
    };
  }),
);
