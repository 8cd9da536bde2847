/** Two numbers that name the lock under which the schema changes; any that nobody else uses. */
const SCHEMA_LOCK = '1129270355, 1';

/** How long a change waits for readers, so that those behind it do not wait longer. */
const LOCK_TIMEOUT = '5s';

export const DAY_MS = 86_400_000;

/** Days for which partitions stand ready. */
const DAYS_AHEAD = 2;

/** Steps of the schema, each run once, in order. Never edit one that was released: add another. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE evidence_progress (
    log text COLLATE "C" PRIMARY KEY,
    -- Records before this one are in the index, were erased, or are older than it keeps.
    next_seq bigint NOT NULL,
    -- Records from before this time may be missing.
    horizon_ms bigint NOT NULL
  );
  CREATE TABLE evidence_records (
    log text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    -- The day by which the row is kept: that of ts, or of indexing where ts is null or in the future.
    keep_at timestamptz NOT NULL,
    -- Milliseconds since the Unix epoch, -1 when ts is null: the exact value, to sort and to compare.
    ts_ms bigint NOT NULL,
    ts timestamptz,
    id text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    tenant text, effect text, code text, tool text, action text, subject text, session text, stage text,
    -- The logged bytes. Not jsonb, which reorders members and has no U+0000.
    record json NOT NULL,
    leaf bytea NOT NULL,
    PRIMARY KEY (log, seq, keep_at)
  ) PARTITION BY RANGE (keep_at);
  CREATE INDEX evidence_records_time ON evidence_records (ts_ms, log, seq);
  CREATE INDEX evidence_records_tenant ON evidence_records (tenant, ts_ms);
  CREATE INDEX evidence_records_code ON evidence_records (code, ts_ms);
  CREATE INDEX evidence_records_tool ON evidence_records (tool, ts_ms);
  CREATE INDEX evidence_records_subject ON evidence_records (subject, ts_ms);
  CREATE INDEX evidence_records_session ON evidence_records (session, ts_ms) WHERE session IS NOT NULL;
  CREATE INDEX evidence_records_id ON evidence_records (id);`,
];

/** One statement that brings the schema up to date; many processes may run it at once. */
export function migrationStatement(): string {
  const steps = MIGRATIONS.map(
    (sql, i) => `
  IF known < ${i + 1} THEN ${sql}
    INSERT INTO evidence_schema (version) VALUES (${i + 1});
  END IF;`,
  );
  return `DO $migration$
DECLARE known int;
BEGIN
  PERFORM pg_advisory_xact_lock(${SCHEMA_LOCK});
  PERFORM set_config('client_min_messages', 'warning', true);
  CREATE TABLE IF NOT EXISTS evidence_schema (version int PRIMARY KEY);
  SELECT coalesce(max(version), 0) INTO known FROM evidence_schema;
  IF known > ${MIGRATIONS.length} THEN
    RAISE EXCEPTION 'the schema has version %, newer than this program knows', known;
  END IF;${steps.join('')}
END $migration$`;
}

/** The days that the index keeps, as times: from the first, to before the second. */
export interface KeptDays {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Today and the days before it that make up `retainDays`, and those that stand ready. */
export function keptDays(nowMs: number, retainDays: number): KeptDays {
  const today = Math.floor(nowMs / DAY_MS);
  return { fromMs: (today - retainDays + 1) * DAY_MS, toMs: (today + 1 + DAYS_AHEAD) * DAY_MS };
}

/** One statement that makes the partitions of the kept days and drops those before them. */
export function partitionStatement({ fromMs, toMs }: KeptDays): string {
  const created: string[] = [];
  for (let ms = fromMs; ms < toMs; ms += DAY_MS) {
    created.push(`
  CREATE TABLE IF NOT EXISTS ${partitionName(ms)} PARTITION OF evidence_records
    FOR VALUES FROM ('${isoDay(ms)}T00:00:00Z') TO ('${isoDay(ms + DAY_MS)}T00:00:00Z');`);
  }
  return `DO $days$
DECLARE old text;
BEGIN
  PERFORM pg_advisory_xact_lock(${SCHEMA_LOCK});
  PERFORM set_config('client_min_messages', 'warning', true);
  PERFORM set_config('lock_timeout', '${LOCK_TIMEOUT}', true);${created.join('')}
  UPDATE evidence_progress SET horizon_ms = ${fromMs} WHERE horizon_ms < ${fromMs};
  FOR old IN
    SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
    WHERE inhparent = 'evidence_records'::regclass AND child.relname ~ '^evidence_records_[0-9]{8}$'
      AND child.relname < '${partitionName(fromMs)}'
  LOOP
    EXECUTE format('DROP TABLE %I', old);
  END LOOP;
END $days$`;
}

function partitionName(ms: number): string {
  return `evidence_records_${isoDay(ms).replaceAll('-', '')}`;
}

function isoDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
