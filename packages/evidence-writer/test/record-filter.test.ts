import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type EvidenceRecord,
  exportEvidence,
  keyObjectSigningKey,
  matchesFilter,
  type RecordFilter,
  verifyEvidenceExport,
} from '../src/index.ts';
import { scanEvidence } from '../src/warm.ts';
import { openWriter, recordsOf, temporaryFolder } from './support.ts';
import { plain, writeLog } from './tier/support.ts';

const NOW = Date.parse('2026-11-01T00:00:00.000Z');

/** A full bundle and more, a millisecond apart; every seventh decision says no time. */
async function makeLog(): Promise<{ folder: string; records: EvidenceRecord[] }> {
  const decisions = plain(300, NOW).map((made, i) => (i % 7 === 0 ? { ...made, ms: null } : made));
  const folder = await writeLog(await temporaryFolder(), decisions);
  return { folder, records: await recordsOf(folder) };
}

const seqsOf = (records: readonly EvidenceRecord[]): number[] => records.map(({ seq }) => seq);

const FILTERS: readonly RecordFilter[] = [
  { tenant: 'tenant-1' },
  { tenant: 'tenant-1', session: 'session-1' },
  { tenant: 'tenant-1', since: NOW - 200 },
  { tenant: 'tenant-1', until: NOW - 100 },
  { session: 'session-1', since: NOW - 200, until: NOW - 100 },
  { since: 0 },
];

describe('one filter', () => {
  it.each(FILTERS)('means the same records everywhere: %j', async (filter) => {
    const { folder, records } = await makeLog();
    const meant = records.filter((record) => matchesFilter(record, filter));
    expect(meant.length).toBeGreaterThan(15);

    const page = await scanEvidence([folder], { ...filter, limit: 1_000 });
    const found = page.hits.map(({ record }) => record.seq).sort((a, b) => a - b);
    expect(found).toEqual(seqsOf(meant));

    const { since, until, ...names } = filter;
    const pem = await readFile(join(dirname(folder), 'signing-key.pem'));
    const bundle = await exportEvidence(folder, {
      selection: {
        ...(names as { tenant?: string; session?: string }),
        ...(since === undefined ? {} : { since: new Date(since).toISOString() }),
        ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
      },
      key: keyObjectSigningKey(createPrivateKey(pem)),
    });
    const vkey = await readFile(`${folder}.vkey`, 'utf8');
    const report = verifyEvidenceExport(bundle?.envelope ?? '', [vkey]);
    expect(seqsOf(report.content?.records ?? [])).toEqual(seqsOf(meant));

    if (since !== undefined) return;
    const writer = await openWriter({ dir: dirname(folder) });
    const select = { ...names, before: until } as { tenant?: string; before?: number };
    await writer.erase({ select, by: 'ann', reason: 'test' });
    await writer.close();
    const left = new Set(seqsOf(await recordsOf(folder)));
    const gone = seqsOf(records).filter((seq) => !left.has(seq));
    expect(gone).toEqual(seqsOf(meant).filter((seq) => seq < 256));
  });

  it('leaves a record without a time out of every span, and shows it when none is asked for', async () => {
    const { records } = await makeLog();
    const undated = records.filter(({ ts }) => ts === null);
    expect(undated).toHaveLength(43);
    const fits = (filter: RecordFilter): number =>
      undated.filter((record) => matchesFilter(record, filter)).length;
    expect([fits({}), fits({ since: 0 }), fits({ until: NOW })]).toEqual([43, 0, 0]);
  });
});
