import { resolve } from 'node:path';
import type { GovernanceConfig } from './governance-config.ts';

/** Where a governor reads and writes; all absolute. */
export interface GovernorPaths {
  /** The `.cortex` folder. */
  readonly root: string;
  /** The folder that `fsScope` entries are relative to. */
  readonly workspace: string;
  readonly configFile: string;
  readonly killSwitchFile: string;
  /** The folder of evidence logs; one log per process lies below it. */
  readonly evidenceDir: string;
  readonly evidenceKeyFile: string;
  /** The folder of `boot.json` files, by policy hash. */
  readonly runtimeDir: string;
  readonly operatorTokenFile: string;
}

/** The configuration file's name in the `.cortex` folder. */
export const CONFIG_FILE_NAME = 'governance.yaml';

/** The paths of a configuration; those in the file are relative to the `.cortex` folder. */
export function resolveGovernorPaths(root: string, config: GovernanceConfig): GovernorPaths {
  return {
    root,
    workspace: resolve(root, config.workspace),
    configFile: resolve(root, CONFIG_FILE_NAME),
    killSwitchFile: resolve(root, 'kill-switch.json'),
    evidenceDir: resolve(root, config.evidence.dir),
    evidenceKeyFile: resolve(root, config.evidence.keyFile),
    runtimeDir: resolve(root, config.evidence.runtimeDir),
    operatorTokenFile: resolve(root, config.server.operatorTokenFile),
  };
}
