import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '@cortex-governance/core';
import type {
  EvidenceHit,
  EvidenceIndex,
  EvidenceQuery,
  LogState,
} from '@cortex-governance/evidence-writer/warm';
import type { EvidenceIndexAddress } from '@cortex-governance/governor';

/** Longest wait for the database, in milliseconds: the logs can answer instead. */
const QUERY_TIMEOUT_MS = 5_000;

/** What the index answered, or why it cannot. */
export type IndexAnswer =
  | { readonly hits: readonly EvidenceHit[]; readonly behindRecords: number; readonly problem: '' }
  | { readonly hits: null; readonly problem: string };

/** Asks the index at an address; gives its answer only when the logs would give the same up to what it is behind. */
export async function askIndex(
  address: EvidenceIndexAddress,
  logs: readonly LogState[],
  query: EvidenceQuery,
  limit: number,
): Promise<IndexAnswer> {
  const warm = await import('@cortex-governance/evidence-writer/warm');
  let index: EvidenceIndex | null = null;
  try {
    if ('dir' in address && !(await isDatabase(address.dir)))
      return no('the index was not made yet');
    const client =
      'url' in address
        ? await warm.createPgClient({ url: address.url, queryTimeoutMs: QUERY_TIMEOUT_MS })
        : await warm.createPgliteClient({ dir: address.dir });
    index = new warm.EvidenceIndex({ client });
    return await answer(index, logs, query, limit);
  } catch (error) {
    return no(errorMessage(error));
  } finally {
    await index?.close().catch(() => {});
  }
}

async function answer(
  index: EvidenceIndex,
  logs: readonly LogState[],
  query: EvidenceQuery,
  limit: number,
): Promise<IndexAnswer> {
  const progress = await index.progress();
  let behindRecords = 0;
  let horizonMs = 0;
  for (const { log, size } of logs) {
    const held = progress.get(log);
    if (held === undefined) return no(`the index does not hold ${log} yet`);
    behindRecords += Math.max(0, size - held.next);
    horizonMs = Math.max(horizonMs, held.horizonMs);
  }
  const ids = logs.map(({ log }) => log);
  const hits = await collectPages((page) => index.query(page, ids), query, limit);
  const isFull =
    hits.length === limit && hits.every(({ record }) => timeOf(record.ts) >= horizonMs);
  if ((query.since ?? 0) >= horizonMs || isFull) return { hits, behindRecords, problem: '' };
  return no(`the index holds records from ${new Date(horizonMs).toISOString()} on`);
}

/** Up to `limit` hits, page by page. */
export async function collectPages(
  ask: (query: EvidenceQuery) => ReturnType<EvidenceIndex['query']>,
  query: EvidenceQuery,
  limit: number,
): Promise<readonly EvidenceHit[]> {
  const { MAX_PAGE_RECORDS } = await import('@cortex-governance/evidence-writer/warm');
  const hits: EvidenceHit[] = [];
  let after: EvidenceQuery['after'];
  do {
    const page = Math.min(MAX_PAGE_RECORDS, limit - hits.length);
    const { hits: found, next } = await ask({ ...query, limit: page, after });
    hits.push(...found);
    after = next ?? undefined;
  } while (after !== undefined && hits.length < limit);
  return hits;
}

/** Opening a folder without a database would make one. */
async function isDatabase(dir: string): Promise<boolean> {
  return stat(join(dir, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
}

function timeOf(ts: string | null): number {
  return ts === null ? -1 : Date.parse(ts);
}

function no(problem: string): IndexAnswer {
  return { hits: null, problem };
}
