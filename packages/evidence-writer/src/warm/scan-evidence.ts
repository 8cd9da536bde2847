import { resolve } from 'node:path';
import { readEvidence } from '../read-evidence.ts';
import { matchesFilter } from '../record-filter.ts';
import { readLogState } from '../tier/log-state.ts';
import {
  type EvidenceHit,
  type EvidencePage,
  type EvidenceQuery,
  newestFirst,
  pageOf,
  parseEvidenceQuery,
  positionOf,
} from './evidence-query.ts';

/**
 * Answers a query from logs on disk, by reading them from the start: what the index answers, and besides
 * what it does not hold any more or not yet. Takes time by the number of records, and memory by the page.
 * @throws {GovernanceError} OPTIONS_INVALID, EVIDENCE_CORRUPT
 */
export async function scanEvidence(
  folders: readonly string[],
  query: EvidenceQuery = {},
): Promise<EvidencePage> {
  const { limit, after, ...filter } = parseEvidenceQuery(query, 'scanEvidence(folders, query)');
  const wanted = limit + 1;
  const hits: EvidenceHit[] = [];
  for (const folder of folders.map((one) => resolve(one))) {
    const state = await readLogState(folder);
    if (state === null) continue;
    const { log } = state;
    for await (const record of readEvidence(folder)) {
      const hit = { log, record };
      if (after !== undefined && newestFirst(after, positionOf(hit)) >= 0) continue;
      if (!matchesFilter(record, filter)) continue;
      hits.push(hit);
      if (hits.length >= wanted * 2) keepFirst(hits, wanted);
    }
  }
  keepFirst(hits, wanted);
  return pageOf(hits, limit);
}

function keepFirst(hits: EvidenceHit[], count: number): void {
  hits.sort((a, b) => newestFirst(positionOf(a), positionOf(b)));
  hits.splice(count);
}
