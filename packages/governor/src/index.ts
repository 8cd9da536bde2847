// The complete public surface of @cortex-governance/governor: named exports only; adding a line here is adding API.

export { createGovernor } from './create-governor.ts';
export {
  type EvidenceIndexAddress,
  findEvidenceIndex,
  openEvidenceArchive,
} from './evidence-tier-address.ts';
export {
  CONFIG_DEFAULTS,
  type GovernanceConfig,
  governanceConfigSchema,
} from './governance-config.ts';
export type { Authorization, EvaluateOptions, Governor } from './governor.ts';
export type { GovernorOptions } from './governor-options.ts';
export { CONFIG_FILE_NAME, type GovernorPaths, resolveGovernorPaths } from './governor-paths.ts';
export type { GovernorStatus } from './governor-status.ts';
export { loadGovernanceConfig } from './load-governance-config.ts';
