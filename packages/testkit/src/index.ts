/*
 * The complete public surface of @cortex-governance/testkit: named exports only; adding a line here is adding API.
 */

export {
  describeEvidenceWriter,
  type EvidenceWriterFixture,
  type EvidenceWriterSetup,
} from './evidence-writer-conformance.ts';
export { type ExposedFamily, type ExposedSample, parseExposition } from './exposition.ts';
export { describeGrantIndex, type GrantIndexFixture } from './grant-index-conformance.ts';
export { describeKillSwitch, type KillSwitchFixture } from './kill-switch-conformance.ts';
export { describeMetricsRegistry } from './metrics-registry-conformance.ts';
export { describeRateLimiter } from './rate-limiter-conformance.ts';
export {
  describeTenantRegistry,
  type TenantRegistryFixture,
} from './tenant-registry-conformance.ts';
