import type { Attributes, DecisionRequest, EvidenceEvent, Verdict } from '@cortex-governance/core';
import { AttributeSnapshot, type PropertiesCopy } from './attribute-snapshot.ts';

/** Estimated bytes of a queued decision without its properties and its identifiers' text. */
const DECISION_BYTES = 512;
const EVENT_BYTES = 128;

/** Everything a decision record is made from; shares nothing with the caller that can change. */
export interface QueuedDecision {
  readonly kind: 'decision';
  /** Estimated bytes held in memory. */
  readonly bytes: number;
  readonly tenant: string;
  readonly subjectType: string;
  readonly subjectId: string;
  readonly subjectProperties: PropertiesCopy;
  readonly action: string;
  readonly args: PropertiesCopy;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly resourceProperties: PropertiesCopy;
  readonly context: PropertiesCopy;
  readonly callId: string | null;
  readonly verdictId: string;
  readonly effect: Verdict['effect'];
  readonly code: string;
  readonly reason: string;
  readonly stage: string;
  readonly policyHash: string;
  readonly retryAfterMs: number;
  readonly shadowed: boolean;
  readonly obligations: readonly string[];
}

/** Everything an event record is made from. */
export interface QueuedEvent {
  readonly kind: 'event';
  readonly bytes: number;
  readonly id: string;
  readonly type: string;
  readonly properties: PropertiesCopy;
}

export type QueuedItem = QueuedDecision | QueuedEvent;

/** Copies what a decision record needs. Throws only when the request or the verdict does. */
export function queueDecision(request: DecisionRequest, verdict: Verdict): QueuedDecision {
  const { subject, action, resource, callId } = request;
  const snapshot = new AttributeSnapshot();
  const subjectProperties = snapshot.copy(subject.properties);
  const args = snapshot.copy(action.properties);
  const resourceProperties = snapshot.copy(resource.properties);
  const context = snapshot.copy(request.context);
  return {
    kind: 'decision',
    bytes: DECISION_BYTES + snapshot.bytes + verdict.reason.length,
    tenant: request.tenant,
    subjectType: subject.type,
    subjectId: subject.id,
    subjectProperties,
    action: action.name,
    args,
    resourceType: resource.type,
    resourceId: resource.id,
    resourceProperties,
    context,
    callId: callId ?? null,
    verdictId: verdict.id,
    effect: verdict.effect,
    code: verdict.code,
    reason: verdict.reason,
    stage: verdict.stage,
    policyHash: verdict.policyHash,
    retryAfterMs: verdict.retryAfterMs,
    shadowed: verdict.shadowed,
    obligations: verdict.obligations.map((obligation) => obligation.type),
  };
}

/** Copies what an event record needs. Throws only when the event does. */
export function queueEvent(event: EvidenceEvent, id: string): QueuedEvent {
  const snapshot = new AttributeSnapshot();
  const properties: Attributes | undefined = event.properties;
  const copy = snapshot.copy(properties);
  return {
    kind: 'event',
    bytes: EVENT_BYTES + snapshot.bytes,
    id,
    type: event.type,
    properties: copy,
  };
}
