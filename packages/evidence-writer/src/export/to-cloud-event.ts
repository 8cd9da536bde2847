import type { EvidenceRecord } from '../evidence-record.ts';

/** Begins the type of every CloudEvent, before the record's kind and version. */
export const CLOUD_EVENT_TYPE_PREFIX = 'io.github.cortex-governance.evidence';

/** Digits of a sequence: as many as the largest index needs, so that texts sort like numbers. */
const SEQUENCE_DIGITS = 16;

/** A CloudEvent 1.0.2 in JSON format, with the extensions `sequence` and `traceparent`. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time?: string;
  readonly subject?: string;
  readonly datacontenttype: 'application/json';
  readonly sequence: string;
  readonly traceparent?: string;
  readonly data: EvidenceRecord;
}

/**
 * A record as a CloudEvent; the data is the record itself. Source and id together name it.
 * `docs/reference/evidence-exports.md` has the table.
 * @param origin the log's origin, such as `cortex-governance.local/default`.
 */
export function toCloudEvent(record: EvidenceRecord, origin: string): CloudEvent {
  const subject = subjectOf(record);
  const trace = record.kind === 'decision' ? record.trace : null;
  return {
    specversion: '1.0',
    // An id must not be empty; one that a careless caller made so has its index in its place.
    id: record.id === '' ? String(record.seq) : record.id,
    source: `/${origin.split('/').map(encodeURIComponent).join('/')}`,
    type: `${CLOUD_EVENT_TYPE_PREFIX}.${record.kind}.v${record.v}`,
    ...(record.ts === null ? {} : { time: record.ts }),
    ...(subject === null ? {} : { subject }),
    datacontenttype: 'application/json',
    sequence: String(record.seq).padStart(SEQUENCE_DIGITS, '0'),
    ...(trace ? { traceparent: trace } : {}),
    data: record,
  };
}

function subjectOf(record: EvidenceRecord): string | null {
  if (record.kind === 'decision') return `${record.resource.type}/${record.resource.id}`;
  return record.kind === 'event' && record.type !== '' ? record.type : null;
}
