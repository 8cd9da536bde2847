import { GovernanceError, KILL_SCOPES, type KillOrder } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bodyError, failureBody } from './http-failure.ts';
import { checkBodyHeaders, objectBody } from './json-body.ts';
import { bearsToken } from './operator-token.ts';
import { setStatusHeaders } from './reply-headers.ts';

/** Prefix of the operator routes. */
export const OPERATOR_PREFIX = '/v1/operator';

const KILL_ORDER = z.strictObject({
  scope: z.enum(KILL_SCOPES),
  tenant: z.string().optional(),
  agent: z.string().optional(),
  tool: z.string().optional(),
  action: z.string().optional(),
  actor: z.string().min(1),
  reason: z.string().min(1),
});

/**
 * Status, stops and reloads, for whoever holds the operator token. The token is asked for before
 * anything of the request's body is read.
 */
export function operatorRoutes(app: FastifyInstance, governor: Governor, token: string): void {
  app.addHook('onRequest', async (request) => {
    if (!bearsToken(request.headers.authorization, token)) {
      throw new GovernanceError('OPERATOR_UNAUTHORIZED');
    }
  });
  app.setErrorHandler((error, _request, reply) => {
    // Not for every caller, but an operator must read that a stop is in force and not durable.
    if (!GovernanceError.isInstance(error)) throw error;
    const { httpStatus: status, code, message } = error;
    setStatusHeaders(reply, status);
    return reply.code(status).send(failureBody({ status, code, message }));
  });
  app.get(`${OPERATOR_PREFIX}/status`, async () => governor.status());
  app.post(`${OPERATOR_PREFIX}/kill`, async (request) => {
    return { engaged: await changeSwitch(() => governor.killSwitch.engage(killOrder(request))) };
  });
  app.post(`${OPERATOR_PREFIX}/release`, async (request) => {
    return { released: await changeSwitch(() => governor.killSwitch.release(killOrder(request))) };
  });
  app.post(`${OPERATOR_PREFIX}/grants/reload`, async (_request, reply) => {
    const reload = await governor.grants.reload();
    return reply.code(reload.ok ? 200 : 500).send(reload);
  });
}

function killOrder(request: FastifyRequest): KillOrder {
  checkBodyHeaders(request);
  const result = KILL_ORDER.safeParse(objectBody(request));
  if (!result.success) {
    const issue = result.error.issues[0];
    throw bodyError(`${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'invalid'}`);
  }
  // Members that are absent stay absent: the parse result has them only when they were given.
  return result.data as KillOrder;
}

/** What the switch refuses for its form is the caller's mistake, not the server's. */
async function changeSwitch<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (GovernanceError.isInstance(error) && error.code === 'OPTIONS_INVALID')
      throw bodyError(error.message);
    throw error;
  }
}
