import { isPlainObject } from '@cortex-governance/core';
import {
  type JSONRPCErrorResponse,
  type JSONRPCMessage,
  ProtocolErrorCode,
  type Transport,
} from '@modelcontextprotocol/server';
import { announcesListChanged, withToolsOnly } from './capabilities.ts';
import { VERDICT_META_KEY } from './denial-result.ts';
import type { PendingRequest } from './pending-requests.ts';
import { countDrop, type ProxyLink } from './proxy-link.ts';
import {
  type RpcMessage,
  type RpcNotification,
  type RpcParams,
  type RpcRequest,
  type RpcResponse,
  toCallMessage,
  toResultMessage,
} from './rpc-message.ts';
import { refuseMethod } from './rpc-refusal.ts';
import { filterTools } from './tool-filter.ts';

const PASSING_NOTIFICATIONS: ReadonlySet<string> = new Set([
  'notifications/cancelled',
  'notifications/message',
  'notifications/tools/list_changed',
]);

/** What goes from the server to the client: answers that are waited for, and a few notifications. */
export class ServerGate {
  readonly #link: ProxyLink;
  readonly #transport: Transport;
  #announcesListChanged = false;

  constructor(link: ProxyLink, transport: Transport) {
    this.#link = link;
    this.#transport = transport;
  }

  receive(message: RpcMessage): void {
    switch (message.kind) {
      case 'request':
        this.#request(message);
        break;
      case 'notification':
        this.#notification(message);
        break;
      case 'response':
        this.#response(message);
        break;
      case 'malformed':
        countDrop(this.#link, 'server_messages_malformed', 'not a JSON-RPC message');
    }
  }

  /** Tells a client that was promised it that other tools are allowed now. */
  notifyToolsChanged(): void {
    if (!this.#announcesListChanged) return;
    this.#link.toClient.push({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
  }

  #request({ id, method }: RpcRequest): void {
    if (method === 'ping') {
      this.#link.toServer.push(toResultMessage(id, {}));
      return;
    }
    countDrop(this.#link, 'server_requests_refused', method);
    this.#link.toServer.push(refuseMethod(id, method));
  }

  #notification(notification: RpcNotification): void {
    const { method, params } = notification;
    const passes =
      method === 'notifications/progress'
        ? this.#link.pending.hasProgressToken(params?.['progressToken'])
        : PASSING_NOTIFICATIONS.has(method);
    if (passes) this.#link.toClient.push(toCallMessage(notification));
    else countDrop(this.#link, 'server_notifications_dropped', method);
  }

  #response(response: RpcResponse): void {
    const { pending, toClient } = this.#link;
    const entry = pending.findForwarded(response.id);
    if (entry === undefined) {
      pending.forget(response.id);
      countDrop(this.#link, 'server_responses_dropped', 'nothing waits for it');
      return;
    }
    pending.settle(entry);
    toClient.push(this.#answer(entry, response));
  }

  #answer({ id, method }: PendingRequest, response: RpcResponse): JSONRPCMessage {
    const { result, error } = response;
    if (asksForInput(response)) {
      countDrop(this.#link, 'server_responses_refused', method);
      return refuseMethod(id, 'input_required');
    }
    if (result === undefined)
      return { jsonrpc: '2.0', id, error: error as JSONRPCErrorResponse['error'] };
    switch (method) {
      case 'initialize':
        return toResultMessage(id, this.#initialized(result));
      case 'server/discover':
        return toResultMessage(id, withToolsOnly(result));
      case 'tools/list':
        return toResultMessage(id, this.#filtered(result));
      default:
        return toResultMessage(id, withoutVerdict(result));
    }
  }

  #filtered(list: RpcParams): RpcParams {
    const { governor, scope, tally } = this.#link;
    const { result, hidden } = filterTools(governor, scope, list);
    tally.count('tools_hidden', hidden);
    return result;
  }

  #initialized(result: RpcParams): RpcParams {
    const version = result['protocolVersion'];
    // Transports over HTTP state the version in each request.
    if (typeof version === 'string') this.#transport.setProtocolVersion?.(version);
    this.#announcesListChanged = announcesListChanged(result);
    return withToolsOnly(result);
  }
}

/**
 * Whether an answer is none: it asks the client for sampling, elicitation or roots first (a result of
 * revision 2026-07-28, or error -32042 of 2025-11-25). The proxy refuses those as requests, so it does
 * not let them pass as answers; nor any other kind of result it does not know.
 */
function asksForInput({ result, error }: RpcResponse): boolean {
  if (error !== undefined) return error['code'] === ProtocolErrorCode.UrlElicitationRequired;
  const type = result?.['resultType'];
  return type !== undefined && type !== 'complete';
}

/** A server's result cannot pretend to be a verdict. */
function withoutVerdict(result: RpcParams): RpcParams {
  const meta = result['_meta'];
  if (!isPlainObject(meta) || !Object.hasOwn(meta, VERDICT_META_KEY)) return result;
  const { [VERDICT_META_KEY]: _, ...rest } = meta;
  return { ...result, _meta: rest };
}
