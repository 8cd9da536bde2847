import {
  type DecisionRequest,
  type DenialCode,
  findRequestProblem,
  KILL_BITS,
  type Verdict,
} from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';

/** Not well formed on purpose: the engine answers it as it answers every request that cannot be read. */
const UNREADABLE_REQUEST = Object.freeze({}) as unknown as DecisionRequest;

/**
 * The governor, as the HTTP routes ask it. Every answer is in the evidence and in the counters, the
 * refusals of callers without a tenant included, and the global stop comes before all of them.
 */
export class DecisionPoint {
  readonly #governor: Governor;

  constructor(governor: Governor) {
    this.#governor = governor;
  }

  /** The verdict of the engine. */
  evaluate(request: DecisionRequest): Promise<Verdict> {
    return this.#governor.evaluate(request);
  }

  /** The verdict on a request that could not be read at all: REQUEST_INVALID, or a stop. */
  evaluateUnreadable(): Promise<Verdict> {
    return this.#governor.evaluate(UNREADABLE_REQUEST);
  }

  /**
   * The verdict on a request whose caller has no tenant: the tenant stage's denial, given here because
   * the engine only sees tenants. As in the engine, a stop of everything and a request that is not well
   * formed are answered first.
   */
  async refuse(request: DecisionRequest, code: DenialCode, detail = ''): Promise<Verdict> {
    await this.#governor.killSwitch.refresh();
    const engaged = this.#governor.killSwitch.engaged();
    if ((engaged & KILL_BITS.global) !== 0) {
      return this.#governor.refuse(request, 'KILLED_GLOBAL', 'kill_switch');
    }
    if ((engaged & KILL_BITS.UNREADABLE) !== 0) {
      return this.#governor.refuse(request, 'KILL_SWITCH_UNREADABLE', 'kill_switch');
    }
    const problem = findRequestProblem(request);
    if (problem !== null) {
      return this.#governor.refuse(request, 'REQUEST_INVALID', 'request', problem);
    }
    return this.#governor.refuse(request, code, 'tenant', detail);
  }
}
