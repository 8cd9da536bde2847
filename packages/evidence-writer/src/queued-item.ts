import type { DecisionRequest, EvidenceEvent, Verdict } from '@cortex-governance/core';
import {
  type PropertiesCopy,
  snapshotBytes,
  snapshotOf,
  startSnapshot,
} from './attribute-snapshot.ts';

/** Estimated bytes of a queued decision without its properties and its identifiers' text. */
const DECISION_BYTES = 512;
const EVENT_BYTES = 128;

const NO_TYPES: readonly string[] = Object.freeze([]);

/**
 * Everything that a record is made from; shares nothing with the caller that can change.
 *
 * One object serves many items, one after the other: what waits in the queue is old, and a fresh object for
 * each decision would be copied by the garbage collector before it is written. All members are always
 * there, so that every item has one shape.
 */
export class QueuedItem {
  kind: 'decision' | 'event' = 'event';
  /** Estimated bytes held in memory. */
  bytes = 0;
  tenant = '';
  subjectType = '';
  subjectId = '';
  subjectProperties: PropertiesCopy = null;
  /** Name of the action, or the type of an event. */
  name = '';
  /** The call's arguments, or an event's properties. */
  properties: PropertiesCopy = null;
  resourceType = '';
  resourceId = '';
  resourceProperties: PropertiesCopy = null;
  context: PropertiesCopy = null;
  callId: string | null = null;
  /** The verdict's id, or the event's. */
  id = '';
  effect: Verdict['effect'] = 'deny';
  code = '';
  reason = '';
  stage = '';
  policyHash = '';
  retryAfterMs = 0;
  shadowed = false;
  obligations: readonly string[] = NO_TYPES;

  /** Takes over what a decision record needs. Throws only when the request or the verdict does. */
  setDecision(request: DecisionRequest, verdict: Verdict): void {
    const { subject, action, resource, context } = request;
    startSnapshot();
    this.kind = 'decision';
    this.subjectProperties = snapshotOf(subject.properties);
    this.properties = snapshotOf(action.properties);
    this.resourceProperties = snapshotOf(resource.properties);
    this.context = snapshotOf(context);
    this.tenant = request.tenant;
    this.subjectType = subject.type;
    this.subjectId = subject.id;
    this.name = action.name;
    this.resourceType = resource.type;
    this.resourceId = resource.id;
    this.callId = request.callId ?? null;
    this.id = verdict.id;
    this.effect = verdict.effect;
    this.code = verdict.code;
    this.reason = verdict.reason;
    this.stage = verdict.stage;
    this.policyHash = verdict.policyHash;
    this.retryAfterMs = verdict.retryAfterMs;
    this.shadowed = verdict.shadowed;
    const { obligations } = verdict;
    this.obligations =
      obligations.length === 0 ? NO_TYPES : obligations.map((obligation) => obligation.type);
    this.bytes = DECISION_BYTES + snapshotBytes() + verdict.reason.length;
  }

  /** Takes over what an event record needs. Throws only when the event does. */
  setEvent(event: EvidenceEvent, id: string): void {
    startSnapshot();
    this.kind = 'event';
    this.properties = snapshotOf(event.properties);
    this.name = event.type;
    this.id = id;
    this.bytes = EVENT_BYTES + snapshotBytes();
  }

  /** Lets go of everything that takes memory. */
  clear(): void {
    this.subjectProperties = null;
    this.properties = null;
    this.resourceProperties = null;
    this.context = null;
    this.callId = null;
    this.id = '';
    this.reason = '';
  }
}
