import { canonicalJson } from '@cortex-governance/core';
import type { DecisionRecord, EvidenceRecord } from '../evidence-record.ts';

/**
 * Release of the OpenTelemetry semantic conventions whose `gen_ai.*` names are used. All of them are in
 * Development there: a later release may rename them.
 */
export const OTEL_SEMANTIC_CONVENTIONS_VERSION = '1.41.0';

/** A value that an OpenTelemetry attribute can have. */
export type OtelAttributeValue = string | number | boolean | readonly string[];

/** Attributes by name. */
export type OtelAttributes = Readonly<Record<string, OtelAttributeValue>>;

/** Attributes with those that the record does not have. */
type MaybeAttributes = Readonly<Record<string, OtelAttributeValue | null | undefined>>;

/** Begins the name of every attribute that no convention names. */
const OWN = 'cortex.governance';

/**
 * A record as OpenTelemetry attributes, for a span or a log record: what the conventions for generative
 * AI name as they name it, and everything under `cortex.governance.*`. What a record does not have is left
 * out. `docs/reference/evidence-exports.md` has the table.
 * @param origin the log's origin, such as `cortex-governance.local/default`.
 */
export function toOtelAttributes(record: EvidenceRecord, origin: string): OtelAttributes {
  return present({
    [`${OWN}.log.origin`]: origin,
    [`${OWN}.record.id`]: record.id,
    [`${OWN}.record.kind`]: record.kind,
    [`${OWN}.record.seq`]: record.seq,
    [`${OWN}.record.time`]: record.ts,
    [`${OWN}.record.version`]: record.v,
    ...(record.kind === 'decision'
      ? { ...conventionalPart(record), ...decisionPart(record) }
      : otherPart(record)),
  });
}

function conventionalPart({ subject, resource, callId, session }: DecisionRecord): MaybeAttributes {
  const isTool = resource.type === 'tool';
  return {
    'gen_ai.operation.name': isTool ? 'execute_tool' : null,
    'gen_ai.tool.name': isTool ? resource.id : null,
    'gen_ai.tool.call.id': isTool ? callId : null,
    'gen_ai.agent.id': subject.type === 'agent' ? subject.id : null,
    'gen_ai.conversation.id': session,
  };
}

function decisionPart(record: DecisionRecord): MaybeAttributes {
  return {
    [`${OWN}.tenant`]: record.tenant,
    [`${OWN}.subject.type`]: record.subject.type,
    [`${OWN}.subject.id`]: record.subject.id,
    [`${OWN}.subject.properties.digest`]: record.subjectPropertiesDigest,
    [`${OWN}.action`]: record.action,
    [`${OWN}.args.digest`]: record.argsDigest,
    [`${OWN}.resource.type`]: record.resource.type,
    [`${OWN}.resource.id`]: record.resource.id,
    [`${OWN}.resource.properties.digest`]: record.resourcePropertiesDigest,
    [`${OWN}.context.digest`]: record.contextDigest,
    [`${OWN}.call.id`]: record.callId,
    [`${OWN}.session`]: record.session,
    [`${OWN}.trace.parent`]: record.trace,
    [`${OWN}.effect`]: record.effect,
    [`${OWN}.code`]: record.code,
    [`${OWN}.reason`]: record.reason,
    [`${OWN}.stage`]: record.stage,
    [`${OWN}.policy.hash`]: record.policyHash,
    [`${OWN}.retry_after_ms`]: record.retryAfterMs,
    [`${OWN}.shadowed`]: record.shadowed,
    [`${OWN}.obligations`]: record.obligations,
  };
}

function otherPart(record: Exclude<EvidenceRecord, DecisionRecord>): MaybeAttributes {
  if (record.kind === 'event') {
    const { type, properties } = record;
    return {
      [`${OWN}.event.type`]: type,
      // An attribute holds no object.
      [`${OWN}.event.properties`]: properties === null ? null : canonicalJson(properties),
    };
  }
  return {
    [`${OWN}.gap.count`]: record.count,
    [`${OWN}.gap.reasons`]: canonicalJson(record.reasons),
    [`${OWN}.gap.first_time`]: record.firstTime,
    [`${OWN}.gap.last_time`]: record.lastTime,
  };
}

function present(attributes: MaybeAttributes): OtelAttributes {
  const entries = Object.entries(attributes).filter(
    (entry): entry is [string, OtelAttributeValue] => entry[1] !== null && entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}
