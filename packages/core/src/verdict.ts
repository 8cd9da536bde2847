import type { Effect } from './effect.ts';
import type { Obligation } from './obligation.ts';
import { REASON_CODES, type VerdictCode } from './reason-code.ts';
import type { Stage } from './stage.ts';

/** The answer to one {@link DecisionRequest}. */
export interface Verdict {
  /** UUIDv7: unique, sortable by time. */
  readonly id: string;
  readonly effect: Effect;
  /** Why, from the one table. For a shadowed verdict: why it would have been denied. */
  readonly code: VerdictCode;
  /** The table's message, followed by `: ` and a detail where there is one. */
  readonly reason: string;
  /** The part of the pipeline that answered. */
  readonly stage: Stage;
  readonly httpStatus: number;
  /** Milliseconds until a limited call could be admitted; 0 unless limited. */
  readonly retryAfterMs: number;
  /** SHA-256 (hex) of the grants in force; boot evidence adds the digest of the configuration. */
  readonly policyHash: string;
  readonly obligations: readonly Obligation[];
  /** True when the call would have been denied and the grant is in shadow mode. */
  readonly shadowed: boolean;
}

export const NO_OBLIGATIONS: readonly Obligation[] = Object.freeze([]);

/** One verdict. All members are always present, in one order, so that every verdict has one shape. */
export function createVerdict(
  id: string,
  code: VerdictCode,
  stage: Stage,
  policyHash: string,
  detail = '',
  retryAfterMs = 0,
  obligations: readonly Obligation[] = NO_OBLIGATIONS,
  shadowed = false,
): Verdict {
  const definition = REASON_CODES[code];
  return {
    id,
    effect: shadowed ? 'allow' : definition.effect,
    code,
    reason: detail === '' ? definition.message : `${definition.message}: ${detail}`,
    stage,
    httpStatus: shadowed ? 200 : definition.httpStatus,
    retryAfterMs,
    policyHash,
    obligations,
    shadowed,
  };
}
