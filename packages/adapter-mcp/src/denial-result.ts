import type { Verdict } from '@cortex-governance/core';
import type { RpcParams } from './rpc-message.ts';

/** The member of a refused call's `_meta` that holds the verdict. */
export const VERDICT_META_KEY = 'cortex-governance/verdict';

/** What a client is told of the verdict on a refused call. */
export type McpVerdict = Pick<
  Verdict,
  | 'id'
  | 'effect'
  | 'code'
  | 'reason'
  | 'stage'
  | 'httpStatus'
  | 'retryAfterMs'
  | 'policyHash'
  | 'shadowed'
>;

/**
 * The result of a call that was not made: an error that the model reads and can act on, with the
 * verdict for the client in `_meta`. A JSON-RPC error instead would end the model's turn.
 * @param typed whether to state the result's type, as protocol revision 2026-07-28 asks.
 */
export function denialResult(verdict: Verdict, typed: boolean): RpcParams {
  return {
    ...(typed ? { resultType: 'complete' } : {}),
    content: [{ type: 'text', text: denialText(verdict) }],
    isError: true,
    _meta: { [VERDICT_META_KEY]: mcpVerdict(verdict) },
  };
}

function denialText(verdict: Verdict): string {
  if (verdict.effect === 'escalate') {
    return `Not run [${verdict.code}]: ${verdict.reason}. Ask a person to approve it; trying again will not help.`;
  }
  const retry =
    verdict.retryAfterMs > 0 ? ` Retry after ${Math.ceil(verdict.retryAfterMs / 1000)} s.` : '';
  return `Denied [${verdict.code}]: ${verdict.reason}.${retry}`;
}

function mcpVerdict(verdict: Verdict): McpVerdict {
  return {
    id: verdict.id,
    effect: verdict.effect,
    code: verdict.code,
    reason: verdict.reason,
    stage: verdict.stage,
    httpStatus: verdict.httpStatus,
    retryAfterMs: verdict.retryAfterMs,
    policyHash: verdict.policyHash,
    shadowed: verdict.shadowed,
  };
}
