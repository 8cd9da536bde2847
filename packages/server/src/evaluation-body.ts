import { type DecisionRequest, isPlainObject } from '@cortex-governance/core';
import { bodyError } from './http-failure.ts';

/** Top-level members of a batch that an entry takes over when it has none of its own (AuthZEN 1.0 section 7.1.1). */
const DEFAULTED = ['subject', 'action', 'resource', 'context'] as const;

/** Members without which an entity is not complete, by entity. */
const REQUIRED_MEMBERS = {
  subject: ['type', 'id'],
  action: ['name'],
  resource: ['type', 'id'],
} as const;

/** How a batch is carried out (AuthZEN 1.0 section 7.1.2.1). */
export const EVALUATIONS_SEMANTICS = [
  'execute_all',
  'deny_on_first_deny',
  'permit_on_first_permit',
] as const;

export type EvaluationsSemantic = (typeof EVALUATIONS_SEMANTICS)[number];

/**
 * Largest batch with its defaults written out, in times the largest body: a small body must not make
 * the server copy and digest one large default a thousand times over.
 */
const MAX_EXPANSION = 16;

/** What a batch may be. */
export interface EvaluationsLimits {
  readonly maxBatch: number;
  readonly bodyLimitBytes: number;
  /** See `ServerOptions.fallbackRequiredSubfields`. */
  readonly fallbackRequiredSubfields: boolean;
}

/** A batch, its defaults applied. */
export interface EvaluationsBody {
  readonly semantic: EvaluationsSemantic;
  /** One evaluation body for each entry, in order; an entry that is not an object stays as it is. */
  readonly entries: readonly unknown[];
}

/**
 * The decision request in an evaluation body. Unknown members are left out, as AuthZEN asks. What is
 * missing or of a wrong type stays so: the engine answers it, with the code that every caller gets.
 * @param purpose the caller's authenticated purpose; it takes the place of `context.purpose`.
 */
export function toDecisionRequest(
  body: unknown,
  tenant: string,
  purpose?: string,
): DecisionRequest {
  if (!isPlainObject(body)) return body as unknown as DecisionRequest;
  const request: Record<string, unknown> = {
    tenant,
    subject: pick(body['subject'], ['type', 'id', 'properties']),
    action: pick(body['action'], ['name', 'properties']),
    resource: pick(body['resource'], ['type', 'id', 'properties']),
    ...(pick(body, ['context', 'callId']) as object),
  };
  if (purpose !== undefined) request['context'] = withPurpose(request['context'], purpose);
  return request as unknown as DecisionRequest;
}

/**
 * The batch in a body, or null when it has no entries and is to be treated as one evaluation.
 * @throws {GovernanceError} BODY_INVALID for a batch that cannot be carried out as a whole.
 */
export function readEvaluations(
  body: Record<string, unknown>,
  limits: EvaluationsLimits,
): EvaluationsBody | null {
  const semantic = readSemantic(body['options']);
  const evaluations = body['evaluations'];
  if (evaluations === undefined) return null;
  if (!Array.isArray(evaluations)) throw bodyError('evaluations: not an array');
  if (evaluations.length === 0) return null;
  const { maxBatch, bodyLimitBytes, fallbackRequiredSubfields } = limits;
  if (evaluations.length > maxBatch) throw bodyError(`evaluations: more than ${maxBatch} entries`);
  const defaults = pick(body, DEFAULTED) as Record<string, unknown>;
  if (JSON.stringify(defaults).length * evaluations.length > MAX_EXPANSION * bodyLimitBytes) {
    throw bodyError('evaluations: the defaults are too large for so many entries');
  }
  const entries = evaluations.map((entry: unknown) =>
    withDefaults(entry, defaults, fallbackRequiredSubfields),
  );
  return { semantic, entries };
}

function readSemantic(options: unknown): EvaluationsSemantic {
  if (options === undefined) return 'execute_all';
  if (!isPlainObject(options)) throw bodyError('options: not an object');
  const given = options['evaluations_semantic'];
  if (given === undefined) return 'execute_all';
  const semantic = EVALUATIONS_SEMANTICS.find((known) => known === given);
  if (semantic === undefined) {
    throw bodyError(`options.evaluations_semantic: not one of ${EVALUATIONS_SEMANTICS.join(', ')}`);
  }
  return semantic;
}

function withDefaults(
  entry: unknown,
  defaults: Record<string, unknown>,
  fallback: boolean,
): unknown {
  if (!isPlainObject(entry)) return entry;
  const merged = { ...defaults, ...entry };
  if (!fallback) return merged;
  for (const [entity, members] of Object.entries(REQUIRED_MEMBERS)) {
    merged[entity] = fillIn(merged[entity], defaults[entity], members);
  }
  return merged;
}

function fillIn(entity: unknown, fallback: unknown, members: readonly string[]): unknown {
  if (!isPlainObject(entity) || !isPlainObject(fallback)) return entity;
  return { ...(pick(fallback, members) as object), ...entity };
}

function withPurpose(context: unknown, purpose: string): unknown {
  if (context === undefined) return { purpose };
  return isPlainObject(context) ? { ...context, purpose } : context;
}

function pick(value: unknown, names: readonly string[]): unknown {
  if (!isPlainObject(value)) return value;
  const picked: Record<string, unknown> = {};
  for (const name of names) {
    if (Object.hasOwn(value, name)) picked[name] = value[name];
  }
  return picked;
}
