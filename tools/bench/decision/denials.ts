import type { DecisionRequest, KillTarget, VerdictCode } from '@cortex-governance/core';
import { TIGHT_TOOL } from './governed-workspace.ts';
import { OUTSIDE, type Question, requestOf } from './workload.ts';

/** One way to be denied. */
export interface Denial {
  readonly name: string;
  readonly code: VerdictCode;
  readonly request: (question: Question) => DecisionRequest;
  /** The stop that is in force while it is timed. */
  readonly stop?: KillTarget;
  /** Whether each request is asked once beforehand, to use up its limit. */
  readonly spent?: boolean;
}

/** Every stage's denial, in the order of the stages. */
export const DENIALS: readonly Denial[] = [
  { name: 'global kill', code: 'KILLED_GLOBAL', request: requestOf, stop: { scope: 'global' } },
  { name: 'malformed request', code: 'REQUEST_INVALID', request: withoutSubjectId },
  { name: 'tenant', code: 'TENANT_UNKNOWN', request: changed({ tenant: 'tenant-unknown' }) },
  {
    name: 'scoped kill',
    code: 'KILLED_AGENT',
    request: requestOf,
    stop: { scope: 'agent', agent: 'agent-1' },
  },
  { name: 'tool', code: 'TOOL_UNKNOWN', request: changed({ tool: 'tool-unknown' }) },
  { name: 'action', code: 'ACTION_NOT_ALLOWED', request: changed({ action: 'remove' }) },
  { name: 'argument', code: 'ARGUMENT_UNKNOWN', request: withUnknownArgument },
  {
    name: 'scope, plain path',
    code: 'PATH_OUT_OF_SCOPE',
    request: changed({ path: `${OUTSIDE}/key.pem` }),
  },
  { name: 'scope, `../` path', code: 'PATH_OUT_OF_SCOPE', request: withPathThatLeaves },
  {
    name: 'limit',
    code: 'RATE_LIMITED',
    request: changed({ tool: TIGHT_TOOL, action: 'read' }),
    spent: true,
  },
];

function changed(change: Partial<Question>): (question: Question) => DecisionRequest {
  return (question) => requestOf(question, change);
}

function withPathThatLeaves(question: Question): DecisionRequest {
  return requestOf(question, { path: question.path.replace('/', '/../../') });
}

function withUnknownArgument(question: Question): DecisionRequest {
  const request = requestOf(question);
  const properties = { ...request.action.properties, mode: 'fast' };
  return { ...request, action: { ...request.action, properties } };
}

function withoutSubjectId(question: Question): DecisionRequest {
  return { ...requestOf(question), subject: { type: 'agent' } as DecisionRequest['subject'] };
}
