import {
  type PostgresServer,
  postgresOrSkip,
  RecordingLogger,
  startPostgres,
} from '@cortex-governance/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { EvidenceLog } from '../../src/index.ts';
import {
  createIndexFollower,
  createPgClient,
  EvidenceIndex,
  scanEvidence,
  type TierFollower,
} from '../../src/warm.ts';
import { errorOf, openWriter, temporaryFolder, unsyncedFiles } from '../support.ts';
import { append, plain, writeLog } from '../tier/support.ts';

/** Short enough that a frozen server is noticed within a test. */
const QUERY_TIMEOUT_MS = 300;

/** Outlasts the waits after a few failures. */
const PATIENCE = { timeout: 15_000, interval: 20 };

let server: PostgresServer;
const available = postgresOrSkip('warm index');

beforeAll(async () => {
  if (available) server = await startPostgres();
}, 60_000);

afterAll(() => server?.stop());

async function openIndex(url: string = server.url): Promise<EvidenceIndex> {
  return new EvidenceIndex({
    client: await createPgClient({ url, queryTimeoutMs: QUERY_TIMEOUT_MS }),
  });
}

async function followed(logger = new RecordingLogger()): Promise<{
  writer: EvidenceLog;
  follower: TierFollower;
  index: EvidenceIndex;
}> {
  const writer = await openWriter({ dir: await temporaryFolder(), files: unsyncedFiles });
  const index = await openIndex();
  const logs = () => Promise.resolve([writer.status().dir]);
  const follower = createIndexFollower({
    open: () => Promise.resolve(index),
    logs,
    pollMs: 20,
    logger,
  });
  return { writer, follower, index };
}

async function write(writer: EvidenceLog, count: number): Promise<void> {
  for (const made of plain(count)) append(writer, made);
  await writer.flush();
}

async function seqsOf(index: EvidenceIndex, writer: EvidenceLog): Promise<number[]> {
  const id = (await scanEvidence([writer.status().dir])).hits[0]?.log ?? '';
  const { hits } = await index.query({ limit: 1000 }, [id]);
  return hits.map(({ record }) => record.seq).sort((a, b) => a - b);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe.runIf(available)('the index in a PostgreSQL server', () => {
  it('is made once by many at the same time, and answers as a scan does', async () => {
    const log = await writeLog(await temporaryFolder(), plain(600));
    const indexes = await Promise.all(upTo(4).map(() => openIndex()));
    await Promise.all(indexes.map((index) => index.prepare()));
    const followers = indexes.map((index) =>
      createIndexFollower({
        open: () => Promise.resolve(index),
        logs: () => Promise.resolve([log]),
        pollMs: 20,
      }),
    );
    const taken = () => followers.reduce((sum, one) => sum + one.status().taken, 0);
    await vi.waitFor(() => expect(taken()).toBe(600), PATIENCE);
    await Promise.all(followers.map((one) => one.close()));
    const index = await openIndex();
    const [any] = (await scanEvidence([log])).hits;
    for (const query of [
      { limit: 1000 },
      { tenant: 'tenant-1', limit: 50 },
      { effect: 'deny' as const },
    ]) {
      expect(await index.query(query, [any?.log ?? ''])).toEqual(await scanEvidence([log], query));
    }
    await index.close();
  });

  it('catches up after the server was killed, and nothing waited for it meanwhile', async () => {
    const logger = new RecordingLogger();
    const { writer, follower, index } = await followed(logger);
    await write(writer, 30);
    await vi.waitFor(() => expect(follower.status().taken).toBe(30), PATIENCE);
    await server.kill();
    await write(writer, 30);
    expect(writer.status().healthy).toBe(true);
    await vi.waitFor(() => expect(follower.status().healthy).toBe(false), PATIENCE);
    expect(follower.status().failures).toBeGreaterThan(0);
    expect((await errorOf(index.query({}))).code).toBe('EVIDENCE_TIER_UNAVAILABLE');
    await server.restart();
    await vi.waitFor(() => {
      expect(follower.status()).toMatchObject({ healthy: true, behindRecords: 0, taken: 60 });
    }, PATIENCE);
    expect(await seqsOf(index, writer)).toEqual(upTo(60));
    const events = logger.lines.map(({ event }) => event);
    expect(events).toEqual(['EVIDENCE_TIER_FAILED', 'EVIDENCE_TIER_RECOVERED']);
    await follower.close();
  });

  it('catches up after the server was frozen in the middle of the filling', async () => {
    const { writer, follower, index } = await followed();
    await write(writer, 300);
    server.freeze();
    try {
      await write(writer, 300);
      expect(writer.status().healthy).toBe(true);
      await vi.waitFor(() => expect(follower.status().healthy).toBe(false), PATIENCE);
    } finally {
      server.thaw();
    }
    await vi.waitFor(() => {
      expect(follower.status()).toMatchObject({ healthy: true, behindRecords: 0 });
    }, PATIENCE);
    expect(await seqsOf(index, writer)).toEqual(upTo(600));
    await follower.close();
  });

  it('ends in bounded time while the server is frozen', async () => {
    const { writer, follower } = await followed();
    await write(writer, 10);
    server.freeze();
    try {
      await follower.close();
    } finally {
      server.thaw();
    }
    expect(writer.status().healthy).toBe(true);
  });

  it('names what is wrong, without the URL', async () => {
    expect((await errorOf(createPgClient({ url: 'no url' }))).code).toBe(
      'EVIDENCE_TIER_UNAVAILABLE',
    );
    const url = server.url.replace('/postgres@', '/nobody:secret@').replace(/postgres$/, 'nowhere');
    const index = await openIndex(url);
    const error = await errorOf(index.prepare());
    expect(error.message).toMatch(/nobody|nowhere/);
    expect(error.message).not.toContain('secret');
    await index.close();
  });
});
