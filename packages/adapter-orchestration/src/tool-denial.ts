import { GovernanceError, type Verdict } from '@cortex-governance/core';

/** What a governed tool returns, with `onDenied: 'return'`, in place of the tool's result. */
export interface ToolDenial {
  readonly denied: true;
  readonly verdict: Verdict;
  /** One sentence for a model or a person: the code, the reason, and when to try again. */
  readonly message: string;
}

const DENIALS = new WeakSet<object>();

/** The denial as a result that a model can read. */
export function toolDenial(verdict: Verdict): ToolDenial {
  const denial = Object.freeze({ denied: true as const, verdict, message: denialMessage(verdict) });
  DENIALS.add(denial);
  return denial;
}

/** Whether a governed tool's result is a denial made here. A tool cannot return something that passes for one. */
export function isToolDenial(result: unknown): result is ToolDenial {
  return typeof result === 'object' && result !== null && DENIALS.has(result);
}

/** The denial as an error. */
export function denialError(verdict: Verdict, cause?: unknown): GovernanceError {
  return new GovernanceError(verdict.code, {}, { verdict, cause });
}

function denialMessage({ code, reason, retryAfterMs }: Verdict): string {
  const message = `Denied by governance (${code}): ${reason}.`;
  return retryAfterMs === 0
    ? message
    : `${message} Retry after ${Math.ceil(retryAfterMs / 1000)} s.`;
}
