import { findUnsupportedObligation, toolCall } from '@cortex-governance/core';
import { forward } from './allowed-call.ts';
import { CallAccount } from './call-account.ts';
import { estimateCall } from './call-estimate.ts';
import { mostReserved } from './call-reserve.ts';
import { denialResponse, faultResponse } from './gateway-error.ts';
import {
  checkGatewayOptions,
  type GatewaySettings,
  type ModelGatewayOptions,
} from './gateway-options.ts';
import { readModelRequest } from './model-request.ts';
import { findRoute } from './model-route.ts';
import { refuseUnreadable } from './unreadable-call.ts';

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
  const { action } = route;
  const call = await readModelRequest(request, settings.maxBodyBytes);
  if (call instanceof Response) {
    return refuseUnreadable(governor, toolCall({ tenant, agent, tool, action }), call);
  }
  const { model, stream } = call;
  const price = settings.prices.get(model) ?? null;
  const asked = toolCall({
    ...{ tenant, agent, tool, action },
    args: { model, stream },
    context: { estimate: estimateCall(action, call, price) },
  });
  const { verdict } = await governor.authorize(asked);
  const { code, shadowed } = verdict;
  const states = governor.limits(asked);
  const tell = !shadowed && (code === 'ALLOWED' || code === 'RATE_LIMITED');
  if (verdict.effect !== 'allow') return denialResponse(verdict, tell ? states : []);
  const account = new CallAccount(governor, verdict, price, mostReserved(governor, asked));
  try {
    const unmet = findUnsupportedObligation(verdict.obligations, SUPPORTED_OBLIGATIONS);
    if (unmet === null) {
      const allowed = { route, call, asked, account, states, tell };
      return await forward(settings, allowed, request.signal);
    }
    account.end();
    const refused = governor.refuse(asked, 'OBLIGATION_UNSUPPORTED', 'policy', unmet.type);
    return denialResponse(refused);
  } catch (error) {
    account.end();
    throw error;
  }
}
