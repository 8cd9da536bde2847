import type { AddressInfo } from 'node:net';
import { errorMessage, GovernanceError, parseOptions } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import type { FastifyInstance } from 'fastify';
import { authzenMetadata, METADATA_PATH } from './authzen-metadata.ts';
import { authzenRoutes } from './authzen-routes.ts';
import { DecisionPoint } from './decision-point.ts';
import { decisionRoutes } from './decision-routes.ts';
import { gatewayRoutes } from './gateway-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { createHostCheck, isLoopback } from './host-check.ts';
import { createHttpApp } from './http-app.ts';
import { toHttpFailure } from './http-failure.ts';
import { countDroppedConnections, observeRequests } from './http-metrics.ts';
import { useStrictJson } from './json-body.ts';
import { operatorRoutes } from './operator-routes.ts';
import { ensureOperatorToken } from './operator-token.ts';
import {
  type CheckedServerOptions,
  type ServerOptions,
  serverOptionsSchema,
} from './server-options.ts';

/** Where a server listens. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** Base URL, without a slash at its end. */
  readonly url: string;
}

/** The sidecar: one governor over HTTP. */
export interface GovernanceServer {
  /**
   * Starts to listen. To be called once.
   * @throws {GovernanceError} LISTEN_FAILED, such as for a port that is in use.
   */
  listen(): Promise<ServerAddress>;
  /**
   * Stops accepting, lets requests in flight end for at most `closeTimeoutMs`, and closes every
   * connection. The governor stays open: it belongs to whoever made it. Never rejects; may be called again.
   */
  close(): Promise<void>;
}

/**
 * A server for a governor, not yet listening. Makes the operator token's file when there is none.
 * @throws {GovernanceError} OPTIONS_INVALID; CONFIG_INVALID for an operator token file that is not safe, or
 * a gateway that cannot be made.
 */
export async function createServer(
  governor: Governor,
  options: ServerOptions = {},
): Promise<GovernanceServer> {
  const checked = parseOptions(serverOptionsSchema, options, 'createServer(options)');
  const token = await ensureOperatorToken(governor.paths.operatorTokenFile);
  const server = new Server(governor, checked, token);
  await server.ready();
  return server;
}

class Server implements GovernanceServer {
  readonly #governor: Governor;
  readonly #options: CheckedServerOptions;
  readonly #host: string;
  readonly #port: number;
  readonly #app: FastifyInstance;
  #baseUrl = '';
  #closing: Promise<void> | null = null;

  constructor(governor: Governor, options: CheckedServerOptions, token: string) {
    const { server, gateway } = governor.config;
    this.#governor = governor;
    this.#options = options;
    this.#host = options.host ?? server.host;
    this.#port = options.port ?? server.port;
    this.#app = createHttpApp({
      options,
      bodyLimitBytes: server.bodyLimitBytes,
      longestAnswerMs: gateway?.timeoutMs ?? 0,
      logger: governor.logger,
      hostAllowed: createHostCheck(this.#host, options.allowedHosts),
    });
    this.#addRoutes(token);
  }

  /** Resolves when every route is in place. @throws what a route cannot be made with. */
  async ready(): Promise<void> {
    await this.#app.ready();
  }

  async listen(): Promise<ServerAddress> {
    try {
      await this.#app.listen({ host: this.#host, port: this.#port });
    } catch (error) {
      const address = formatAddress(this.#host, this.#port);
      throw new GovernanceError(
        'LISTEN_FAILED',
        { address, problem: listenProblem(error) },
        { cause: error },
      );
    }
    const { address, port } = this.#app.server.address() as AddressInfo;
    const url = `http://${formatAddress(address, port)}`;
    this.#baseUrl = this.#options.publicUrl ?? url;
    if (!isLoopback(address)) this.#governor.logger.warn('SERVER_EXPOSED', { address, port });
    return { host: address, port, url };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #addRoutes(token: string): void {
    const governor = this.#governor;
    const point = new DecisionPoint(governor);
    const { gateway } = governor.config;
    const { bodyLimitBytes } = governor.config.server;
    observeRequests(this.#app, governor.metrics);
    countDroppedConnections(this.#app, governor.metrics);
    healthRoutes(this.#app, governor);
    this.#app.get(METADATA_PATH, async () => authzenMetadata(this.#baseUrl));
    this.#app.register(async (scope) => {
      useStrictJson(scope);
      authzenRoutes(scope, {
        governor,
        point,
        fallbackRequiredSubfields: this.#options.fallbackRequiredSubfields,
        toFailure: (thrown) => toHttpFailure(thrown, bodyLimitBytes),
      });
    });
    this.#app.register(async (scope) => {
      useStrictJson(scope);
      decisionRoutes(scope, { governor, point });
    });
    this.#app.register(async (scope) => {
      useStrictJson(scope);
      operatorRoutes(scope, governor, token);
    });
    if (gateway === undefined) return;
    this.#app.register(async (scope) => {
      gatewayRoutes(scope, { governor, point, config: gateway, env: process.env });
    });
  }

  async #close(): Promise<void> {
    const { closeTimeoutMs } = this.#options;
    const timer = setTimeout(() => {
      this.#governor.logger.warn('SERVER_CLOSE_FORCED', { closeTimeoutMs });
      this.#app.server.closeAllConnections();
    }, closeTimeoutMs);
    try {
      await this.#app.close();
    } catch (error) {
      this.#governor.logger.error('SERVER_FAULT', { problem: errorMessage(error) });
    } finally {
      clearTimeout(timer);
    }
  }
}

function listenProblem(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'EADDRINUSE') return 'the port is in use';
  if (code === 'EACCES') return 'not permitted';
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'this machine has no such address';
  return errorMessage(error);
}

function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
