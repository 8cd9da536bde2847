import { isPlainObject } from '@cortex-governance/core';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/server';

/** Parameters of a request or a notification: an object, by the MCP schema. */
export type RpcParams = Readonly<Record<string, unknown>>;

/** A message that asks for an answer. */
export interface RpcRequest {
  readonly kind: 'request';
  readonly id: RequestId;
  readonly method: string;
  /** Undefined when the message has none, or has something else than an object. */
  readonly params: RpcParams | undefined;
}

/** A message that asks for none. */
export interface RpcNotification {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: RpcParams | undefined;
}

/** An answer; exactly one of `result` and `error` is an object. */
export interface RpcResponse {
  readonly kind: 'response';
  readonly id: RequestId;
  readonly result: RpcParams | undefined;
  readonly error: RpcParams | undefined;
}

/** Anything else: a batch, an id that is neither a string nor a safe integer, a message without a kind. */
export interface RpcMalformed {
  readonly kind: 'malformed';
}

export type RpcMessage = RpcRequest | RpcNotification | RpcResponse | RpcMalformed;

const MALFORMED: RpcMalformed = Object.freeze({ kind: 'malformed' });

/**
 * What kind of message this is. The SDK's stdio transports have checked it against the schema
 * already; other transports may not have, so nothing is taken for granted.
 */
export function readRpcMessage(message: unknown): RpcMessage {
  if (!isPlainObject(message) || message['jsonrpc'] !== '2.0') return MALFORMED;
  const { id, method } = message;
  if (typeof method === 'string') {
    const params = objectOrUndefined(message['params']);
    if (id === undefined) return { kind: 'notification', method, params };
    return isRequestId(id) ? { kind: 'request', id, method, params } : MALFORMED;
  }
  if (method !== undefined || !isRequestId(id)) return MALFORMED;
  const result = objectOrUndefined(message['result']);
  const error = objectOrUndefined(message['error']);
  if ((result === undefined) === (error === undefined)) return MALFORMED;
  return { kind: 'response', id, result, error };
}

/** Whether a value can name a request (MCP: a string or an integer). */
export function isRequestId(id: unknown): id is RequestId {
  return typeof id === 'string' || Number.isSafeInteger(id);
}

/** A request or notification for the other side, made of the members that were looked at and no others. */
export function toCallMessage(
  message: RpcRequest | RpcNotification,
  params = message.params,
): JSONRPCMessage {
  return {
    jsonrpc: '2.0',
    ...(message.kind === 'request' ? { id: message.id } : {}),
    method: message.method,
    ...(params === undefined ? {} : { params }),
  };
}

/** A successful answer. */
export function toResultMessage(id: RequestId, result: RpcParams): JSONRPCMessage {
  return { jsonrpc: '2.0', id, result };
}

function objectOrUndefined(value: unknown): RpcParams | undefined {
  return isPlainObject(value) ? value : undefined;
}
