import type { DecisionRequest } from '../decision-request.ts';
import type { Effect } from '../effect.ts';
import type { Obligation } from '../obligation.ts';

/** A policy engine's answer. */
export interface PolicyAnswer {
  readonly effect: Effect;
  /** Appended to the verdict's reason; may be empty. */
  readonly reason: string;
  readonly obligations: readonly Obligation[];
}

/**
 * A policy engine behind the grants. It can only narrow what a grant allows.
 * A throw, or an answer with an unknown effect, is a denial with code ENGINE_FAULT.
 */
export interface PolicyBackend {
  readonly name: string;
  evaluate(request: DecisionRequest): PolicyAnswer;
}
