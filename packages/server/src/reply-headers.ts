import type { LimitState, Verdict } from '@cortex-governance/core';
import { rateLimitFields, retryAfterSeconds } from '@cortex-governance/rate-limiter';
import type { FastifyReply } from 'fastify';

/** When to ask again after a 503 that does not say (seconds): stops end when an operator ends them. */
const RETRY_AFTER_SECONDS = 5;

/**
 * Sets what HTTP says beside a verdict: `Retry-After` and `WWW-Authenticate`, and where limits stand.
 * @param states the limits on the request; told only where the verdict is theirs or an allow.
 */
export function setVerdictHeaders(
  reply: FastifyReply,
  status: number,
  verdict: Verdict,
  states: readonly LimitState[] = [],
): void {
  if (verdict.httpStatus === 429 && !verdict.shadowed) {
    reply.header('retry-after', retryAfterSeconds(verdict.retryAfterMs, states));
  }
  const tell = verdict.code === 'ALLOWED' || verdict.code === 'RATE_LIMITED';
  if (tell && !verdict.shadowed) reply.headers({ ...rateLimitFields(states) });
  setStatusHeaders(reply, status, verdict.code === 'TENANT_TOKEN_INVALID');
}

/** Sets what HTTP asks for beside a status: `Retry-After` with 503, `WWW-Authenticate` with 401. */
export function setStatusHeaders(reply: FastifyReply, status: number, tokenInvalid = false): void {
  if (status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
  if (status === 401) {
    const error = tokenInvalid ? ', error="invalid_token"' : '';
    reply.header('www-authenticate', `Bearer realm="cortex-governance"${error}`);
  }
}
