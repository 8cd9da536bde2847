import type { Attributes, Effect } from '@cortex-governance/core';

/** Version of the record format that is written; raised by a change that a reader must know of. */
export const EVIDENCE_RECORD_VERSION = 2;

/** Versions that are read. */
export type EvidenceRecordVersion = 1 | typeof EVIDENCE_RECORD_VERSION;

/** Stands in place of a digest when the value has no canonical JSON form; never a made-up hash. */
export const DIGEST_UNAVAILABLE = 'unavailable';

/** The members of every record, by kind. `docs/reference/evidence-record.md` says what they mean. */
export const EVIDENCE_RECORD_FIELDS = Object.freeze({
  decision: Object.freeze([
    'action',
    'argsDigest',
    'callId',
    'code',
    'contextDigest',
    'effect',
    'id',
    'kind',
    'obligations',
    'policyHash',
    'reason',
    'resource',
    'resourcePropertiesDigest',
    'retryAfterMs',
    'seq',
    'session',
    'shadowed',
    'stage',
    'subject',
    'subjectPropertiesDigest',
    'tenant',
    'trace',
    'ts',
    'v',
  ] as const),
  event: Object.freeze(['id', 'kind', 'properties', 'seq', 'ts', 'type', 'v'] as const),
  gap: Object.freeze([
    'count',
    'firstTime',
    'id',
    'kind',
    'lastTime',
    'reasons',
    'seq',
    'ts',
    'v',
  ] as const),
});

/** What a record is about. */
export type EvidenceRecordKind = keyof typeof EVIDENCE_RECORD_FIELDS;

/** Members of decisions that version 1 did not have. */
const NEW_IN_VERSION_2: readonly string[] = ['session', 'trace'];

/** The members of every record by version and kind, in the order of canonical JSON. */
export const RECORD_FIELDS_BY_VERSION: Readonly<
  Record<EvidenceRecordVersion, Readonly<Record<EvidenceRecordKind, readonly string[]>>>
> = Object.freeze({
  1: Object.freeze({
    ...EVIDENCE_RECORD_FIELDS,
    decision: Object.freeze(
      EVIDENCE_RECORD_FIELDS.decision.filter((name) => !NEW_IN_VERSION_2.includes(name)),
    ),
  }),
  2: EVIDENCE_RECORD_FIELDS,
});

interface RecordHead {
  readonly v: EvidenceRecordVersion;
  /** Index in the log, from 0. Order is by this, never by time. */
  readonly seq: number;
  readonly id: string;
  /** ISO 8601 UTC with milliseconds, taken from the id; null when the id holds no time. */
  readonly ts: string | null;
}

/** One verdict. */
export interface DecisionRecord extends RecordHead {
  readonly kind: 'decision';
  readonly tenant: string;
  readonly subject: { readonly type: string; readonly id: string };
  readonly subjectPropertiesDigest: string | null;
  readonly action: string;
  /** SHA-256 (hex) of the arguments' canonical JSON; null without arguments; or `unavailable`. */
  readonly argsDigest: string | null;
  readonly resource: { readonly type: string; readonly id: string };
  readonly resourcePropertiesDigest: string | null;
  readonly contextDigest: string | null;
  readonly callId: string | null;
  readonly effect: Effect;
  readonly code: string;
  readonly reason: string;
  readonly stage: string;
  readonly policyHash: string;
  readonly retryAfterMs: number;
  /** The request's `context.session`, when that is a string of 1 to 256 characters. Not in version 1. */
  readonly session?: string | null;
  readonly shadowed: boolean;
  /** The request's `context.traceparent`, when it is one (W3C Trace Context). Not in version 1. */
  readonly trace?: string | null;
  /** Types of the obligations that the enforcer was given. */
  readonly obligations: readonly string[];
}

/** Something that is not a decision. */
export interface EventRecord extends RecordHead {
  readonly kind: 'event';
  readonly type: string;
  /** Null when they have no canonical JSON form. */
  readonly properties: Attributes | null;
}

/** Records that were dropped since the record before it. */
export interface GapRecord extends RecordHead {
  readonly kind: 'gap';
  readonly count: number;
  /** How many by reason; only reasons that occurred. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly firstTime: string;
  readonly lastTime: string;
}

export type EvidenceRecord = DecisionRecord | EventRecord | GapRecord;
