/*
 * The complete public surface of @cortex-governance/kill-switch: named exports only; adding a line here is adding API.
 */

export { createKillSwitch } from './create-kill-switch.ts';
export type { FileKillSwitch } from './file-kill-switch.ts';
export { KILL_SWITCH_FILE, MAX_HISTORY, MAX_KILL_SWITCH_BYTES } from './kill-switch-file.ts';
export { killSwitchJsonSchema } from './kill-switch-json-schema.ts';
export {
  DEFAULT_LOCK_TIMEOUT_MS,
  DEFAULT_POLL_MS,
  type KillSwitchOptions,
} from './kill-switch-options.ts';
