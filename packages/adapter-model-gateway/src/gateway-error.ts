import {
  type LimitState,
  REASON_CODES,
  type ReasonCode,
  type Verdict,
} from '@cortex-governance/core';
import { rateLimitFields, retryAfterSeconds } from '@cortex-governance/rate-limiter';

/** Body of every response that the gateway itself gives: OpenAI's error object, and the verdict of a denial. */
export interface GatewayErrorBody {
  readonly error: {
    readonly message: string;
    /**
     * `governance_denied`: a verdict. `invalid_request_error`: a request that is no model call.
     * `upstream_error`: the model did not answer. `governance_fault`: a fault of ours; nothing was sent.
     */
    readonly type:
      | 'governance_denied'
      | 'invalid_request_error'
      | 'upstream_error'
      | 'governance_fault';
    readonly code: ReasonCode;
    readonly param: null;
  };
  readonly verdict?: Verdict;
}

/** The body for a denial or an escalation. */
export function denialBody(verdict: Verdict): GatewayErrorBody {
  const { reason, code } = verdict;
  return { error: { message: reason, type: 'governance_denied', code, param: null }, verdict };
}

/** The body for an upstream that failed. @param problem without addresses or secrets. */
export function upstreamErrorBody(problem: string): GatewayErrorBody {
  const code = 'UPSTREAM_UNAVAILABLE';
  const message = REASON_CODES[code].message.replace('{problem}', () => problem);
  return { error: { message, type: 'upstream_error', code, param: null } };
}

/**
 * The response for a denial or an escalation.
 * @param states where the limits of the call stand, for one that they refused.
 */
export function denialResponse(verdict: Verdict, states: readonly LimitState[] = []): Response {
  const { httpStatus, retryAfterMs } = verdict;
  const retry = retryAfterMs > 0 || httpStatus === 429;
  return jsonResponse(httpStatus, denialBody(verdict), {
    ...(retry ? { 'retry-after': String(retryAfterSeconds(retryAfterMs, states)) } : {}),
    ...rateLimitFields(states),
  });
}

/** The response for an upstream that failed. @param status 502, or 504 for one that was too slow. */
export function upstreamErrorResponse(status: 502 | 504, problem: string): Response {
  return jsonResponse(status, upstreamErrorBody(problem));
}

/** The response for a request that is no model call, whatever a grant says. */
export function refusalResponse(
  status: 400 | 404 | 405 | 413 | 415,
  code: 'ROUTE_UNKNOWN' | 'METHOD_NOT_ALLOWED' | 'BODY_INVALID',
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const error = { message, type: 'invalid_request_error', code, param: null } as const;
  return jsonResponse(status, { error }, headers);
}

/** The response for a fault of ours. It says nothing about it; the log does. */
export function faultResponse(): Response {
  const code = 'ENGINE_FAULT';
  const { httpStatus, message } = REASON_CODES[code];
  return jsonResponse(httpStatus, {
    error: { message, type: 'governance_fault', code, param: null },
  });
}

function jsonResponse(
  status: number,
  body: GatewayErrorBody,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}
