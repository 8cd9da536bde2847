import { GovernanceError, type ReasonCode } from '@cortex-governance/core';
import {
  INTERNAL_ERROR,
  INVALID_REQUEST,
  type JSONRPCMessage,
  METHOD_NOT_FOUND,
  type RequestId,
} from '@modelcontextprotocol/server';

/** JSON-RPC code for a refusal that a later try may not meet; of the range for implementations. */
const SERVER_BUSY = -32000;

/**
 * The answer to a request whose method is not governed. The code is -32601 and not the -32001 of an
 * authorization denial: the capabilities that the proxy announces leave these methods out, so for the
 * caller they do not exist.
 */
export function refuseMethod(id: RequestId, method: string): JSONRPCMessage {
  const shown = method.slice(0, MAX_SHOWN_METHOD);
  return refusal(
    id,
    METHOD_NOT_FOUND,
    new GovernanceError('METHOD_NOT_ALLOWED', { method: shown }),
  );
}

/** The answer to a request whose id is in use. */
export function refuseDuplicate(id: RequestId): JSONRPCMessage {
  return refusal(
    id,
    INVALID_REQUEST,
    new GovernanceError('BODY_INVALID', { problem: 'the request id is in use' }),
  );
}

/** The answer to a request beyond the bound on requests in flight. */
export function refuseOverload(id: RequestId, limit: number): JSONRPCMessage {
  return refusal(id, SERVER_BUSY, new GovernanceError('OVERLOADED', { limit }));
}

/** The answer to a request that the server will not answer any more. */
export function refuseUpstream(id: RequestId, problem: string): JSONRPCMessage {
  return refusal(id, INTERNAL_ERROR, new GovernanceError('UPSTREAM_UNAVAILABLE', { problem }));
}

/** The answer to a call for which there is no verdict, because the governor broke its contract. */
export function refuseFault(id: RequestId): JSONRPCMessage {
  return refusal(id, INTERNAL_ERROR, new GovernanceError('ENGINE_FAULT'));
}

/** Longest method name repeated in a refusal, in UTF-16 code units. */
const MAX_SHOWN_METHOD = 128;

function refusal(id: RequestId, code: number, error: GovernanceError): JSONRPCMessage {
  const data: { code: ReasonCode } = { code: error.code };
  return { jsonrpc: '2.0', id, error: { code, message: error.message, data } };
}
