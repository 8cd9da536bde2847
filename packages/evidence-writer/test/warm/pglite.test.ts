import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EFFECTS, type Effect } from '@cortex-governance/core';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { leafHash } from '../../src/index.ts';
import {
  createIndexFollower,
  createPgliteClient,
  type EvidenceHit,
  EvidenceIndex,
  type EvidencePage,
  type EvidenceQuery,
  type SqlClient,
  scanEvidence,
  type TierFollower,
} from '../../src/warm.ts';
import { errorOf, openWriter, temporaryFolder, unsyncedFiles } from '../support.ts';
import {
  announceErasure,
  append,
  FaultyClient,
  type Made,
  madeDecision,
  plain,
  text,
  writeLog,
} from '../tier/support.ts';

const DAY_MS = 86_400_000;

let dir: string;
let client: SqlClient;
const followers: TierFollower[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'evidence-pglite-'));
  client = await createPgliteClient({ dir: join(dir, 'index') });
  await client.query('SELECT 1');
}, 90_000);

afterEach(async () => {
  for (const follower of followers.splice(0)) await follower.close();
});

afterAll(async () => {
  await client.close();
  await rm(dir, { recursive: true, force: true });
});

/** Follows logs into the shared database until all of each is there. */
async function index(
  folders: readonly string[],
  inner: SqlClient = client,
): Promise<EvidenceIndex> {
  const evidenceIndex = new EvidenceIndex({ client: new FaultyClient(inner) });
  const follower = follow(evidenceIndex, folders);
  await level(follower);
  await follower.close();
  return evidenceIndex;
}

function follow(evidenceIndex: EvidenceIndex, folders: readonly string[]): TierFollower {
  const follower = createIndexFollower({
    open: () => Promise.resolve(evidenceIndex),
    logs: () => Promise.resolve(folders),
    pollMs: 5,
  });
  followers.push(follower);
  return follower;
}

async function level(follower: TierFollower, taken = 1): Promise<void> {
  await vi.waitFor(
    () => {
      const status = follower.status();
      expect(status).toMatchObject({ healthy: true, behindRecords: 0, behindMs: 0 });
      expect(status.taken).toBeGreaterThanOrEqual(taken);
    },
    { timeout: 15_000, interval: 5 },
  );
}

async function allPages(
  ask: (query: EvidenceQuery) => Promise<EvidencePage>,
  query: EvidenceQuery,
): Promise<EvidenceHit[]> {
  const hits: EvidenceHit[] = [];
  let page = await ask(query);
  for (;;) {
    expect(page.hits.length).toBeLessThanOrEqual(query.limit ?? 100);
    hits.push(...page.hits);
    if (page.next === null) return hits;
    page = await ask({ ...query, after: page.next });
  }
}

describe('the embedded index', () => {
  it('answers every query as a scan of the logs does, page by page', async () => {
    const now = Date.now();
    const when = fc.integer({ min: now - 2 * DAY_MS, max: now });
    const decisions = fc.array(madeDecision(when), { minLength: 1, maxLength: 40 });
    const all = fc.record({
      tenant: text,
      effect: fc.constantFrom<Effect>(...EFFECTS),
      code: fc.constantFrom('ALLOWED', 'RATE_LIMITED', 'NO_SUCH_CODE'),
      tool: text,
      subject: text,
      session: text,
      since: when,
      until: when,
    });
    // More conditions at once would seldom leave a record.
    const filter = all.chain((values) =>
      fc
        .subarray(Object.entries(values), { maxLength: 2 })
        .map((some): EvidenceQuery => Object.fromEntries(some)),
    );
    const queries = fc.array(fc.tuple(filter, fc.integer({ min: 1, max: 7 })), {
      minLength: 6,
      maxLength: 6,
    });
    let found = 0;
    await fc.assert(
      fc.asyncProperty(decisions, decisions, queries, async (first, second, asked) => {
        const folder = await temporaryFolder();
        const folders = [
          await writeLog(folder, first),
          await writeLog(folder, second, 'default-2'),
        ];
        const evidenceIndex = await index(folders);
        const logs = new Set((await scanEvidence(folders)).hits.map(({ log }) => log));
        for (const [wanted, limit] of asked) {
          const query = { ...wanted, limit };
          const scanned = await allPages((one) => scanEvidence(folders, one), query);
          const answered = await allPages((one) => evidenceIndex.query(one, [...logs]), query);
          expect(answered).toEqual(scanned);
          expect(JSON.stringify(answered)).toBe(JSON.stringify(scanned));
          found += answered.length;
        }
      }),
      // Shrinking would run each case anew for minutes; the seed is enough.
      { numRuns: 12, endOnFailure: true },
    );
    expect(found).toBeGreaterThan(20);
  }, 60_000);

  it('keeps the logged bytes and their leaf hash', async () => {
    const log = await writeLog(await temporaryFolder(), plain(3));
    await index([log]);
    const rows = await client.query(
      "SELECT record::text AS record, encode(leaf, 'hex') AS leaf, ts_ms::text, extract(epoch from ts)::text AS s FROM evidence_records WHERE log LIKE $1 ORDER BY seq LIMIT 3",
      [`${(await scanEvidence([log])).hits[0]?.log}`],
    );
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      const record = Buffer.from(String(row['record']));
      expect(Buffer.from(leafHash(record)).toString('hex')).toBe(row['leaf']);
      expect(Math.round(Number(row['s']) * 1000)).toBe(Number(row['ts_ms']));
    }
  });

  it('takes each record once, however often and however many follow', async () => {
    const log = await writeLog(await temporaryFolder(), plain(700));
    const several = [1, 2, 3].map(() =>
      follow(new EvidenceIndex({ client: new FaultyClient(client) }), [log]),
    );
    for (const follower of several) await level(follower, 0);
    await vi.waitFor(() =>
      expect(several.reduce((sum, one) => sum + one.status().taken, 0)).toBeGreaterThanOrEqual(700),
    );
    expect(several.reduce((sum, one) => sum + one.status().taken, 0)).toBe(700);
    const id = (await scanEvidence([log])).hits[0]?.log ?? '';
    const [counted] = await client.query(
      'SELECT count(*)::int AS rows, count(DISTINCT seq)::int AS seqs FROM evidence_records WHERE log = $1',
      [id],
    );
    expect(counted).toEqual({ rows: 700, seqs: 700 });
    for (const follower of several) await follower.close();
  });

  it('fills a database that was emptied, or dropped, while it is followed', async () => {
    const log = await writeLog(await temporaryFolder(), plain(300));
    const evidenceIndex = new EvidenceIndex({ client: new FaultyClient(client) });
    const follower = follow(evidenceIndex, [log]);
    await level(follower, 300);
    await client.query('DO $$ BEGIN TRUNCATE evidence_records; TRUNCATE evidence_progress; END $$');
    await level(follower, 600);
    await client.query(
      'DO $$ BEGIN DROP TABLE evidence_records; DROP TABLE evidence_progress; DROP TABLE evidence_schema; END $$',
    );
    await level(follower, 900);
    expect(follower.status().failures).toBeGreaterThan(0);
    const all = await allPages((one) => evidenceIndex.query(one), { limit: 1000 });
    expect(all.length).toBe(300);
    await follower.close();
  });

  it('removes erased records, announced before or after they were indexed', async () => {
    const folder = await temporaryFolder();
    const writer = await openWriter({ dir: folder, files: unsyncedFiles });
    for (const made of plain(20)) append(writer, made);
    await writer.flush();
    const log = writer.status().dir;
    const evidenceIndex = new EvidenceIndex({ client: new FaultyClient(client) });
    const follower = follow(evidenceIndex, [log]);
    await level(follower, 20);
    announceErasure(writer, [
      [2, 5],
      [10, 11],
    ]);
    for (const made of plain(5)) append(writer, made);
    // In the same batch as the records it is about, and beyond what can be erased.
    announceErasure(writer, [[22, 1_000_000]]);
    await writer.flush();
    await level(follower, 27);
    const id = (await scanEvidence([log])).hits[0]?.log ?? '';
    const left = (await allPages((one) => evidenceIndex.query(one, [id]), {})).map(
      ({ record }) => record.seq,
    );
    const gone = [2, 3, 4, 10, 22, 23, 24, 25];
    const kept = Array.from({ length: 27 }, (_, i) => i).filter((i) => !gone.includes(i));
    expect(left.sort((a, b) => a - b)).toEqual(kept);
    await follower.close();
  });

  it('keeps days, and says from when on it is whole', async () => {
    const now = Date.now();
    const decisions: Made[] = [9, 8, 6.5, 1, 0].flatMap((days) => plain(2, now - days * DAY_MS));
    const log = await writeLog(await temporaryFolder(), [
      ...decisions,
      { ...decisions[0], ms: now + 400 * DAY_MS } as Made,
      { ...decisions[0], ms: null } as Made,
    ]);
    const week = await index([log]);
    const id = (await scanEvidence([log])).hits[0]?.log ?? '';
    const horizonMs = (await week.progress()).get(id)?.horizonMs ?? 0;
    expect(horizonMs).toBe((Math.floor(now / DAY_MS) - 6) * DAY_MS);
    const scanned = await allPages((one) => scanEvidence([log], one), { since: horizonMs });
    expect(await allPages((one) => week.query(one, [id]), { since: horizonMs })).toEqual(scanned);
    expect(scanned.length).toBeGreaterThanOrEqual(5);
    expect((await allPages((one) => week.query(one, [id]), {})).length).toBe(scanned.length + 1);
    // Kept for fewer days from now on: older partitions go, and the horizon moves.
    const two = new EvidenceIndex({ client: new FaultyClient(client), retainDays: 2 });
    await two.prepare();
    expect((await two.progress()).get(id)?.horizonMs).toBe((Math.floor(now / DAY_MS) - 1) * DAY_MS);
    const days = await client.query(
      "SELECT relname FROM pg_class WHERE relname ~ '^evidence_records_[0-9]{8}$'",
    );
    expect(days).toHaveLength(4);
  });

  it('does not drop what it keeps when this clock jumps ahead', async () => {
    const log = await writeLog(await temporaryFolder(), plain(4));
    await index([log]);
    const clock = { monotonicMs: () => 0, wallMs: () => Date.now() + 3650 * DAY_MS };
    await new EvidenceIndex({ client: new FaultyClient(client), clock }).prepare();
    const id = (await scanEvidence([log])).hits[0]?.log ?? '';
    const [{ rows } = {}] = await client.query(
      'SELECT count(*)::int AS rows FROM evidence_records WHERE log = $1',
      [id],
    );
    expect(rows).toBe(4);
  });

  it('says so when the log is shorter than what it holds', async () => {
    const long = await writeLog(await temporaryFolder(), plain(10));
    const evidenceIndex = await index([long]);
    const id = (await scanEvidence([long])).hits[0]?.log ?? '';
    await client.query('UPDATE evidence_progress SET next_seq = 99 WHERE log = $1', [id]);
    const follower = follow(evidenceIndex, [long]);
    await vi.waitFor(() => {
      const { lastError } = follower.status();
      expect(lastError).toContain('the index holds 99 records of this log');
    });
    await follower.close();
  });

  it('is opened by one process at a time', async () => {
    expect(existsSync(join(dir, 'index.lock'))).toBe(true);
    const error = await errorOf(createPgliteClient({ dir: join(dir, 'index') }));
    expect(error.code).toBe('EVIDENCE_LOCKED');
  });

  it('rejects what waits when the folder cannot be opened, and ends', async () => {
    const broken = join(await temporaryFolder(), 'index');
    const other = await createPgliteClient({ dir: broken });
    await rm(broken, { recursive: true });
    await writeFile(broken, 'not a folder');
    const error = await errorOf(other.query('SELECT 1'));
    expect(error.code).toBe('EVIDENCE_TIER_UNAVAILABLE');
    await other.close();
    expect(existsSync(`${broken}.lock`)).toBe(false);
  }, 60_000);

  it('refuses queries that are none', async () => {
    const evidenceIndex = new EvidenceIndex({ client: new FaultyClient(client) });
    for (const bad of [
      { limit: 0 },
      { limit: 1001 },
      { since: 1.5 },
      { unknown: 1 },
      { tenant: 7 },
    ]) {
      expect((await errorOf(evidenceIndex.query(bad as EvidenceQuery))).code).toBe(
        'OPTIONS_INVALID',
      );
      expect((await errorOf(scanEvidence([], bad as EvidenceQuery))).code).toBe('OPTIONS_INVALID');
    }
  });
});
