import { METRICS } from '@cortex-governance/telemetry';

const INTRODUCTION = `# Metrics

<!-- Generated from the METRICS table of packages/telemetry by \`npm run docs\`; a test keeps it current. -->

\`GET /metrics\` in Prometheus text, besides the process metrics of prom-client. Numbers are plain counters that are
read when scraped.

| metric | type | labels | meaning |
|---|---|---|---|
`;

/** \`docs/reference/metrics.md\`. */
export function renderMetricsPage(): string {
  const rows = METRICS.map(({ name, type, labelNames, help }) => {
    const labels = labelNames.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${labels} | ${help} |\n`;
  });
  return INTRODUCTION + rows.join('');
}
