import {
  type Attributes,
  type DecisionRequest,
  errorMessage,
  findUnsupportedObligation,
  isPlainObject,
  toolCall,
  type Verdict,
} from '@cortex-governance/core';
import { withoutClientCapabilities, withoutClientEnvelope } from './capabilities.ts';
import { denialResult } from './denial-result.ts';
import type { PendingRequest } from './pending-requests.ts';
import { countDrop, type ProxyLink } from './proxy-link.ts';
import {
  isRequestId,
  type RpcMessage,
  type RpcNotification,
  type RpcParams,
  type RpcRequest,
  toCallMessage,
  toResultMessage,
} from './rpc-message.ts';
import { refuseDuplicate, refuseFault, refuseMethod, refuseOverload } from './rpc-refusal.ts';

/** Requests that pass undecided: they run no tool. `tools/list` is filtered on its way back. */
const PASSING_REQUESTS: ReadonlySet<string> = new Set([
  'initialize',
  'server/discover',
  'ping',
  'tools/list',
]);

const PASSING_NOTIFICATIONS: ReadonlySet<string> = new Set([
  'notifications/initialized',
  'notifications/progress',
]);

/** The proxy meets no obligations: it forwards a call or it does not. */
const NO_SUPPORTED_OBLIGATIONS: ReadonlySet<string> = new Set();

/** What goes from the client to the server: tool calls that were allowed, and the few methods above. */
export class ClientGate {
  readonly #link: ProxyLink;

  constructor(link: ProxyLink) {
    this.#link = link;
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
        // The proxy lets no request of the server pass, so there is nothing to respond to.
        countDrop(this.#link, 'client_responses_dropped', String(message.id));
        break;
      case 'malformed':
        countDrop(this.#link, 'client_messages_malformed', 'not a JSON-RPC message');
    }
  }

  #request(request: RpcRequest): void {
    const { pending, toClient, toServer, maxPending } = this.#link;
    const { id, method, params } = request;
    if (method !== 'tools/call' && !PASSING_REQUESTS.has(method)) {
      countDrop(this.#link, 'client_requests_refused', method);
      toClient.push(refuseMethod(id, method));
    } else if (pending.isTaken(id)) {
      countDrop(this.#link, 'client_ids_duplicate', method);
      toClient.push(refuseDuplicate(id));
    } else if (pending.isFull()) {
      countDrop(this.#link, 'client_requests_overload', method);
      toClient.push(refuseOverload(id, maxPending));
    } else {
      const entry = pending.add(id, method, params?.['_meta']);
      if (method === 'tools/call') {
        void this.#call(entry, params ?? {});
      } else {
        entry.forwarded = true;
        toServer.push(toCallMessage(request, withoutClientCapabilities(params)));
      }
    }
  }

  async #call(entry: PendingRequest, params: RpcParams): Promise<void> {
    const { governor, logger, pending, scope, toClient } = this.#link;
    // Read once: what is decided on and what is sent must be the same.
    const name = params['name'] as string;
    const meta = params['_meta'];
    const args = params['arguments'] as Attributes | undefined;
    // No call id: the client could choose one, and a repeated id is not charged to a limit.
    const request = toolCall({ ...scope, action: name, args: args === undefined ? {} : args });
    let allowed: Verdict | null = null;
    try {
      const { verdict, args: decided } = await governor.authorize(request);
      if (verdict.effect === 'allow') allowed = verdict;
      if (this.#link.isEnded()) return;
      if (entry.cancelled) {
        this.#dropCancelled(entry);
        return;
      }
      const refusal = this.#admit(entry, request, verdict);
      if (refusal === null) this.#forward(entry, { name, arguments: decided }, meta);
      else this.#refuse(entry, refusal);
    } catch (error) {
      if (this.#link.isEnded()) return;
      logger.error('MCP_CALL_FAULT', { problem: errorMessage(error) });
      this.#link.tally.count('calls_denied');
      pending.settle(entry);
      toClient.push(refuseFault(entry.id));
    } finally {
      // It never reached the server; one that did is settled when it ends.
      if (allowed !== null && !entry.forwarded) governor.cancel(allowed);
    }
  }

  /** Marks an allowed call as forwarded and returns null, or returns the verdict that refuses it. */
  #admit(entry: PendingRequest, request: DecisionRequest, verdict: Verdict): Verdict | null {
    if (verdict.effect !== 'allow') return verdict;
    const { governor } = this.#link;
    const unmet = findUnsupportedObligation(verdict.obligations, NO_SUPPORTED_OBLIGATIONS);
    if (unmet !== null) {
      return governor.refuse(request, 'OBLIGATION_UNSUPPORTED', 'policy', unmet.type);
    }
    const early: Verdict[] = [];
    const unwatch = governor.onStop(request, (stop) => {
      if (entry.forwarded) this.#stop(entry, stop);
      else early.push(stop);
    });
    const [stop] = early;
    if (stop !== undefined) {
      unwatch();
      return stop;
    }
    entry.forwarded = true;
    entry.onEnd = () => {
      unwatch();
      governor.settle(verdict);
    };
    return null;
  }

  /**
   * Sends the name and the arguments that were decided on. `_meta` goes along; every other member
   * (`task`, `inputResponses`, …) was not decided on and stays here, which is what MCP asks of a
   * receiver that does not announce tasks.
   */
  #forward(entry: PendingRequest, call: RpcParams, meta: unknown): void {
    this.#link.tally.count('calls_forwarded');
    this.#link.toServer.push({
      jsonrpc: '2.0',
      id: entry.id,
      method: 'tools/call',
      params: { ...call, ...(isPlainObject(meta) ? { _meta: withoutClientEnvelope(meta) } : {}) },
    });
  }

  #refuse(entry: PendingRequest, verdict: Verdict): void {
    const { pending, tally, toClient } = this.#link;
    tally.count(verdict.effect === 'escalate' ? 'calls_escalated' : 'calls_denied');
    pending.settle(entry);
    toClient.push(toResultMessage(entry.id, denialResult(verdict, entry.typedResult)));
  }

  /** MCP: a cancelled request is not answered. Its verdict stays in evidence. */
  #dropCancelled(entry: PendingRequest): void {
    this.#link.tally.count('calls_cancelled');
    this.#link.pending.settle(entry);
  }

  /** Ends a running call: the server is told, the client gets the denial, a late result gets nowhere. */
  #stop(entry: PendingRequest, verdict: Verdict): void {
    const { pending, tally, toClient, toServer } = this.#link;
    tally.count('calls_stopped');
    pending.abandon(entry);
    toServer.push({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: entry.id, reason: verdict.reason },
    });
    toClient.push(toResultMessage(entry.id, denialResult(verdict, entry.typedResult)));
  }

  #notification(notification: RpcNotification): void {
    const { method } = notification;
    if (method === 'notifications/cancelled') {
      this.#cancelled(notification);
    } else if (PASSING_NOTIFICATIONS.has(method)) {
      this.#link.toServer.push(toCallMessage(notification));
    } else {
      countDrop(this.#link, 'client_notifications_dropped', method);
    }
  }

  #cancelled(notification: RpcNotification): void {
    const { pending, toServer } = this.#link;
    const id = notification.params?.['requestId'];
    const entry = isRequestId(id) ? pending.find(id) : undefined;
    if (entry === undefined) {
      countDrop(this.#link, 'client_notifications_dropped', 'notifications/cancelled');
    } else if (entry.forwarded) {
      pending.abandon(entry);
      toServer.push(toCallMessage(notification));
    } else {
      entry.cancelled = true;
    }
  }
}
