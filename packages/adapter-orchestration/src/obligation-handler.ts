import type { DecisionRequest, Obligation, Verdict } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';

/** What an {@link ObligationHandler} is told about the call. */
export interface ObligedCall {
  /** The request that was decided, with the arguments that the call will run with. MUST NOT be changed. */
  readonly request: DecisionRequest;
  readonly verdict: Verdict;
  /** Aborted when a kill-switch stop covers the call. */
  readonly signal: AbortSignal;
}

/**
 * Meets one obligation, before the call runs. The call runs only after it has resolved; a throw or a
 * rejection is a denial with code OBLIGATION_UNSUPPORTED.
 */
export type ObligationHandler = (
  obligation: Obligation,
  call: ObligedCall,
) => void | PromiseLike<void>;

/** Handlers by obligation type. A type without one is a denial with code OBLIGATION_UNSUPPORTED. */
export type ObligationHandlers = Readonly<Record<string, ObligationHandler>>;

/** An obligation that was not met. */
export interface UnmetObligation {
  readonly type: string;
  /** What the handler threw; undefined when there is no handler. */
  readonly cause: unknown;
}

/**
 * Meets the verdict's obligations one after the other, in their order. Null when all are met; the
 * first that is not ends it. No handler runs unless every obligation has one.
 */
export async function meetObligations(
  call: ObligedCall,
  handlers: ReadonlyMap<string, ObligationHandler>,
): Promise<UnmetObligation | null> {
  const { obligations } = call.verdict;
  for (const { type } of obligations) {
    if (!handlers.has(type)) return { type, cause: undefined };
  }
  for (const obligation of obligations) {
    call.signal.throwIfAborted();
    try {
      await handlers.get(obligation.type)?.(obligation, call);
    } catch (cause) {
      return { type: obligation.type, cause: cause ?? new Error('handler rejected') };
    }
  }
  return null;
}

/** The recorded denial of a call whose obligation was not met. */
export function refuseObligation(
  governor: Governor,
  request: DecisionRequest,
  unmet: UnmetObligation,
): Verdict {
  return governor.refuse(request, 'OBLIGATION_UNSUPPORTED', 'policy', unmet.type);
}
