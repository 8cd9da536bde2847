import { loadPeer, tierError } from '../tier/tier-error.ts';
import type { SqlClient } from './sql-client.ts';

/** How long a connection may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

/** How long a statement may take, in milliseconds. */
export const DEFAULT_QUERY_TIMEOUT_MS = 20_000;

/** Connections at a time: one for the follower, one for a reader. */
const MAX_CONNECTIONS = 2;

export interface PgClientOptions {
  /** `postgres://` URL. Never logged. */
  readonly url: string;
  /** @defaultValue 20 seconds */
  readonly queryTimeoutMs?: number | undefined;
}

/**
 * A PostgreSQL server, through the package `pg` (an optional peer). Nothing is connected until the first
 * statement; a connection that breaks or times out is dropped, and the next statement opens another.
 * @throws {GovernanceError} EVIDENCE_TIER_UNAVAILABLE without the package, or for a URL that is none.
 */
export async function createPgClient(options: PgClientOptions): Promise<SqlClient> {
  const { default: pg } = await loadPeer('warm', 'pg', () => import('pg'));
  const timeoutMs = options.queryTimeoutMs ?? DEFAULT_QUERY_TIMEOUT_MS;
  if (!URL.canParse(options.url)) throw tierError('warm', 'the database URL is not a URL');
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: 'cortex-governance evidence',
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: Math.min(CONNECT_TIMEOUT_MS, timeoutMs),
    // The server's own limit ends the work; the client's holds when the server is frozen.
    statement_timeout: timeoutMs,
    query_timeout: timeoutMs + 1_000,
    keepAlive: true,
    allowExitOnIdle: true,
  });
  // An idle connection that breaks is dropped by the pool; without a listener it would end the process.
  pool.on('error', () => {});
  return {
    query: async (text, values = []) => (await pool.query(text, [...values])).rows,
    close: () => pool.end(),
  };
}
