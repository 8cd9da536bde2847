import type { DecisionRequest, LimitState } from '@cortex-governance/core';
import { type RateLimitFields, rateLimitFields } from '@cortex-governance/rate-limiter';
import type { CallAccount } from './call-account.ts';
import { Exchange } from './exchange.ts';
import { denialResponse, upstreamErrorResponse } from './gateway-error.ts';
import type { GatewaySettings } from './gateway-options.ts';
import { askingForUsage, type ModelRequest } from './model-request.ts';
import type { ModelRoute } from './model-route.ts';
import { responseHeaders } from './response-headers.ts';
import { responseStream } from './response-stream.ts';
import { callUpstream, type UpstreamAnswer } from './upstream.ts';
import { createUsageMeter } from './usage-meter.ts';

/** Nobody reads it: the client has gone. The status is the one that proxies log for this. */
const CLIENT_GONE_STATUS = 499;

/** A call that may be sent. */
export interface AllowedCall {
  readonly route: ModelRoute;
  readonly call: ModelRequest;
  readonly asked: DecisionRequest;
  readonly account: CallAccount;
  /** Where the limits of the call stand. */
  readonly states: readonly LimitState[];
  /** Whether the client is told of them. */
  readonly tell: boolean;
}

/** Sends an allowed call on, and its answer back. */
export async function forward(
  settings: GatewaySettings,
  allowed: AllowedCall,
  client: AbortSignal,
): Promise<Response> {
  const { governor, upstream } = settings;
  const { route, asked, account } = allowed;
  const exchange = new Exchange(governor, asked, account, client);
  try {
    const outcome = await callUpstream(upstream, route.endpoint, callToSend(allowed), exchange);
    if (!('problem' in outcome)) return passBack(outcome, upstream.timeoutMs, exchange, allowed);
    exchange.close();
    return upstreamFailed(settings, allowed, 502, outcome.problem);
  } catch (error) {
    const { ending } = exchange;
    exchange.close();
    if (ending === null) throw error;
    if (ending.kind === 'stopped') return denialResponse(ending.verdict);
    if (ending.kind === 'client') return new Response(null, { status: CLIENT_GONE_STATUS });
    return upstreamFailed(settings, allowed, 504, `no answer within ${upstream.timeoutMs} ms`);
  }
}

/** The call, asking for its usage where the limits need one and streams state none of themselves. */
function callToSend(allowed: AllowedCall): ModelRequest {
  const { call, route } = allowed;
  const asks = call.stream && route.action === 'chat' && isMetered(allowed);
  return asks ? askingForUsage(call) : call;
}

function isMetered({ states }: AllowedCall): boolean {
  return states.some(({ unit }) => unit === 'tokens' || unit === 'cost');
}

function passBack(
  answer: UpstreamAnswer,
  idleMs: number,
  exchange: Exchange,
  allowed: AllowedCall,
): Response {
  const { status, body } = answer;
  const headers = responseHeaders(answer.headers);
  for (const [name, value] of Object.entries(fieldsOf(allowed) ?? {})) headers.set(name, value);
  if (body === null) {
    exchange.close();
    return new Response(null, { status, headers });
  }
  const events = /^text\/event-stream\s*(?:;|$)/i.test(headers.get('content-type') ?? '');
  const meter = isMetered(allowed) ? createUsageMeter(events) : null;
  if (meter !== null) exchange.account.meteredBy(meter);
  const stream = responseStream({ ...body, events, meter, idleMs }, exchange);
  return new Response(stream, { status, headers });
}

function fieldsOf({ tell, states }: AllowedCall): RateLimitFields | null {
  return tell ? rateLimitFields(states) : null;
}

function upstreamFailed(
  { governor }: GatewaySettings,
  { route }: AllowedCall,
  status: 502 | 504,
  problem: string,
): Response {
  governor.logger.warn('GATEWAY_UPSTREAM_FAILED', { action: route.action, status, problem });
  return upstreamErrorResponse(status, problem);
}
