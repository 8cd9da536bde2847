import { type Logger, silentLogger } from '@cortex-governance/core';
import { createLogger, type StructuredLogger } from '@cortex-governance/telemetry';
import type { Cleanup } from './cleanup.ts';
import type { GovernanceConfig } from './governance-config.ts';

/** The logger of a configuration: JSON lines on standard error, written out when the governor closes. */
export function openLogger({ log }: GovernanceConfig, cleanup: Cleanup): Logger | StructuredLogger {
  if (log.level === 'silent') return silentLogger;
  const logger = createLogger({ level: log.level });
  cleanup.add(() => logger.close());
  return logger;
}
