import { errorMessage, parseOptions } from '@cortex-governance/core';
import type { Transport } from '@modelcontextprotocol/server';
import { ClientGate } from './client-gate.ts';
import { type McpProxyCounters, McpProxyTally } from './mcp-proxy-counters.ts';
import {
  type McpProxyOptions,
  mcpProxyOptionsSchema,
  type ResolvedMcpProxyOptions,
} from './mcp-proxy-options.ts';
import { Outbox } from './outbox.ts';
import { PendingRequests } from './pending-requests.ts';
import { countDrop, type ProxyLink } from './proxy-link.ts';
import { type RpcMessage, readRpcMessage } from './rpc-message.ts';
import { refuseUpstream } from './rpc-refusal.ts';
import { ServerGate } from './server-gate.ts';

/** How a session ended. */
export interface McpProxyEnd {
  /** Whose transport closed or failed; `proxy` when {@link McpProxy.close} was called. */
  readonly by: 'client' | 'server' | 'proxy';
  /** What went wrong: an oversized message, a side that does not read; empty for a plain close. */
  readonly problem: string;
}

/** One session between an MCP client and a governed MCP server. */
export interface McpProxy {
  /** Starts both transports. Rejects, with both closed, when one cannot start. */
  start(): Promise<void>;
  /** Resolves when the session has ended and both transports are closed. Never rejects. */
  readonly ended: Promise<McpProxyEnd>;
  counters(): McpProxyCounters;
  /** Requests in flight. */
  pending(): number;
  /** Ends the session. Calls that are being decided are not sent any more. */
  close(): Promise<void>;
}

/**
 * A proxy that lets a client see and call only what the grants allow, and passes nothing else but what
 * the protocol needs.
 *
 * It works on messages: what passes keeps its id, and every `tools/call` that reaches the server carries
 * the arguments of an authorization that allowed it.
 * @throws {GovernanceError} OPTIONS_INVALID
 */
export function createMcpProxy(options: McpProxyOptions): McpProxy {
  return new Session(parseOptions(mcpProxyOptionsSchema, options, 'createMcpProxy(options)'));
}

/** How long answers that are on their way may take to leave when the server has ended, in milliseconds. */
const FLUSH_MS = 1000;

class Session implements McpProxy {
  readonly ended: Promise<McpProxyEnd>;
  readonly #client: Transport;
  readonly #server: Transport;
  readonly #link: ProxyLink;
  readonly #clientGate: ClientGate;
  readonly #serverGate: ServerGate;
  #unwatchGrants: () => void = () => {};
  #resolveEnded: (end: McpProxyEnd) => void = () => {};
  #isEnded = false;

  constructor(options: ResolvedMcpProxyOptions) {
    const { governor, tenant, agent, tool, client, server, logger, maxPending } = options;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#client = client;
    this.#server = server;
    this.#link = {
      governor,
      scope: { tenant, agent, tool },
      pending: new PendingRequests(maxPending),
      tally: new McpProxyTally(),
      toClient: this.#outbox('client', client, options.onWaiting),
      toServer: this.#outbox('server', server, options.onWaiting),
      logger,
      maxPending,
      isEnded: () => this.#isEnded,
    };
    this.#clientGate = new ClientGate(this.#link);
    this.#serverGate = new ServerGate(this.#link, server);
  }

  async start(): Promise<void> {
    this.#listen(this.#server, 'server', (message) => this.#serverGate.receive(message));
    this.#listen(this.#client, 'client', (message) => this.#clientGate.receive(message));
    this.#unwatchGrants = this.#link.governor.grants.onReload(({ changed }) => {
      if (changed) this.#serverGate.notifyToolsChanged();
    });
    try {
      await this.#server.start();
      await this.#client.start();
    } catch (error) {
      this.#end('proxy', errorMessage(error));
      await this.ended;
      throw error;
    }
  }

  counters(): McpProxyCounters {
    return this.#link.tally.counters();
  }

  pending(): number {
    return this.#link.pending.size;
  }

  async close(): Promise<void> {
    this.#end('proxy', '');
    await this.ended;
  }

  #outbox(
    side: 'client' | 'server',
    transport: Transport,
    onWaiting: ResolvedMcpProxyOptions['onWaiting'],
  ): Outbox {
    return new Outbox(transport, {
      waiting: (waits) => onWaiting(side, waits),
      failed: (problem) => this.#end(side, problem),
    });
  }

  #listen(
    transport: Transport,
    side: 'client' | 'server',
    receive: (message: RpcMessage) => void,
  ): void {
    let problem = '';
    transport.onmessage = (message) => {
      if (!this.#isEnded) receive(readRpcMessage(message));
    };
    transport.onerror = (error) => {
      countDrop(this.#link, `${side}_messages_malformed`, error.message);
      // An error that ends the transport closes it in the same turn; any other is forgotten.
      problem = error.message;
      queueMicrotask(() => {
        problem = '';
      });
    };
    transport.onclose = () => this.#end(side, problem);
  }

  #end(by: McpProxyEnd['by'], problem: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#unwatchGrants();
    void this.#finish({ by, problem });
  }

  async #finish(end: McpProxyEnd): Promise<void> {
    const { logger, pending, toClient, toServer } = this.#link;
    const waiting = pending.clear();
    toServer.close();
    if (end.by === 'server') {
      const problem = end.problem === '' ? 'the MCP server has ended' : end.problem;
      for (const request of waiting) toClient.push(refuseUpstream(request.id, problem));
      await flushed(toClient);
    }
    toClient.close();
    await Promise.allSettled([this.#client.close(), this.#server.close()]);
    if (end.problem !== '') logger.error('MCP_SESSION_FAILED', { ...end });
    this.#resolveEnded(end);
  }
}

async function flushed(outbox: Outbox): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FLUSH_MS);
  });
  await Promise.race([outbox.flush(), bound]);
  clearTimeout(timer);
}
