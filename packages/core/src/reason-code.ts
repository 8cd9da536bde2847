import type { Effect } from './effect.ts';

/** One row of {@link REASON_CODES}. */
export interface ReasonCodeDefinition {
  /** The effect of a verdict with this code; null for codes that only errors carry. */
  readonly effect: Effect | null;
  /** HTTP status of a verdict or error with this code. */
  readonly httpStatus: number;
  /** Whether the same question, asked again later, may be answered differently. */
  readonly retryable: boolean;
  /** The message; `{name}` is filled from the error's details. Verdict messages have no holes. */
  readonly message: string;
}

function verdict<const E extends Effect>(
  effect: E,
  httpStatus: number,
  retryable: boolean,
  message: string,
): ReasonCodeDefinition & { readonly effect: E } {
  return Object.freeze({ effect, httpStatus, retryable, message });
}

function error(
  httpStatus: number,
  retryable: boolean,
  message: string,
): ReasonCodeDefinition & { readonly effect: null } {
  return Object.freeze({ effect: null, httpStatus, retryable, message });
}

/**
 * Every code that a verdict or a {@link GovernanceError} can carry: the one table.
 * `docs/reference/errors.md` is generated from it.
 *
 * The messages of ACTION_NOT_ALLOWED, PATH_OUT_OF_SCOPE and RATE_LIMITED are relied on by
 * existing callers of `enforce` and MUST NOT change.
 */
export const REASON_CODES = Object.freeze({
  ALLOWED: verdict('allow', 200, false, 'allowed'),
  APPROVAL_REQUIRED: verdict('escalate', 403, true, 'a person must approve this action'),

  KILLED_GLOBAL: verdict('deny', 503, true, 'stopped by an operator: everything'),
  KILLED_TENANT: verdict('deny', 503, true, 'stopped by an operator: this tenant'),
  KILLED_AGENT: verdict('deny', 503, true, 'stopped by an operator: this agent'),
  KILLED_TOOL: verdict('deny', 503, true, 'stopped by an operator: this tool'),
  KILLED_ACTION: verdict('deny', 503, true, 'stopped by an operator: this action'),
  KILL_SWITCH_UNREADABLE: verdict('deny', 503, true, 'the kill switch state cannot be read'),
  GOVERNOR_CLOSED: verdict('deny', 503, false, 'the governor is closed'),

  REQUEST_INVALID: verdict('deny', 400, false, 'the request is not well formed'),
  TENANT_MISSING: verdict('deny', 401, false, 'no tenant'),
  TENANT_MALFORMED: verdict('deny', 401, false, 'the tenant id is malformed'),
  TENANT_TOKEN_INVALID: verdict('deny', 401, false, 'the tenant token is not valid'),
  TENANT_SOURCE_UNTRUSTED: verdict('deny', 401, false, 'the tenant comes from an untrusted peer'),
  TENANT_UNKNOWN: verdict('deny', 403, false, 'unknown tenant'),
  TENANT_CONFLICT: verdict('deny', 403, false, 'more than one tenant in one request'),

  RESOURCE_TYPE_UNKNOWN: verdict('deny', 403, false, 'unknown resource type'),
  TOOL_UNKNOWN: verdict('deny', 403, false, 'no grant for this tool'),
  ACTION_NOT_ALLOWED: verdict('deny', 403, false, 'action not allowed'),
  TENANT_NOT_GRANTED: verdict('deny', 403, false, 'the grant does not name this tenant'),
  SUBJECT_NOT_GRANTED: verdict('deny', 403, false, 'the grant does not name this subject'),
  POLICY_STALE: verdict('deny', 403, true, 'the policy is too old for a high-risk grant'),

  ARGUMENT_UNKNOWN: verdict('deny', 403, false, 'argument not declared in the grant'),
  ARGUMENT_MISSING: verdict('deny', 403, false, 'required argument missing'),
  ARGUMENT_INVALID: verdict('deny', 403, false, 'argument does not match the grant'),
  PATH_INVALID: verdict('deny', 403, false, 'path is malformed'),
  PATH_OUT_OF_SCOPE: verdict('deny', 403, false, 'path not within fsScope'),
  HOST_NOT_ALLOWED: verdict('deny', 403, false, 'host not within egress'),

  POLICY_DENIED: verdict('deny', 403, false, 'denied by policy'),
  RATE_LIMITED: verdict('deny', 429, true, 'rate limit exceeded'),
  LIMITER_FULL: verdict('deny', 503, true, 'the limiter has no room for another key'),
  LIMITER_UNAVAILABLE: verdict('deny', 503, true, 'the limit store cannot be reached'),
  OBLIGATION_UNSUPPORTED: verdict('deny', 403, false, 'an obligation cannot be met here'),
  EVIDENCE_UNAVAILABLE: verdict('deny', 503, true, 'evidence cannot be written'),
  ENGINE_FAULT: verdict('deny', 500, true, 'a part of the engine failed'),

  METHOD_NOT_ALLOWED: error(403, false, 'method "{method}" is not governed and is refused'),
  BODY_INVALID: error(400, false, '{problem}'),
  RESERVATION_UNKNOWN: error(404, false, 'no call {id} has anything to settle'),
  UPSTREAM_UNAVAILABLE: error(502, true, 'upstream failed: {problem}'),
  OVERLOADED: error(503, true, 'more than {limit} requests in flight'),
  OPERATOR_UNAUTHORIZED: error(401, false, 'an operator token is required'),
  ROUTE_UNKNOWN: error(404, false, 'there is no such route'),
  HOST_UNTRUSTED: error(421, false, 'the Host header does not name this server'),
  LISTEN_FAILED: error(500, true, 'cannot listen on {address}: {problem}'),

  OPTIONS_INVALID: error(500, false, '{where}: {problem}'),
  CONFIG_INVALID: error(500, false, '{file}: {place}: {problem}'),
  GRANT_ID_INVALID: error(400, false, 'grant id {id}: {problem}'),
  GRANT_NOT_FOUND: error(404, false, 'no grant file {file}'),
  GRANT_INVALID: error(500, false, '{file}: {place}: {problem}'),
  GRANT_FILE_UNSAFE: error(500, false, '{file}: {problem}'),
  KILL_SWITCH_INVALID: error(500, false, '{file}: {place}: {problem}'),
  KILL_SWITCH_WRITE_FAILED: error(500, true, '{file}: {problem}'),
  POLICY_UPDATE_FAILED: error(500, true, '{file}: {problem}'),
  POLICY_INTEGRITY_CHECK_FAILED: error(500, false, '{file}: {problem}'),
  EVIDENCE_WRITE_FAILED: error(500, false, '{file}: {problem}'),
  EVIDENCE_LOCKED: error(500, true, '{dir}: another writer holds this log: {holder}'),
  EVIDENCE_CORRUPT: error(500, false, '{file}: {place}: {problem}'),
  EVIDENCE_KEY_INVALID: error(500, false, '{file}: {problem}'),
  EVIDENCE_TIER_UNAVAILABLE: error(503, true, '{tier}: {problem}'),
} satisfies Record<string, ReasonCodeDefinition>);

/** A code of {@link REASON_CODES}. */
export type ReasonCode = keyof typeof REASON_CODES;

type CodesWithEffect<E> = {
  [C in ReasonCode]: (typeof REASON_CODES)[C]['effect'] extends E ? C : never;
}[ReasonCode];

/** The codes that a verdict can carry. */
export type VerdictCode = CodesWithEffect<Effect>;

/** The codes of a denial. */
export type DenialCode = CodesWithEffect<'deny'>;

/** Whether a string is a code of the table. */
export function isReasonCode(code: unknown): code is ReasonCode {
  return typeof code === 'string' && Object.hasOwn(REASON_CODES, code);
}
