import { isPlainObject, parseStrictJson } from '@cortex-governance/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { bodyError } from './http-failure.ts';
import { findMediaTypeProblem } from './media-type.ts';

/** Makes strict JSON the only kind of body in this scope. */
export function useStrictJson(app: FastifyInstance): void {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => {
      if (body.length === 0) throw bodyError('the body is empty');
      let text: string;
      try {
        text = decoder.decode(body);
      } catch {
        throw bodyError('the body is not UTF-8');
      }
      return parseStrictJson(text);
    },
  );
}

/** Refuses a body that is not plain JSON by its headers, before any of it is read. @throws {GovernanceError} BODY_INVALID */
export function checkBodyHeaders(request: FastifyRequest): void {
  const problem = findMediaTypeProblem(request.headers['content-type']);
  if (problem !== null) throw bodyError(problem);
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw bodyError('Content-Encoding is not supported');
  }
}

/** The body of a request as an object. @throws {GovernanceError} BODY_INVALID */
export function objectBody(request: FastifyRequest): Record<string, unknown> {
  if (request.body === undefined) throw bodyError('the body is empty');
  if (!isPlainObject(request.body)) throw bodyError('the body is not a JSON object');
  return request.body;
}
