import { type DecisionRequest, findUnsupportedObligation, toolCall } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import { Exchange } from './exchange.ts';
import { denialResponse, faultResponse, upstreamErrorResponse } from './gateway-error.ts';
import {
  checkGatewayOptions,
  type GatewaySettings,
  type ModelGatewayOptions,
} from './gateway-options.ts';
import { type ModelRequest, readModelRequest } from './model-request.ts';
import { findRoute, type ModelRoute } from './model-route.ts';
import { responseHeaders } from './response-headers.ts';
import { responseStream } from './response-stream.ts';
import { callUpstream, type UpstreamAnswer } from './upstream.ts';

/** Whose model call it is, from whoever authenticated the client; never from the request's own text. */
export interface GatewayCaller {
  readonly tenant: string;
  readonly agent: string;
}

/** A governed OpenAI-compatible API. */
export interface ModelGateway {
  /**
   * Answers one request. Nothing is sent to the upstream before the governor's allow, and what is sent
   * names the model that was decided on. Never rejects. The response's body must be read or cancelled,
   * as that ends the watch over the call; an abort of `request.signal` does too.
   */
  handle(request: Request, caller: GatewayCaller): Promise<Response>;
}

/** Obligations that the gateway can meet: none yet. */
const SUPPORTED_OBLIGATIONS: ReadonlySet<string> = new Set();

/** Nobody reads it: the client has gone. The status is the one that proxies log for this. */
const CLIENT_GONE_STATUS = 499;

/** @throws {GovernanceError} OPTIONS_INVALID */
export function createModelGateway(options: ModelGatewayOptions): ModelGateway {
  const settings = checkGatewayOptions(options);
  const { logger } = settings.governor;
  return Object.freeze({
    async handle(request: Request, caller: GatewayCaller): Promise<Response> {
      try {
        return await answer(settings, request, caller);
      } catch (error) {
        // The name alone: messages of network errors hold addresses.
        const name = error instanceof Error ? error.name : typeof error;
        logger.error('GATEWAY_FAULT', { error: name });
        return faultResponse();
      }
    },
  });
}

async function answer(
  settings: GatewaySettings,
  request: Request,
  { tenant, agent }: GatewayCaller,
): Promise<Response> {
  const route = findRoute(request);
  if (route instanceof Response) return route;
  const { governor, tool } = settings;
  const call = await readModelRequest(request, settings.maxBodyBytes);
  if (call instanceof Response) {
    // A call that was tried and not let through: in evidence like any other.
    const tried = toolCall({ tenant, agent, tool, action: route.action });
    governor.refuse(tried, 'REQUEST_INVALID', 'request');
    return call;
  }
  const { model, stream } = call;
  const asked = toolCall({ tenant, agent, tool, action: route.action, args: { model, stream } });
  const { verdict } = await governor.authorize(asked);
  if (verdict.effect !== 'allow') return denialResponse(verdict);
  const unmet = findUnsupportedObligation(verdict.obligations, SUPPORTED_OBLIGATIONS);
  if (unmet !== null) {
    const code = 'OBLIGATION_UNSUPPORTED';
    return denialResponse(governor.refuse(asked, code, 'policy', unmet.type));
  }
  return forward(settings, route, call, asked, request.signal);
}

/** Sends an allowed call on, and its answer back. */
async function forward(
  { governor, upstream }: GatewaySettings,
  { action, endpoint }: ModelRoute,
  call: ModelRequest,
  asked: DecisionRequest,
  client: AbortSignal,
): Promise<Response> {
  const exchange = new Exchange(governor, asked, client);
  try {
    const outcome = await callUpstream(upstream, endpoint, call, exchange);
    if (!('problem' in outcome)) return passBack(outcome, upstream.timeoutMs, exchange);
    exchange.close();
    return upstreamFailed(governor, action, 502, outcome.problem);
  } catch (error) {
    const { ending } = exchange;
    exchange.close();
    if (ending === null) throw error;
    if (ending.kind === 'stopped') return denialResponse(ending.verdict);
    if (ending.kind === 'client') return new Response(null, { status: CLIENT_GONE_STATUS });
    return upstreamFailed(governor, action, 504, `no answer within ${upstream.timeoutMs} ms`);
  }
}

function passBack(answer: UpstreamAnswer, idleMs: number, exchange: Exchange): Response {
  const { status, body } = answer;
  const headers = responseHeaders(answer.headers);
  if (body === null) {
    exchange.close();
    return new Response(null, { status, headers });
  }
  const events = /^text\/event-stream\s*(?:;|$)/i.test(headers.get('content-type') ?? '');
  return new Response(responseStream({ ...body, events, idleMs }, exchange), { status, headers });
}

function upstreamFailed(
  governor: Governor,
  action: string,
  status: 502 | 504,
  problem: string,
): Response {
  governor.logger.warn('GATEWAY_UPSTREAM_FAILED', { action, status, problem });
  return upstreamErrorResponse(status, problem);
}
