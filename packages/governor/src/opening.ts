import type { Clock, Logger } from '@cortex-governance/core';
import type { Cleanup } from './cleanup.ts';
import type { GovernanceConfig } from './governance-config.ts';
import type { ParsedGovernorOptions } from './governor-options.ts';
import type { GovernorPaths } from './governor-paths.ts';

/** What the parts of one governor are opened with. */
export interface Opening {
  readonly options: ParsedGovernorOptions;
  readonly config: GovernanceConfig;
  readonly paths: GovernorPaths;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where each part that was opened leaves how it is ended. */
  readonly cleanup: Cleanup;
}
