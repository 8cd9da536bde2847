import { type DecisionRequest, type DenialCode, KILL_BITS } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import { denialResponse } from './gateway-error.ts';

/**
 * Refuses what is no model call: a call that was tried and not let through, in evidence like any other.
 * As in the engine, a stop of everything is answered first.
 * @param refusal the response for a body that cannot be read.
 */
export async function refuseUnreadable(
  governor: Governor,
  tried: DecisionRequest,
  refusal: Response,
): Promise<Response> {
  await governor.killSwitch.refresh();
  const stop = stopOfEverything(governor.killSwitch.engaged());
  if (stop !== null) return denialResponse(governor.refuse(tried, stop, 'kill_switch'));
  governor.refuse(tried, 'REQUEST_INVALID', 'request');
  return refusal;
}

function stopOfEverything(engaged: number): DenialCode | null {
  if ((engaged & KILL_BITS.global) !== 0) return 'KILLED_GLOBAL';
  return (engaged & KILL_BITS.UNREADABLE) !== 0 ? 'KILL_SWITCH_UNREADABLE' : null;
}
