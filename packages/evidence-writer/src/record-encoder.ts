import { canonicalDigest, canonicalJson, type Effect, verdictTime } from '@cortex-governance/core';
import { type PropertiesCopy, UNCOPYABLE } from './attribute-snapshot.ts';
import type { DropTally } from './drop-tally.ts';
import {
  type DecisionRecord,
  DIGEST_UNAVAILABLE,
  EVIDENCE_RECORD_VERSION,
  type EventRecord,
  type GapRecord,
} from './evidence-record.ts';
import type { QueuedItem } from './queued-item.ts';

/** Longest session that a record names, in UTF-16 code units. */
const MAX_SESSION_LENGTH = 256;

/** `version-traceId-parentId-flags` (W3C Trace Context); ids of zeros alone are not valid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The record of a queued item at an index of the log, as JCS (RFC 8785) in UTF-8. */
export function encodeItem(item: QueuedItem, seq: number): Buffer {
  return item.kind === 'decision' ? encodeDecision(item, seq) : encodeEvent(item, seq);
}

/**
 * The record of dropped records.
 * @param id an id made now; the times are those of the drops.
 */
export function encodeGap(drops: DropTally, id: string, seq: number): Buffer {
  const record: GapRecord = {
    v: EVIDENCE_RECORD_VERSION,
    kind: 'gap',
    seq,
    id,
    ts: timeOf(id),
    count: drops.count,
    reasons: Object.fromEntries(Object.entries(drops.reasons).filter(([, count]) => count > 0)),
    firstTime: isoTime(drops.firstMs) ?? '',
    lastTime: isoTime(drops.lastMs) ?? '',
  };
  return Buffer.from(canonicalJson(record));
}

function encodeDecision(item: QueuedItem, seq: number): Buffer {
  // Members in canonical order and nothing but well-formed strings, safe integers and booleans: for
  // such a value JSON.stringify writes what RFC 8785 asks for, several times faster than a sort.
  const record: DecisionRecord = {
    action: text(item.name),
    argsDigest: digest(item.properties),
    callId: item.callId === null ? null : text(item.callId),
    code: text(item.code),
    contextDigest: digest(item.context),
    effect: text(item.effect) as Effect,
    id: text(item.id),
    kind: 'decision',
    obligations: item.obligations.map(text),
    policyHash: text(item.policyHash),
    reason: text(item.reason),
    resource: { id: text(item.resourceId), type: text(item.resourceType) },
    resourcePropertiesDigest: digest(item.resourceProperties),
    retryAfterMs: Number.isSafeInteger(item.retryAfterMs) ? item.retryAfterMs : 0,
    seq,
    session: sessionOf(item.context),
    shadowed: item.shadowed === true,
    stage: text(item.stage),
    subject: { id: text(item.subjectId), type: text(item.subjectType) },
    subjectPropertiesDigest: digest(item.subjectProperties),
    tenant: text(item.tenant),
    trace: traceOf(item.context),
    ts: timeOf(item.id),
    v: EVIDENCE_RECORD_VERSION,
  };
  return Buffer.from(JSON.stringify(record));
}

function encodeEvent(item: QueuedItem, seq: number): Buffer {
  const record: EventRecord = {
    v: EVIDENCE_RECORD_VERSION,
    kind: 'event',
    seq,
    id: item.id,
    ts: timeOf(item.id),
    type: text(item.name),
    properties: item.properties === UNCOPYABLE ? null : (item.properties ?? {}),
  };
  try {
    return Buffer.from(canonicalJson(record));
  } catch {
    return Buffer.from(canonicalJson({ ...record, properties: null }));
  }
}

function sessionOf(context: PropertiesCopy): string | null {
  const session = contextText(context, 'session');
  const isUsable = session !== null && session.length > 0 && session.length <= MAX_SESSION_LENGTH;
  return isUsable ? session.toWellFormed() : null;
}

function traceOf(context: PropertiesCopy): string | null {
  const trace = contextText(context, 'traceparent');
  return trace !== null && TRACEPARENT.test(trace) ? trace : null;
}

function contextText(context: PropertiesCopy, name: string): string | null {
  if (context === null || context === UNCOPYABLE) return null;
  const value = context[name];
  return typeof value === 'string' ? value : null;
}

function digest(properties: PropertiesCopy): string | null {
  if (properties === null) return null;
  if (properties === UNCOPYABLE) return DIGEST_UNAVAILABLE;
  try {
    return canonicalDigest(properties);
  } catch {
    return DIGEST_UNAVAILABLE;
  }
}

/** A string that JSON can carry, whatever a caller without type checks put there. */
function text(value: unknown): string {
  return typeof value === 'string' ? value.toWellFormed() : '';
}

/** The time of the id before, and its text: ids that follow one another often share their millisecond. */
let lastMs = 0;
let lastTime: string | null = isoTime(0);

function timeOf(id: unknown): string | null {
  if (typeof id !== 'string') return null;
  const ms = verdictTime(id);
  if (ms !== lastMs) {
    lastMs = ms;
    lastTime = isoTime(ms);
  }
  return lastTime;
}

function isoTime(ms: number): string | null {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : null;
}
