import {
  type Attributes,
  copyAttributes,
  findAttributeProblem,
  isPlainObject,
} from './attributes.ts';
import type { DecisionRequest, Resource } from './decision-request.ts';

/** Longest identifier (tenant, subject, action, resource, call id) in UTF-16 code units. */
export const MAX_IDENTIFIER_LENGTH = 256;

/**
 * Says why a value is not a well-formed {@link DecisionRequest}, or null when it is.
 * The problem starts with the member's place, such as `resource.id`. An empty tenant is well
 * formed: the tenant stage answers it, with its own code.
 */
export function findRequestProblem(request: unknown): string | null {
  if (!isPlainObject(request)) return 'request: not a plain object';
  const { tenant, callId } = request;
  // Places are joined to a text only when there is a problem: this is on the request path.
  return (
    (tenant === '' ? null : identifierProblem('tenant', '', tenant)) ??
    entityProblem('subject', request['subject']) ??
    actionProblem(request['action']) ??
    entityProblem('resource', request['resource']) ??
    attributesProblem('context', '', request['context']) ??
    (callId === undefined ? null : identifierProblem('callId', '', callId))
  );
}

/**
 * Whether {@link findRequestProblem} finds nothing: the same rules in the order in which the compiler
 * checks them for next to nothing. Members are read before the prototype: what it then knows of the
 * object's shape saves it a call.
 */
export function isWellFormedRequest(request: unknown): request is DecisionRequest {
  if (typeof request !== 'object' || request === null) return false;
  const { tenant, subject, action, resource, context, callId } = request as DecisionRequest;
  return (
    hasPlainPrototype(request) &&
    (tenant === '' || isIdentifier(tenant)) &&
    isEntity(subject) &&
    isAction(action) &&
    isEntity(resource) &&
    (context === undefined || findAttributeProblem(context) === null) &&
    (callId === undefined || isIdentifier(callId))
  );
}

/** A deep copy of a request in which {@link findRequestProblem} found no problem. */
export function copyRequest(request: DecisionRequest): DecisionRequest {
  const { tenant, subject, action, resource, context, callId } = request;
  return {
    tenant,
    subject: copyEntity(subject),
    action: { name: action.name, ...copyProperties(action.properties) },
    resource: copyEntity(resource),
    ...(context === undefined ? {} : { context: copyAttributes(context) }),
    ...(callId === undefined ? {} : { callId }),
  };
}

function copyEntity({ type, id, properties }: Resource): Resource {
  return { type, id, ...copyProperties(properties) };
}

function copyProperties(properties: Attributes | undefined): { readonly properties?: Attributes } {
  return properties === undefined ? {} : { properties: copyAttributes(properties) };
}

function actionProblem(action: unknown): string | null {
  if (!isPlainObject(action)) return 'action: not a plain object';
  return (
    identifierProblem('action', '.name', action['name']) ??
    attributesProblem('action', '.properties', action['properties'])
  );
}

function entityProblem(place: string, entity: unknown): string | null {
  if (!isPlainObject(entity)) return `${place}: not a plain object`;
  return (
    identifierProblem(place, '.type', entity['type']) ??
    identifierProblem(place, '.id', entity['id']) ??
    attributesProblem(place, '.properties', entity['properties'])
  );
}

function identifierProblem(place: string, member: string, value: unknown): string | null {
  if (typeof value !== 'string') return `${place}${member}: not a string`;
  if (value.length === 0) return `${place}${member}: empty`;
  if (value.length > MAX_IDENTIFIER_LENGTH) {
    return `${place}${member}: longer than ${MAX_IDENTIFIER_LENGTH} characters`;
  }
  return value.isWellFormed() ? null : `${place}${member}: lone surrogate`;
}

function attributesProblem(place: string, member: string, value: unknown): string | null {
  if (value === undefined) return null;
  const problem = findAttributeProblem(value);
  return problem === null ? null : `${place}${member}: ${problem}`;
}

function isEntity(entity: Resource): boolean {
  if (typeof entity !== 'object' || entity === null) return false;
  const { type, id, properties } = entity;
  return (
    hasPlainPrototype(entity) &&
    isIdentifier(type) &&
    isIdentifier(id) &&
    (properties === undefined || findAttributeProblem(properties) === null)
  );
}

function isAction(action: DecisionRequest['action']): boolean {
  if (typeof action !== 'object' || action === null) return false;
  const { name, properties } = action;
  return (
    hasPlainPrototype(action) &&
    isIdentifier(name) &&
    (properties === undefined || findAttributeProblem(properties) === null)
  );
}

function hasPlainPrototype(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isIdentifier(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= MAX_IDENTIFIER_LENGTH &&
    value.isWellFormed()
  );
}
