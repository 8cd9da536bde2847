import { GovernanceError, type LimitUsage } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { DecisionPoint } from './decision-point.ts';
import { exchangeStatus } from './evaluation-answer.ts';
import { bodyError, failureBody } from './http-failure.ts';
import { checkBodyHeaders, objectBody } from './json-body.ts';
import { setVerdictHeaders } from './reply-headers.ts';
import { deriveTenant } from './tenant-source.ts';

/** Prefix of the routes that end allowed calls. */
export const DECISIONS_PREFIX = '/v1/decisions';

/** Most units of one call: up to here whole numbers, and sums of two of them, are exact. */
const MAX_UNITS = 2 ** 52;

const units = z.int().min(0).max(MAX_UNITS).optional();
const SETTLE_BODY = z.strictObject({ tokens: units, cost: units, tenant: z.unknown().optional() });
const CANCEL_BODY = z.strictObject({ tenant: z.unknown().optional() });

/** How an allowed call ends. */
type Ending = 'settle' | 'cancel';

interface DecisionParts {
  readonly governor: Governor;
  readonly point: DecisionPoint;
}

type DecisionIdRequest = FastifyRequest<{ Params: { id: string } }>;

/**
 * Ends calls that were allowed by the evaluation route, for enforcers in other processes: a call that
 * ran is settled, one that never ran is cancelled. Only calls of the caller's own tenant; any other is
 * answered as one that there is not.
 */
export function decisionRoutes(app: FastifyInstance, parts: DecisionParts): void {
  app.addHook('onRequest', async (request) => checkBodyHeaders(request));
  app.post(`${DECISIONS_PREFIX}/:id/settle`, async (request: DecisionIdRequest, reply) => {
    const { tokens, cost, tenant } = checkBody(SETTLE_BODY, request);
    const usage: LimitUsage = {
      ...(tokens === undefined ? {} : { tokens }),
      ...(cost === undefined ? {} : { cost }),
    };
    return endCall(parts, request, reply, { ending: 'settle', usage, tenant });
  });
  app.post(`${DECISIONS_PREFIX}/:id/cancel`, async (request: DecisionIdRequest, reply) => {
    const { tenant } = checkBody(CANCEL_BODY, request);
    return endCall(parts, request, reply, { ending: 'cancel', usage: {}, tenant });
  });
}

interface Order {
  readonly ending: Ending;
  readonly usage: LimitUsage;
  /** The body's own word. */
  readonly tenant: unknown;
}

async function endCall(
  { governor, point }: DecisionParts,
  request: DecisionIdRequest,
  reply: FastifyReply,
  { ending, usage, tenant }: Order,
): Promise<FastifyReply> {
  const { id } = request.params;
  const caller = await deriveTenant(governor, request, tenant);
  if (!caller.ok) {
    const verdict = await point.refuse(orderRequest(ending, id), caller.code);
    const status = exchangeStatus(verdict);
    setVerdictHeaders(reply, status, verdict);
    const { code, reason: message } = verdict;
    return reply.code(status).send(failureBody({ status, code, message }));
  }
  const own = governor.reservedBy(id) === caller.tenant;
  const done = own && (ending === 'settle' ? governor.settle(id, usage) : governor.cancel(id));
  if (!done) throw new GovernanceError('RESERVATION_UNKNOWN', { id });
  return reply.send(ending === 'settle' ? { settled: true } : { cancelled: true });
}

/** What is recorded of a caller without a tenant: nobody known, and what it tried. */
function orderRequest(ending: Ending, id: string): Parameters<DecisionPoint['refuse']>[0] {
  return {
    tenant: '',
    subject: { type: 'agent', id: 'unknown' },
    action: { name: ending },
    resource: { type: 'decision', id },
  };
}

function checkBody<T>(schema: z.ZodType<T>, request: FastifyRequest): T {
  const result = schema.safeParse(objectBody(request));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw bodyError(`${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'invalid'}`);
}
