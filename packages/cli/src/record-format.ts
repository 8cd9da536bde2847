import type { EvidenceRecord } from '@cortex-governance/evidence-writer';
import type { EvidenceLogFolder } from './evidence-logs.ts';
import { logOrigin } from './log-origin.ts';

/** Names of the formats in which records are printed; the first is the record itself. */
export const RECORD_FORMATS = ['json', 'ocsf', 'cloudevents', 'otel'] as const;

/** One of {@link RECORD_FORMATS}. */
export type RecordFormat = (typeof RECORD_FORMATS)[number];

/** Makes what is printed of a record. */
export type RecordFormatter = (record: EvidenceRecord) => unknown;

/** What prints the records of one log in a format. */
export async function recordFormatter(
  format: RecordFormat,
  log: EvidenceLogFolder,
): Promise<RecordFormatter> {
  if (format === 'json') return (record) => ({ log: log.name, ...record });
  const { toCloudEvent, toOcsf, toOtelAttributes } = await import(
    '@cortex-governance/evidence-writer'
  );
  const to = { ocsf: toOcsf, cloudevents: toCloudEvent, otel: toOtelAttributes }[format];
  const origin = await logOrigin(log.dir);
  return (record) => to(record, origin);
}
