import { describeMetricsRegistry } from '@cortex-governance/testkit';
import { createMetricsRegistry } from '../src/index.ts';

describeMetricsRegistry('createMetricsRegistry()', () =>
  createMetricsRegistry({ processMetrics: false }),
);
