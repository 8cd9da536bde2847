import type { Socket } from 'node:net';
import { GovernanceError, type Logger } from '@cortex-governance/core';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { failureBody, toHttpFailure } from './http-failure.ts';
import { setStatusHeaders } from './reply-headers.ts';
import { requestId } from './request-id.ts';
import type { CheckedServerOptions } from './server-options.ts';

/** Largest request head, 16 KiB: Node's own default, stated. */
const MAX_HEADER_BYTES = 16_384;

/** A socket on which nothing moves is closed this long after the longest answer could have begun. */
const STALL_MARGIN_MS = 30_000;

/** What an HTTP application needs to know. */
export interface HttpAppParts {
  readonly options: CheckedServerOptions;
  readonly bodyLimitBytes: number;
  /** Longest wait of a route for its first byte. */
  readonly longestAnswerMs: number;
  readonly logger: Logger;
  /** Whether a `Host` header names this server. */
  readonly hostAllowed: (header: string | undefined) => boolean;
}

/**
 * An HTTP application without routes: bounded in time and size, mute about itself, and with an answer
 * for everything that is not a route's business.
 */
export function createHttpApp(parts: HttpAppParts): FastifyInstance {
  const { options, bodyLimitBytes } = parts;
  const app = Fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    maxRequestsPerSocket: options.maxRequestsPerSocket,
    connectionTimeout: Math.max(parts.longestAnswerMs, options.requestTimeoutMs) + STALL_MARGIN_MS,
    forceCloseConnections: 'idle',
    http: {
      headersTimeout: options.headersTimeoutMs,
      maxHeaderSize: MAX_HEADER_BYTES,
      connectionsCheckingInterval: checkingInterval(options),
    },
    requestIdHeader: false,
    genReqId: (raw) => requestId(raw.headers['x-request-id']),
    // No hook has run when the router itself gives up.
    frameworkErrors: (error, request, reply) => {
      setCommonHeaders(request, reply);
      sendFailure(parts, error, request, reply);
    },
    clientErrorHandler: refuseConnection,
  });
  app.server.maxConnections = options.maxConnections;
  app.addHook('onRequest', async (request, reply) => {
    setCommonHeaders(request, reply);
    if (!parts.hostAllowed(request.headers.host)) throw new GovernanceError('HOST_UNTRUSTED');
  });
  app.setErrorHandler((error, request, reply) => sendFailure(parts, error, request, reply));
  answerUnknownRoutes(app);
  return app;
}

function setCommonHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id);
  reply.header('cache-control', 'no-store');
}

/** Answers 405 with `Allow` for a known path, 404 for any other, without reading the body. */
function answerUnknownRoutes(app: FastifyInstance): void {
  const methods = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set();
    for (const one of typeof method === 'string' ? [method] : method) known.add(one);
    methods.set(url, known);
  });
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) return undefined;
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = methods.get(path);
    const { code, message } = new GovernanceError('ROUTE_UNKNOWN');
    if (allowed === undefined)
      return reply.code(404).send(failureBody({ status: 404, code, message }));
    const allow = [...allowed].sort().join(', ');
    const failure = { status: 405, code, message: `this route takes ${allow}` };
    return reply.code(405).header('allow', allow).send(failureBody(failure));
  });
}

function sendFailure(
  parts: HttpAppParts,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const failure = toHttpFailure(error, parts.bodyLimitBytes);
  if (failure.status >= 500) {
    parts.logger.error('SERVER_FAULT', { requestId: request.id, problem: String(error) });
  }
  setStatusHeaders(reply, failure.status);
  return reply.code(failure.status).send(failureBody(failure));
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
};

/** Answers what is not HTTP, or too slow, with a bare status, and closes the connection. */
function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, phrase] = CLIENT_ERRORS[error.code ?? ''] ?? [400, 'Bad Request'];
  if (socket.writable) {
    socket.write(`HTTP/1.1 ${status} ${phrase}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  }
  socket.destroySoon();
}

/** How often time-outs are looked at: four times in the shortest, at most every five seconds. */
function checkingInterval(options: CheckedServerOptions): number {
  const shortest = Math.min(options.headersTimeoutMs, options.requestTimeoutMs);
  return Math.min(5_000, Math.max(1, Math.floor(shortest / 4)));
}
