import { join, resolve } from 'node:path';
import { DecisionEngine, type KillSwitch, systemClock } from '@cortex-governance/core';
import { type CountingGrantIndex, createGrantIndex } from '@cortex-governance/grant-loader';
import { createKillSwitch } from '@cortex-governance/kill-switch';
import { createMetricsRegistry, registerEvidenceTierMetrics } from '@cortex-governance/telemetry';
import { Cleanup } from './cleanup.ts';
import { recordChanges, recordStopsInForce } from './evidence-events.ts';
import type { Governor } from './governor.ts';
import { openLogger } from './governor-logger.ts';
import { registerGovernorMetrics } from './governor-metrics.ts';
import { type GovernorOptions, parseGovernorOptions } from './governor-options.ts';
import { CONFIG_FILE_NAME, resolveGovernorPaths } from './governor-paths.ts';
import { LimitDesk } from './limit-desk.ts';
import { loadGovernanceConfig } from './load-governance-config.ts';
import { openEvidence } from './open-evidence.ts';
import { openEvidenceTiers, ownLogOf } from './open-evidence-tiers.ts';
import { openLimiter } from './open-limiter.ts';
import { openTenantGuard } from './open-tenant-guard.ts';
import type { Opening } from './opening.ts';
import { recordBoot } from './record-boot.ts';
import { WorkspaceGovernor } from './workspace-governor.ts';

/**
 * Loads and wires everything that governs one workspace.
 *
 * The kill switch is read first, and its stops are in force before the first decision. Grants, tenants
 * and configuration must be valid and evidence writable (`evidence.mode: strict`), or there is no governor.
 * @throws {GovernanceError} OPTIONS_INVALID, CONFIG_INVALID, GRANT_INVALID, GRANT_NOT_FOUND,
 * GRANT_FILE_UNSAFE, EVIDENCE_LOCKED, EVIDENCE_CORRUPT, EVIDENCE_KEY_INVALID, EVIDENCE_WRITE_FAILED
 */
export async function createGovernor(options: GovernorOptions = {}): Promise<Governor> {
  const parsed = parseGovernorOptions(options);
  const root = resolve(parsed.root);
  const config = await loadGovernanceConfig(join(root, CONFIG_FILE_NAME));
  const cleanup = new Cleanup();
  try {
    const logger = parsed.logger ?? openLogger(config, cleanup);
    const paths = resolveGovernorPaths(root, config);
    const clock = parsed.clock ?? systemClock;
    return await openGovernor({ options: parsed, config, paths, clock, logger, cleanup });
  } catch (error) {
    // Why the start failed matters more than what could not be ended after it.
    await cleanup.run().catch(() => {});
    throw error;
  }
}

async function openGovernor(opening: Opening): Promise<Governor> {
  const { options, config, paths, clock, logger, cleanup } = opening;
  const killSwitch = await openKillSwitch(opening);
  const grants = await openGrants(opening);
  const tenants = await openTenantGuard(opening);
  const tiers = await openEvidenceTiers(opening);
  const evidence = await openEvidence(opening);
  tiers.own = ownLogOf(evidence);
  const limiter = await openLimiter(opening);
  const metrics = createMetricsRegistry({ logger });
  const engine = new DecisionEngine({
    ...{ killSwitch, tenants, grants, limiter, evidence, clock },
    policy: options.policy,
    onFault: (stage, error) => logger.error('STAGE_FAULT', { stage, error }),
  });
  const parts = { engine, killSwitch, grants, tenants, evidence, limiter, logger };
  let bootFailures = 0;
  const endMetrics = registerGovernorMetrics(metrics, {
    ...parts,
    bootFailures: () => bootFailures,
  });
  registerEvidenceTierMetrics(metrics, tiers.followers);
  // From here on no change goes unrecorded; what changed before is in the two records that follow.
  const endRecording = recordChanges(killSwitch, grants, evidence, logger);
  cleanup.add(async () => {
    endRecording();
    endMetrics();
  });
  await recordBoot(opening, evidence, grants, () => {
    bootFailures += 1;
  });
  recordStopsInForce(killSwitch, evidence);
  return new WorkspaceGovernor({
    ...parts,
    ...{ metrics, config, paths },
    limits: new LimitDesk(limiter, clock, evidence),
    supportedObligations: new Set(options.supportedObligations),
    release: () => cleanup.run(),
  });
}

async function openKillSwitch({
  config,
  paths,
  clock,
  logger,
  cleanup,
}: Opening): Promise<KillSwitch> {
  const { watch, pollMs } = config.killSwitch;
  const killSwitch = await createKillSwitch({ root: paths.root, watch, pollMs, clock, logger });
  cleanup.add(() => killSwitch.close());
  return killSwitch;
}

async function openGrants({
  config,
  paths,
  clock,
  logger,
  cleanup,
}: Opening): Promise<CountingGrantIndex> {
  const { root, workspace } = paths;
  const grants = await createGrantIndex({ root, workspace, ...config.grants, clock, logger });
  cleanup.add(() => grants.close());
  return grants;
}
