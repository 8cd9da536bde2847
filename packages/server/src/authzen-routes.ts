import type { Governor } from '@cortex-governance/governor';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { EVALUATION_PATH, EVALUATIONS_PATH } from './authzen-metadata.ts';
import type { DecisionPoint } from './decision-point.ts';
import { batchStatus, entryAnswer, evaluationAnswer, exchangeStatus } from './evaluation-answer.ts';
import { readEvaluations, toDecisionRequest } from './evaluation-body.ts';
import { runEvaluations } from './evaluation-runner.ts';
import type { HttpFailure } from './http-failure.ts';
import { checkBodyHeaders, objectBody } from './json-body.ts';
import { setStatusHeaders, setVerdictHeaders } from './reply-headers.ts';
import { deriveTenant } from './tenant-source.ts';

/** What the AuthZEN routes are made of. */
export interface AuthzenParts {
  readonly governor: Governor;
  readonly point: DecisionPoint;
  readonly fallbackRequiredSubfields: boolean;
  /** The failure to tell a client about what was thrown. */
  readonly toFailure: (thrown: unknown) => HttpFailure;
}

/**
 * The Access Evaluation and Access Evaluations APIs of AuthZEN 1.0. Whatever goes wrong, the body is a
 * decision: `false`, with the reason in `context`.
 */
export function authzenRoutes(app: FastifyInstance, parts: AuthzenParts): void {
  const routes = new AuthzenRoutes(parts);
  app.addHook('onRequest', async (request) => checkBodyHeaders(request));
  app.setErrorHandler((error, request, reply) => routes.refuseUnreadable(error, request, reply));
  app.post(EVALUATION_PATH, (request, reply) => routes.evaluation(request, reply));
  app.post(EVALUATIONS_PATH, (request, reply) => routes.evaluations(request, reply));
}

class AuthzenRoutes {
  readonly #parts: AuthzenParts;

  constructor(parts: AuthzenParts) {
    this.#parts = parts;
  }

  async evaluation(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { governor, point } = this.#parts;
    const body = objectBody(request);
    const caller = await deriveTenant(governor, request, body['tenant']);
    const asked = caller.ok
      ? toDecisionRequest(body, caller.tenant, caller.purpose)
      : toDecisionRequest(body, '');
    const verdict = caller.ok
      ? await point.evaluate(asked)
      : await point.refuse(asked, caller.code);
    const status = exchangeStatus(verdict);
    setVerdictHeaders(reply, status, verdict, governor.limits(asked));
    return reply.code(status).send(evaluationAnswer(verdict));
  }

  async evaluations(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { governor, point, fallbackRequiredSubfields } = this.#parts;
    const { maxBatch, bodyLimitBytes } = governor.config.server;
    const body = objectBody(request);
    const batch = readEvaluations(body, { maxBatch, bodyLimitBytes, fallbackRequiredSubfields });
    if (batch === null) return this.evaluation(request, reply);
    const caller = await deriveTenant(governor, request, body['tenant']);
    if (!caller.ok) {
      const verdict = await point.refuse(toDecisionRequest(batch.entries[0], ''), caller.code);
      const status = exchangeStatus(verdict);
      setVerdictHeaders(reply, status, verdict);
      return reply.code(status).send(evaluationAnswer(verdict));
    }
    const verdicts = await runEvaluations(point, batch.entries, batch.semantic, caller);
    const status = batchStatus(verdicts);
    setStatusHeaders(reply, status);
    return reply.code(status).send({ evaluations: verdicts.map(entryAnswer) });
  }

  /**
   * Answers an exchange that failed before or beside a decision. A body that cannot be read is put
   * to the engine all the same: it is recorded, and a stop is answered first.
   */
  async refuseUnreadable(
    error: unknown,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const failure = this.#parts.toFailure(error);
    if (failure.status >= 500) {
      this.#parts.governor.logger.error('SERVER_FAULT', {
        requestId: request.id,
        problem: String(error),
      });
    }
    const verdict = await this.#parts.point.evaluateUnreadable();
    const answer = evaluationAnswer(verdict);
    if (verdict.code !== 'REQUEST_INVALID') {
      setVerdictHeaders(reply, verdict.httpStatus, verdict);
      return reply.code(verdict.httpStatus).send(answer);
    }
    const { status, code, message } = failure;
    setStatusHeaders(reply, status);
    const context = { ...answer.context, code, reason: message, httpStatus: status };
    return reply.code(status).send({ ...answer, context });
  }
}
