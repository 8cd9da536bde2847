import type { ParsedEvidenceQuery } from './evidence-query.ts';
import type { IndexRow } from './index-row.ts';
import { columnText } from './index-row.ts';

/** Columns of a row and their types, as the JSON of {@link IndexRow} gives them. */
const ROW_COLUMNS: Readonly<Record<keyof IndexRow, string>> = {
  seq: 'bigint',
  keep_ms: 'bigint',
  ts_ms: 'bigint',
  id: 'text',
  kind: 'text',
  tenant: 'text',
  effect: 'text',
  code: 'text',
  tool: 'text',
  action: 'text',
  subject: 'text',
  session: 'text',
  stage: 'text',
  record: 'text',
  leaf: 'text',
};

const COPIED = 'id, kind, tenant, effect, code, tool, action, subject, session, stage';

const row = Object.entries(ROW_COLUMNS).map(([name, type]) => `${name} ${type}`);

/**
 * Adds rows, removes erased ones and moves the progress, all or nothing; does nothing when the progress is
 * not where it is thought to be. Values: log, from, to, horizon, rows (JSON), erased ranges (JSON).
 */
export const ADD_STATEMENT = `
WITH moved AS (
  INSERT INTO evidence_progress AS known (log, next_seq, horizon_ms)
  SELECT $1::text, $3::bigint, $4::bigint
  WHERE $2::bigint = 0 OR EXISTS (SELECT FROM evidence_progress WHERE log = $1::text)
  ON CONFLICT (log) DO UPDATE SET
    next_seq = excluded.next_seq,
    horizon_ms = greatest(known.horizon_ms, excluded.horizon_ms)
  WHERE known.next_seq = $2::bigint
  RETURNING log
), removed AS (
  DELETE FROM evidence_records AS old
  USING json_to_recordset($6::json) AS erased(first bigint, past bigint)
  WHERE EXISTS (SELECT FROM moved)
    AND old.log = $1::text AND old.seq >= erased.first AND old.seq < erased.past
), added AS (
  INSERT INTO evidence_records (log, seq, keep_at, ts_ms, ts, ${COPIED}, record, leaf)
  SELECT $1::text, seq, ${timeOf('keep_ms')}, ts_ms, CASE WHEN ts_ms >= 0 THEN ${timeOf('ts_ms')} END,
    ${COPIED}, record::json, decode(leaf, 'hex')
  FROM json_to_recordset($5::json) AS row(${row.join(', ')})
  WHERE EXISTS (SELECT FROM moved)
  ON CONFLICT (log, seq, keep_at) DO NOTHING
)
SELECT count(*)::int AS moved FROM moved`;

export const PROGRESS_STATEMENT =
  'SELECT log, next_seq::text AS next, horizon_ms::text AS horizon FROM evidence_progress';

/** The database's own time, in milliseconds since the Unix epoch. */
export const TIME_STATEMENT =
  'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint::text AS ms';

const FILTER_COLUMNS = ['tenant', 'effect', 'code', 'tool', 'subject', 'session'] as const;

/** A statement with its values. */
export interface PageStatement {
  readonly text: string;
  readonly values: readonly (string | number | null)[];
}

/** The records of some logs that a query asks for, newest first; some that only look alike are among them. */
export function pageStatement(
  query: ParsedEvidenceQuery,
  logs: readonly string[] | null,
): PageStatement {
  const values: (string | number | null)[] = [];
  const conditions: string[] = [];
  const add = (condition: (place: string) => string, value: string | number): void => {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  for (const column of FILTER_COLUMNS) {
    const value = query[column];
    if (value !== undefined) add((place) => `${column} = ${place}::text`, columnText(value));
  }
  if (logs !== null)
    add(
      (place) => `log IN (SELECT json_array_elements_text(${place}::json))`,
      JSON.stringify(logs),
    );
  if (query.since !== undefined) add((place) => `ts_ms >= ${place}::bigint`, query.since);
  if (query.until !== undefined)
    add((place) => `ts_ms >= 0 AND ts_ms < ${place}::bigint`, query.until);
  if (query.after !== undefined) {
    const { ms, log, seq } = query.after;
    const first = values.push(ms, log, seq) - 2;
    conditions.push(
      `(ts_ms, log, seq) < ($${first}::bigint, $${first + 1}::text COLLATE "C", $${first + 2}::bigint)`,
    );
  }
  values.push(query.limit + 1);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return {
    text: `SELECT log, record::text AS record FROM evidence_records ${where}
ORDER BY ts_ms DESC, log DESC, seq DESC LIMIT $${values.length}::int`,
    values,
  };
}

function timeOf(column: string): string {
  return `to_timestamp(0) + ${column} * interval '1 millisecond'`;
}
