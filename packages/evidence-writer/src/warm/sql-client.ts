/** A row of a result, by column. */
export type SqlRow = Readonly<Record<string, unknown>>;

/**
 * A PostgreSQL database. Every statement is a transaction of its own, so that it does not matter which
 * connection takes it.
 *
 * MUST reject in bounded time when the database does not answer, and MUST work again by itself when it does.
 */
export interface SqlClient {
  /** Runs one statement. Values are strings, numbers and nulls; never put into the text. */
  query(text: string, values?: readonly (string | number | null)[]): Promise<readonly SqlRow[]>;
  close(): Promise<void>;
}
