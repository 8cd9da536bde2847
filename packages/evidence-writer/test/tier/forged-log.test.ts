import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '@cortex-governance/core';
import { RecordingLogger } from '@cortex-governance/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Archive } from '../../src/cold/archive.ts';
import {
  type ArchiveStore,
  createArchiveFollower,
  createFolderStore,
  listArchivedLogs,
  type RetentionClass,
  restoreLog,
  type TierFollower,
} from '../../src/cold.ts';
import { encodeBundle } from '../../src/entry-bundle.ts';
import { verifyEvidence } from '../../src/index.ts';
import { formatEndorsement } from '../../src/keys/key-endorsement.ts';
import { createIndexFollower, EvidenceIndex, type SqlClient } from '../../src/warm.ts';
import { makeKey } from '../signed-log.ts';
import { errorOf, openWriter, temporaryFolder, unsyncedFiles } from '../support.ts';
import { append, plain, writeLog } from './support.ts';

const PATIENCE = { timeout: 8_000, interval: 10 };
const followers: TierFollower[] = [];

afterEach(async () => {
  for (const follower of followers.splice(0)) await follower.close();
});

function archive(
  store: ArchiveStore,
  folders: readonly string[],
  kept: RetentionClass = 'operational',
  logger = new RecordingLogger(),
): TierFollower {
  const follower = createArchiveFollower({
    open: () => Promise.resolve(store),
    logs: () => Promise.resolve(folders),
    class: kept,
    ...{ pollMs: 10, edgeIntervalMs: 20, logger },
  });
  followers.push(follower);
  return follower;
}

async function level(follower: TierFollower, taken = 0): Promise<void> {
  await vi.waitFor(() => {
    expect(follower.status()).toMatchObject({ healthy: true, behindRecords: 0 });
    expect(follower.status().taken).toBeGreaterThanOrEqual(taken);
  }, PATIENCE);
}

async function archived(store: ArchiveStore): Promise<ReadonlyMap<string, string>> {
  const objects = new Map<string, string>();
  for (const prefix of ['operational/', 'regulated/', 'proofs/', 'checkpoints/', 'keys/']) {
    for await (const { key } of store.list(prefix)) {
      objects.set(key, (await store.get(key, 1 << 24))?.toString('base64') ?? '');
    }
  }
  return objects;
}

/** What someone does who holds the disk and no key: announces that everything is erased, under any root. */
async function forge(log: string, parts: readonly ('checkpoint' | 'entries')[]): Promise<void> {
  const announcement = canonicalJson({
    ...{ v: 2, kind: 'event', seq: 512, id: 'x', ts: null, type: 'records_erased' },
    properties: { ranges: [[0, 512]], by: 'me', reason: '-' },
  });
  const records = Array.from({ length: 256 }, (_, i) =>
    i === 0 ? Buffer.from(announcement) : Buffer.alloc(0),
  );
  await writeFile(join(log, 'tile/entries/002'), encodeBundle(records));
  if (!parts.includes('checkpoint')) return;
  await writeFile(join(log, 'tile/0/002'), Buffer.alloc(8_192, 1));
  const [origin = ''] = (await readFile(join(log, 'checkpoint'), 'utf8')).split('\n');
  const root = Buffer.alloc(32).toString('base64');
  await writeFile(join(log, 'checkpoint'), `${origin}\n768\n${root}\n\n— ${origin} AAAAAAA=\n`);
}

/** A client that says what an index would, and keeps what it is told. */
class ListeningClient implements SqlClient {
  readonly rows: number[] = [];
  erased = 0;
  log = '';
  next = 0;

  query(sql: string, values: readonly (string | number | null)[] = []): Promise<never> {
    return Promise.resolve(this.#answer(sql, values) as never);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #answer(sql: string, values: readonly (string | number | null)[]): readonly object[] {
    if (sql.includes('clock_timestamp')) return [{ ms: String(Date.now()) }];
    if (sql.startsWith('SELECT log, next_seq')) {
      return this.log === '' ? [] : [{ log: this.log, next: String(this.next), horizon: '0' }];
    }
    if (!sql.includes('evidence_progress WHERE log')) return [];
    this.rows.push((JSON.parse(String(values[4])) as unknown[]).length);
    this.erased += (JSON.parse(String(values[5])) as unknown[]).length;
    this.log = String(values[0]);
    this.next = Number(values[2]);
    return [{ moved: 1 }];
  }
}

function indexInto(client: SqlClient, folders: readonly string[]): TierFollower {
  const follower = createIndexFollower({
    open: () => Promise.resolve(new EvidenceIndex({ client })),
    logs: () => Promise.resolve(folders),
    pollMs: 10,
  });
  followers.push(follower);
  return follower;
}

describe('a log that was forged on disk', () => {
  it('takes nothing from the archive, and is an alarm', async () => {
    const log = await writeLog(await temporaryFolder(), plain(512));
    const store = createFolderStore(join(await temporaryFolder(), 'archive'));
    const first = archive(store, [log]);
    await level(first, 512);
    await first.close();
    const before = await archived(store);
    await forge(log, ['checkpoint', 'entries']);
    const logger = new RecordingLogger();
    const follower = archive(store, [log], 'operational', logger);
    await vi.waitFor(() => expect(follower.status().failures).toBeGreaterThan(1), PATIENCE);
    expect(follower.status().healthy).toBe(false);
    expect(logger.events()).toEqual(['EVIDENCE_TIER_FAILED']);
    expect(await archived(store)).toEqual(before);
  });

  it('takes nothing from the index, and is an alarm', async () => {
    const log = await writeLog(await temporaryFolder(), plain(512));
    const client = new ListeningClient();
    const first = indexInto(client, [log]);
    await level(first, 512);
    await first.close();
    await forge(log, ['checkpoint', 'entries']);
    const follower = indexInto(client, [log]);
    await vi.waitFor(() => expect(follower.status().failures).toBeGreaterThan(1), PATIENCE);
    expect(follower.status().healthy).toBe(false);
    expect([client.next, client.erased]).toEqual([512, 0]);
  });

  it('is not obeyed where the checkpoint is right and the records are not', async () => {
    const log = await writeLog(await temporaryFolder(), plain(768));
    await forge(log, ['entries']);
    const client = new ListeningClient();
    const index = indexInto(client, [log]);
    const store = createFolderStore(join(await temporaryFolder(), 'archive'));
    const cold = archive(store, [log]);
    for (const follower of [index, cold]) {
      await vi.waitFor(() => {
        expect(follower.status().lastError).toContain('is not the one under the signed root');
      }, PATIENCE);
    }
    expect([client.next, client.erased]).toEqual([512, 0]);
    expect(index.status().behindRecords).toBe(256);
    expect([...(await archived(store)).keys()].filter((key) => key.includes('/entries/'))).toEqual(
      [],
    );
  });

  it('is judged by the key that is given, not by the one beside it', async () => {
    const log = await writeLog(await temporaryFolder(), plain(3));
    const foreign = await writeLog(await temporaryFolder(), plain(3));
    const client = new ListeningClient();
    const vkey = (await readFile(`${foreign}.vkey`, 'utf8')).trim();
    const follower = createIndexFollower({
      open: () => Promise.resolve(new EvidenceIndex({ client })),
      logs: () => Promise.resolve([log]),
      publicKeys: () => [vkey],
      pollMs: 10,
    });
    followers.push(follower);
    await vi.waitFor(() => expect(follower.status().failures).toBeGreaterThan(0), PATIENCE);
    expect(client.rows).toEqual([]);
  });
});

describe('following several logs', () => {
  it('goes on with the others while one cannot be followed, to the end', async () => {
    const bad = join(await temporaryFolder(), 'bad');
    await mkdir(bad);
    await writeFile(join(bad, 'checkpoint'), 'junk\n');
    const log = await writeLog(await temporaryFolder(), plain(300));
    const client = new ListeningClient();
    const store = createFolderStore(join(await temporaryFolder(), 'archive'));
    for (const follower of [indexInto(client, [bad, log]), archive(store, [bad, log])]) {
      await vi.waitFor(() => expect(follower.status().taken).toBe(300), PATIENCE);
      await vi.waitFor(() => expect(follower.status().behindRecords).toBe(0), PATIENCE);
      expect(follower.status().healthy).toBe(false);
    }
    expect((await listArchivedLogs(store)).map(({ size }) => size)).toEqual([300]);
  });

  it('takes over no more than 128 records together', async () => {
    const client = new ListeningClient();
    await level(indexInto(client, [await writeLog(await temporaryFolder(), plain(700))]), 700);
    expect(client.rows.reduce((sum, rows) => sum + rows, 0)).toBe(700);
    expect(Math.max(...client.rows)).toBe(128);
  });
});

describe('heads in the archive', () => {
  it('count only when the log signed them, and bound what is restored', async () => {
    const log = await writeLog(await temporaryFolder(), plain(300));
    const store = createFolderStore(join(await temporaryFolder(), 'archive'));
    const first = archive(store, [log]);
    await level(first, 300);
    await first.close();
    const [{ name, origin } = { name: '', origin: '' }] = await listArchivedLogs(store);
    const root = Buffer.alloc(32).toString('base64');
    const huge = `${origin}\n9007199254740736\n${root}\n\n— ${origin} AAAAAAA=\n`;
    await store.create(`checkpoints/${name}/9007199254740736`, Buffer.from(huge));
    await level(archive(store, [log]));
    const copy = join(await temporaryFolder(), 'copy');
    expect(await restoreLog(store, '', copy)).toMatchObject({ size: 300, missing: [] });
    expect((await verifyEvidence(copy)).ok).toBe(true);
    const vkey = (await readFile(`${log}.vkey`, 'utf8')).trim();
    const given = join(await temporaryFolder(), 'copy');
    expect((await restoreLog(store, '', given, { publicKeys: [vkey] })).size).toBe(300);
    const other = await writeLog(await temporaryFolder(), plain(1));
    const wrong = [(await readFile(`${other}.vkey`, 'utf8')).trim()];
    const error = await errorOf(restoreLog(store, '', `${given}-2`, { publicKeys: wrong }));
    expect(error.message).toContain("the log's key signed");
  });

  it('are an alarm when they are larger than the log', async () => {
    const writer = await openWriter({ dir: await temporaryFolder(), files: unsyncedFiles });
    const log = writer.status().dir;
    for (const made of plain(300)) append(writer, made);
    await writer.flush();
    const old = await readFile(join(log, 'checkpoint'));
    for (const made of plain(300)) append(writer, made);
    await writer.close();
    const store = createFolderStore(join(await temporaryFolder(), 'archive'));
    const first = archive(store, [log]);
    await level(first, 600);
    await first.close();
    await writeFile(join(log, 'checkpoint'), old);
    const follower = archive(store, [log]);
    await vi.waitFor(() => {
      const { lastError } = follower.status();
      expect(lastError).toMatch(/archive holds 600 records of this log, more than|do not make/);
    }, PATIENCE);
    expect(follower.status().behindRecords).toBeGreaterThanOrEqual(0);
  });
});

describe('the keys of a log', () => {
  it('are archived and restored with as many rotations as a writer takes', async () => {
    const log = await writeLog(await temporaryFolder(), plain(3));
    const [origin = ''] = (await readFile(join(log, 'checkpoint'), 'utf8')).split('\n');
    const keys = Array.from({ length: 200 }, () => makeKey(origin));
    const notes = keys.slice(1).map((key, i) => {
      const old = keys[i] ?? key;
      const change = { origin, oldKey: old.vkey, newKey: key.vkey, size: 0, root: 'AAAA' };
      return old.note(formatEndorsement(change));
    });
    expect(notes.join('').length).toBeGreaterThan(65_536);
    await writeFile(join(log, 'key-endorsements'), notes.join(''));
    const store = createFolderStore(join(await temporaryFolder(), 'archive'));
    await level(archive(store, [log]), 3);
    const copy = join(await temporaryFolder(), 'copy');
    await restoreLog(store, '', copy);
    expect(await readFile(join(copy, 'key-endorsements'), 'utf8')).toBe(notes.join(''));
  });
});

describe('erasures after the class was changed', () => {
  it('reach what was archived before', async () => {
    const writer = await openWriter({ dir: await temporaryFolder(), files: unsyncedFiles });
    const log = writer.status().dir;
    for (const made of plain(300)) append(writer, made);
    await writer.flush();
    const store = createFolderStore(join(await temporaryFolder(), 'archive'));
    const first = archive(store, [log]);
    await level(first, 300);
    await first.close();
    await writer.erase({ select: { session: 'session-1' }, by: 'test', reason: 'test' });
    await writer.close();
    const second = archive(store, [log], 'regulated');
    await level(second, 1);
    await second.close();
    const [{ name } = { name: '' }] = await listArchivedLogs(store);
    const found = await new Archive(store).find(`operational/${name}/tile/entries/000`);
    expect(found?.content.includes('session-1')).toBe(false);
    const keys = [...(await archived(store)).keys()];
    expect(keys.filter((key) => key.includes('/edge/')).length).toBe(1);
    expect(keys.some((key) => key.startsWith('operational/') && key.includes('/edge/'))).toBe(
      false,
    );
  });
});
