import type { DecisionRequest } from './decision-request.ts';
import { KILL_BITS, type KillScope, type KillSwitchReader } from './ports/kill-switch.ts';
import type { DenialCode } from './reason-code.ts';

const STOP_ALL = KILL_BITS.global | KILL_BITS.UNREADABLE;

const KILLED: Readonly<Record<KillScope, DenialCode>> = {
  global: 'KILLED_GLOBAL',
  tenant: 'KILLED_TENANT',
  agent: 'KILLED_AGENT',
  tool: 'KILLED_TOOL',
  action: 'KILLED_ACTION',
};

/** The code of a stop of everything, or null. @param engaged the bits of `KillSwitchReader.engaged`. */
export function globalStopCode(engaged: number): DenialCode | null {
  if ((engaged & STOP_ALL) === 0) return null;
  return (engaged & KILL_BITS.global) !== 0 ? 'KILLED_GLOBAL' : 'KILL_SWITCH_UNREADABLE';
}

/** The code of a stop that covers a well-formed request in a scope other than `global`, or null. */
export function scopedStopCode(
  killSwitch: KillSwitchReader,
  engaged: number,
  request: DecisionRequest,
): DenialCode | null {
  if (engaged === 0) return null;
  const { tenant, subject, resource, action } = request;
  const stop = killSwitch.find(tenant, subject.id, resource.id, action.name);
  return stop === null ? null : KILLED[stop.scope];
}
