import type { KillSwitch } from '@cortex-governance/core';
import { createKillSwitch } from '@cortex-governance/kill-switch';
import type { CliContext, GlobalOptions } from './cli-context.ts';
import { findRoot } from './find-root.ts';
import { quietLogger } from './quiet-logger.ts';

/**
 * Does something with the kill switch of the workspace, without a server, and closes it. Reads no
 * configuration: a stop must work when nothing else does.
 */
export async function withLocalSwitch<T>(
  context: CliContext,
  options: GlobalOptions,
  change: (killSwitch: KillSwitch) => Promise<T>,
): Promise<T> {
  const root = await findRoot(context.cwd, options.root);
  const killSwitch = await createKillSwitch({ root, watch: false, logger: quietLogger(context) });
  try {
    return await change(killSwitch);
  } finally {
    await killSwitch.close();
  }
}
