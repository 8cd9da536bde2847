import { parseOptions } from '@cortex-governance/core';
import { type FileKillSwitch, FileSwitch } from './file-kill-switch.ts';
import { type KillSwitchOptions, killSwitchOptionsSchema } from './kill-switch-options.ts';

/**
 * The kill switch of the folder `root`, kept in `kill-switch.json` there.
 *
 * Resolves when the file has been read: a stop that was in force before is in force again before the
 * first decision. A file that cannot be read does not reject; it stops everything. No file means that
 * nothing is stopped.
 *
 * The switch follows the file until it is closed, and does not keep the process alive.
 * @throws {GovernanceError} OPTIONS_INVALID
 */
export async function createKillSwitch(options: KillSwitchOptions): Promise<FileKillSwitch> {
  const checked = parseOptions(killSwitchOptionsSchema, options, 'createKillSwitch(options)');
  const killSwitch = new FileSwitch(checked);
  await killSwitch.start();
  return killSwitch;
}
