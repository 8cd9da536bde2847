import { canonicalJson, isReasonCode, REASON_CODES, sha256Hex } from '@cortex-governance/core';
import type { DecisionRecord, EvidenceRecord } from '../evidence-record.ts';

/** Release of the Open Cybersecurity Schema Framework that {@link toOcsf} follows. */
export const OCSF_VERSION = '1.8.0';

/** An event in OCSF's JSON encoding; {@link toOcsf} says which attributes it has. */
export type OcsfEvent = Readonly<Record<string, unknown>>;

const SEVERITIES = ['Unknown', 'Informational', 'Low', 'Medium', 'High'] as const;

/** Ids of OCSF enumerations, and their captions. */
const OTHER = 99;
const SHA_256 = 3;
const TARGET = 1;

/**
 * A record as an OCSF event: a decision as API Activity (class 6003) with the profiles `security_control`
 * and `trace`, anything else as Base Event (class 0). `raw_data` holds the record's logged bytes, so that
 * whoever gets the event can check it against the log. `docs/reference/evidence-exports.md` has the table.
 * @param origin the log's origin, such as `cortex-governance.local/default`.
 * @throws {TypeError} for a record that was not read from a log and has no canonical JSON form.
 */
export function toOcsf(record: EvidenceRecord, origin: string): OcsfEvent {
  return record.kind === 'decision'
    ? { ...commonPart(record, origin), ...decisionPart(record) }
    : { ...commonPart(record, origin), ...otherPart(record) };
}

function commonPart(record: EvidenceRecord, origin: string): OcsfEvent {
  const raw = canonicalJson(record);
  return {
    activity_id: OTHER,
    // A time is required; 0 stands for a record whose id holds none.
    time: record.ts === null ? 0 : Date.parse(record.ts),
    metadata: metadataOf(record, origin),
    raw_data: raw,
    raw_data_size: Buffer.byteLength(raw),
    raw_data_hash: { algorithm: 'SHA-256', algorithm_id: SHA_256, value: sha256Hex(raw) },
  };
}

function metadataOf(record: EvidenceRecord, origin: string): OcsfEvent {
  const isDecision = record.kind === 'decision';
  return {
    version: OCSF_VERSION,
    product: { name: 'Cortex Governance', vendor_name: 'Cortex Governance' },
    uid: record.id,
    sequence: record.seq,
    log_name: origin,
    log_version: String(record.v),
    ...(record.ts === null ? {} : { original_time: record.ts }),
    ...(isDecision ? { tenant_uid: record.tenant, event_code: record.code } : {}),
    ...(isDecision ? { profiles: ['security_control', 'trace'] } : {}),
  };
}

function decisionPart(record: DecisionRecord): OcsfEvent {
  const { subject, resource, session, trace } = record;
  return {
    category_uid: 6,
    category_name: 'Application Activity',
    class_uid: 6003,
    class_name: 'API Activity',
    type_uid: 600399,
    type_name: 'API Activity: Other',
    activity_name: record.action,
    ...severity(severityOf(record)),
    ...outcomeOf(record),
    message: `${record.effect} ${record.code}: ${record.reason}`,
    status_code: record.code,
    status_detail: record.reason,
    actor: {
      user: { uid: subject.id, type: subject.type, type_id: OTHER },
      ...(session ? { session: { uid: session } } : {}),
    },
    // Required, and no record holds a network address: the endpoint goes by the name of who asked.
    src_endpoint: { name: subject.id },
    api: {
      operation: record.action,
      service: { name: resource.id },
      ...(record.callId === null ? {} : { request: { uid: record.callId } }),
    },
    resources: [{ uid: resource.id, type: resource.type, role: 'Target', role_id: TARGET }],
    policy: { uid: record.policyHash, is_applied: !record.shadowed },
    ...(trace ? { trace: { uid: trace.split('-')[1] } } : {}),
    unmapped: unmappedOf(record),
  };
}

function unmappedOf(record: DecisionRecord): OcsfEvent {
  return {
    stage: record.stage,
    shadowed: record.shadowed,
    retryAfterMs: record.retryAfterMs,
    obligations: record.obligations,
    argsDigest: record.argsDigest,
    contextDigest: record.contextDigest,
    subjectPropertiesDigest: record.subjectPropertiesDigest,
    resourcePropertiesDigest: record.resourcePropertiesDigest,
    trace: record.trace ?? null,
  };
}

function otherPart(record: Exclude<EvidenceRecord, DecisionRecord>): OcsfEvent {
  const head = {
    category_uid: 0,
    category_name: 'Uncategorized',
    class_uid: 0,
    class_name: 'Base Event',
    type_uid: OTHER,
    type_name: 'Base Event: Other',
  };
  if (record.kind === 'event') {
    return {
      ...head,
      ...severity(1),
      activity_name: record.type,
      message: record.type,
      unmapped: { properties: record.properties },
    };
  }
  const { count, reasons, firstTime, lastTime } = record;
  return {
    ...head,
    ...severity(4),
    activity_name: 'gap',
    message: `${count} evidence records were dropped`,
    unmapped: { count, reasons, firstTime, lastTime },
  };
}

/** What was decided. What became of an allowed call is not in the record: its status is unknown. */
function outcomeOf({ effect, shadowed }: DecisionRecord): OcsfEvent {
  if (effect === 'deny') return outcome(2, 'Failure', 2, 'Denied', 2, 'Blocked');
  if (effect === 'escalate') {
    return outcome(OTHER, 'Approval Required', OTHER, 'Escalated', OTHER, 'Approval Required');
  }
  return shadowed
    ? outcome(0, 'Unknown', 3, 'Observed', 15, 'Detected')
    : outcome(0, 'Unknown', 1, 'Allowed', 1, 'Allowed');
}

function outcome(
  statusId: number,
  status: string,
  actionId: number,
  action: string,
  dispositionId: number,
  disposition: string,
): OcsfEvent {
  return {
    status_id: statusId,
    status,
    action_id: actionId,
    action,
    disposition_id: dispositionId,
    disposition,
  };
}

/** High: a stop or a fault. Medium: refused. Low: limited, or left to a person. Else informational. */
function severityOf({ effect, code, shadowed }: DecisionRecord): number {
  if (effect === 'allow') return shadowed ? 3 : 1;
  if (effect === 'escalate') return 2;
  const status = isReasonCode(code) ? REASON_CODES[code].httpStatus : 403;
  if (status >= 500) return 4;
  return status === 429 ? 2 : 3;
}

function severity(id: number): OcsfEvent {
  return { severity_id: id, severity: SEVERITIES[id] };
}
