import type { Obligation, Verdict } from '@cortex-governance/core';

/** What `context` says of every decision. */
export interface EvaluationContext {
  readonly id: string;
  readonly effect: string;
  readonly code: string;
  readonly reason: string;
  readonly stage: string;
  readonly httpStatus: number;
  readonly retryAfterMs: number;
  readonly policyHash: string;
  readonly obligations: readonly Obligation[];
  readonly shadowed: boolean;
  /** In a batch: why this entry was not decided on its merits. */
  readonly error?: { readonly status: number; readonly code: string; readonly message: string };
}

/** An AuthZEN evaluation response. */
export interface EvaluationAnswer {
  readonly decision: boolean;
  readonly context: EvaluationContext;
}

/** The response body for a verdict: `decision` is true for an allow alone. */
export function evaluationAnswer(verdict: Verdict): EvaluationAnswer {
  const {
    id,
    effect,
    code,
    reason,
    stage,
    httpStatus,
    retryAfterMs,
    policyHash,
    obligations,
    shadowed,
  } = verdict;
  return {
    decision: effect === 'allow',
    context: {
      id,
      effect,
      code,
      reason,
      stage,
      httpStatus,
      retryAfterMs,
      policyHash,
      obligations,
      shadowed,
    },
  };
}

/** The response for one entry of a batch: an entry that was refused rather than judged says so in `context.error`. */
export function entryAnswer(verdict: Verdict): EvaluationAnswer {
  const answer = evaluationAnswer(verdict);
  const status = exchangeStatus(verdict);
  if (status === 200) return answer;
  const error = { status, code: verdict.code, message: verdict.reason };
  return { ...answer, context: { ...answer.context, error } };
}

/**
 * HTTP status of the exchange that carries one verdict. A judgement is 200, whatever it says; a caller
 * without a tenant, a malformed request, a stop, missing evidence and a fault of ours are not judgements.
 */
export function exchangeStatus(verdict: Verdict): number {
  if (verdict.stage === 'tenant') return verdict.httpStatus;
  return verdict.httpStatus === 403 || verdict.httpStatus === 429 ? 200 : verdict.httpStatus;
}

/**
 * HTTP status of the exchange that carries a batch: 200, or the first entry's status when each entry
 * was refused for a cause that no entry is to blame for (5xx), such as a stop.
 */
export function batchStatus(verdicts: readonly Verdict[]): number {
  const refused = verdicts.every((verdict) => exchangeStatus(verdict) >= 500);
  const first = verdicts[0];
  return first !== undefined && refused ? exchangeStatus(first) : 200;
}
