import { Readable } from 'node:stream';
import { createModelGateway, type ModelGateway } from '@cortex-governance/adapter-model-gateway';
import { type DenialCode, GovernanceError, toolCall } from '@cortex-governance/core';
import type { GovernanceConfig, Governor } from '@cortex-governance/governor';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { DecisionPoint } from './decision-point.ts';
import { exchangeStatus } from './evaluation-answer.ts';
import { findGatewayAgent, type GatewayAgent } from './gateway-agent.ts';
import { setVerdictHeaders } from './reply-headers.ts';
import { deriveTenant } from './tenant-source.ts';

/** Paths of the gateway, and the grant's action for each. */
const ACTIONS: Readonly<Record<string, string>> = {
  '/v1/chat/completions': 'chat',
  '/v1/embeddings': 'embeddings',
  '/v1/rerank': 'rerank',
};

/** Header fields of the client that the gateway reads. None of them is sent on. */
const READ_FIELDS = ['content-type', 'content-length', 'content-encoding', 'accept'] as const;

/** What the gateway's routes are made of. */
export interface GatewayParts {
  readonly governor: Governor;
  readonly point: DecisionPoint;
  readonly config: NonNullable<GovernanceConfig['gateway']>;
  /** Where the upstream's API key is looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The model gateway: an OpenAI-compatible API whose calls are decided on first.
 * @throws {GovernanceError} CONFIG_INVALID for an upstream that is not usable, or an API key that is not there.
 */
export function gatewayRoutes(app: FastifyInstance, parts: GatewayParts): void {
  const gateway = createGateway(parts);
  // The gateway reads and bounds the body itself.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  for (const path of Object.keys(ACTIONS)) {
    app.post(path, (request, reply) => answer(gateway, parts, request, reply));
  }
}

function createGateway({ governor, config, env }: GatewayParts): ModelGateway {
  const { upstream, apiKeyEnv, tool, timeoutMs, prices } = config;
  const { configFile: file } = governor.paths;
  const apiKey = apiKeyEnv === undefined ? undefined : env[apiKeyEnv];
  if (apiKeyEnv !== undefined && (apiKey === undefined || apiKey === '')) {
    const problem = `the environment has no variable ${apiKeyEnv}`;
    throw new GovernanceError('CONFIG_INVALID', { file, place: 'gateway.apiKeyEnv', problem });
  }
  try {
    return createModelGateway({
      governor,
      upstream,
      tool,
      timeoutMs,
      prices,
      maxBodyBytes: governor.config.server.bodyLimitBytes,
      ...(apiKey === undefined ? {} : { apiKey }),
    });
  } catch (cause) {
    if (!GovernanceError.isInstance(cause)) throw cause;
    const details = { file, place: 'gateway', problem: cause.message };
    throw new GovernanceError('CONFIG_INVALID', details, { cause });
  }
}

async function answer(
  gateway: ModelGateway,
  parts: GatewayParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = await deriveTenant(parts.governor, request);
  if (!caller.ok) return refuse(parts, request, reply, caller.code, '');
  const found: GatewayAgent = findGatewayAgent(caller, request.raw.rawHeaders);
  if (found.agent === null) return refuse(parts, request, reply, 'REQUEST_INVALID', found.problem);
  const response = await gateway.handle(toFetchRequest(request, reply), {
    tenant: caller.tenant,
    agent: found.agent,
  });
  return reply.send(response);
}

/** Refuses a caller without a tenant or agent, in the gateway's own form, with evidence. */
async function refuse(
  { point, config }: GatewayParts,
  request: FastifyRequest,
  reply: FastifyReply,
  code: DenialCode,
  detail: string,
): Promise<FastifyReply> {
  const action = ACTIONS[request.routeOptions.url ?? ''] ?? 'unknown';
  const call = toolCall({ tenant: '', agent: 'unknown', tool: config.tool, action });
  const verdict = await point.refuse(call, code, detail);
  setVerdictHeaders(reply, exchangeStatus(verdict), verdict);
  const error = {
    message: verdict.reason,
    type: 'governance_denied',
    code: verdict.code,
    param: null,
  };
  return reply.code(verdict.httpStatus).send({ error, verdict });
}

/** The request as the gateway takes it; its signal fires when the client goes away. */
function toFetchRequest(request: FastifyRequest, reply: FastifyReply): Request {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  const headers = new Headers();
  for (const name of READ_FIELDS) {
    const value = request.headers[name];
    if (value !== undefined) headers.set(name, value);
  }
  return new Request(`http://gateway${request.routeOptions.url ?? '/'}`, {
    method: 'POST',
    headers,
    body: Readable.toWeb(request.raw) as ReadableStream<Uint8Array>,
    duplex: 'half',
    signal: gone.signal,
  } as RequestInit);
}
