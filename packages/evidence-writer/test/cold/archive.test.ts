import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RecordingLogger, type S3Server, s3OrSkip, startS3 } from '@cortex-governance/testkit';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeContent, encodeContent } from '../../src/cold/archive-codec.ts';
import {
  type ArchiveStore,
  createArchiveFollower,
  createFolderStore,
  createS3Store,
  expireArchive,
  lifecycleRules,
  listArchivedLogs,
  RETENTION_DAYS,
  restoreLog,
  type TierFollower,
} from '../../src/cold.ts';
import {
  type EvidenceLog,
  keyObjectSigningKey,
  rotateSigningKey,
  type SigningKey,
  verifyEvidence,
} from '../../src/index.ts';
import { errorOf, openWriter, recordsOf, temporaryFolder, unsyncedFiles } from '../support.ts';
import { announceErasure, append, plain } from '../tier/support.ts';

const PATIENCE = { timeout: 15_000, interval: 20 };
const DAY_MS = 86_400_000;
const hasS3 = s3OrSkip('cold archive');

let server: S3Server;
let prefixes = 0;
const followers: TierFollower[] = [];

beforeAll(async () => {
  if (!hasS3) return;
  server = await startS3();
  // The SDK says on stderr that its versions from 2027 on need Node 22.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  Object.assign(process.env, server.credentials);
}, 60_000);

afterEach(async () => {
  for (const follower of followers.splice(0)) await follower.close();
});

afterAll(async () => {
  for (const name of Object.keys(server?.credentials ?? {})) delete process.env[name];
  await server?.stop();
});

/** An archive of its own in the bucket. */
function s3(requestTimeoutMs = 2_000): Promise<ArchiveStore> {
  prefixes += 1;
  const prefix = `test-${prefixes}/`;
  const { endpoint, region, bucket } = server;
  return createS3Store({
    endpoint,
    region,
    bucket,
    prefix,
    forcePathStyle: true,
    requestTimeoutMs,
  });
}

const stores: readonly (readonly [string, () => Promise<ArchiveStore>])[] = [
  ['folder', async () => createFolderStore(join(await temporaryFolder(), 'archive'))],
  ...(hasS3 ? [['S3', () => s3()] as const] : []),
];

function follow(store: ArchiveStore, dir: string, logger = new RecordingLogger()): TierFollower {
  const follower = createArchiveFollower({
    open: () => Promise.resolve({ ...bound(store), close: () => Promise.resolve() }),
    logs: () => Promise.resolve([dir]),
    pollMs: 10,
    edgeIntervalMs: 50,
    logger,
  });
  followers.push(follower);
  return follower;
}

/** A store's methods as an object of its own, so that a test can replace some. */
function bound(store: ArchiveStore): ArchiveStore {
  return {
    create: (key, content) => store.create(key, content),
    replace: (key, content) => store.replace(key, content),
    get: (key, maxBytes) => store.get(key, maxBytes),
    list: (prefix) => store.list(prefix),
    delete: (key) => store.delete(key),
    close: () => store.close(),
  };
}

async function level(follower: TierFollower, taken = 1): Promise<void> {
  await vi.waitFor(() => {
    expect(follower.status()).toMatchObject({ healthy: true, behindRecords: 0 });
    expect(follower.status().taken).toBeGreaterThanOrEqual(taken);
  }, PATIENCE);
}

async function keysOf(store: ArchiveStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

async function writing(count: number): Promise<EvidenceLog> {
  const writer = await openWriter({ dir: await temporaryFolder(), files: unsyncedFiles });
  await write(writer, count);
  return writer;
}

async function write(writer: EvidenceLog, count: number): Promise<void> {
  for (const made of plain(count)) append(writer, made);
  await writer.flush();
}

async function restored(store: ArchiveStore): Promise<string> {
  const dir = join(await temporaryFolder(), 'copy');
  await restoreLog(store, '', dir);
  return dir;
}

describe.each(stores)('a store: %s', (_name, open) => {
  it('creates once, replaces, lists in order, and deletes', async () => {
    const store = await open();
    const [a, b] = [Buffer.from('a'), Buffer.from('b')];
    expect(await store.create('x/one', a)).toBe(true);
    expect(await store.create('x/one', b)).toBe(false);
    expect(await store.get('x/one', 10)).toEqual(a);
    const many = await Promise.all([a, b, a, b].map((content) => store.create('x/two', content)));
    expect(many.filter(Boolean)).toHaveLength(1);
    await store.replace('x/one', b);
    expect(await store.get('x/one', 10)).toEqual(b);
    await store.create('x/a/deep', a);
    await store.create('xx/other', a);
    expect(await keysOf(store, 'x/')).toEqual(['x/a/deep', 'x/one', 'x/two']);
    await store.delete('x/one');
    await store.delete('x/one');
    expect(await store.get('x/one', 10)).toBeNull();
    expect(await keysOf(store, 'none/')).toEqual([]);
    await expect(store.get('x/a/deep', 0)).rejects.toThrow();
    for (const bad of ['../x', 'x/../../y', '/x', 'x//y', 'x\0', '', '.', 'a b']) {
      await expect(store.create(bad, a)).rejects.toThrow();
    }
    await store.close();
  });

  it('restores a lost log that verifies to its last archived record', async () => {
    const store = await open();
    const writer = await writing(300);
    const log = writer.status().dir;
    const follower = follow(store, log);
    await level(follower, 300);
    await write(writer, 500);
    await writer.close();
    await level(follower, 800);
    await follower.close();
    const records = await recordsOf(log);
    const key = writer.vkey;
    await rm(log, { recursive: true });
    const dir = await restored(store);
    const report = await verifyEvidence(dir, { publicKeys: [key] });
    expect(report).toMatchObject({ ok: true, records: 800, checkpointSize: 800, firstFault: null });
    expect((await verifyEvidence(dir)).ok).toBe(true);
    expect(await recordsOf(dir)).toEqual(records);
    // Every bundle is compressed, and only the newest edge is left.
    const bundles = await keysOf(store, 'operational/');
    expect(bundles.filter((one) => one.includes('/tile/entries/'))).toHaveLength(3);
    expect(bundles.every((one) => one.endsWith('.lz4'))).toBe(true);
    expect(bundles.filter((one) => one.includes('/edge/'))).toHaveLength(1);
    await store.close();
  });

  it('erases what the log announces, before and after it was archived', async () => {
    const store = await open();
    const writer = await writing(600);
    const log = writer.status().dir;
    const follower = follow(store, log);
    await level(follower, 600);
    await writer.erase({ select: { session: 'session-1' }, by: 'test', reason: 'test' });
    announceErasure(writer, [[3, 4]]);
    await write(writer, 10);
    await level(follower, 610);
    await writer.close();
    await follower.close();
    const dir = await restored(store);
    const { ok, counts, firstFault } = await verifyEvidence(dir);
    expect([ok, firstFault]).toEqual([true, null]);
    expect(counts.erased).toBeGreaterThan(200);
    const all = (await recordsOf(dir)).map(({ seq }) => seq);
    expect(all).not.toContain(3);
    expect(all.filter((seq) => seq < 512 && seq % 2 === 0)).toEqual([]);
    // Archived anew from a log that is erased: nothing differs.
    const again = follow(store, log);
    await level(again, 0);
    expect(again.status().failures).toBe(0);
    await store.close();
  });
});

describe('the archive', () => {
  it('is filled again when it is emptied', async () => {
    const dir = join(await temporaryFolder(), 'archive');
    const writer = await writing(600);
    const follower = follow(createFolderStore(dir), writer.status().dir);
    await level(follower, 600);
    await rm(dir, { recursive: true });
    await write(writer, 10);
    await level(follower, 1_210);
    await writer.close();
    await follower.close();
    const report = await verifyEvidence(await restored(createFolderStore(dir)));
    expect(report).toMatchObject({ ok: true, records: 610 });
  });

  it('keeps how keys named their successors, so that any of them verifies a restored log', async () => {
    const dir = await temporaryFolder();
    const keys = [0, 1].map(() =>
      keyObjectSigningKey(generateKeyPairSync('ed25519').privateKey),
    ) as [SigningKey, SigningKey];
    const store = createFolderStore(join(await temporaryFolder(), 'archive'));
    const vkeys: string[] = [];
    for (const key of keys) {
      if (vkeys.length > 0)
        await rotateSigningKey({ dir, from: keys[0], to: key, by: 'a', reason: 'b' });
      const writer = await openWriter({ dir, key, files: unsyncedFiles });
      vkeys.push(writer.vkey);
      await write(writer, 300);
      await writer.close();
      const follower = follow(store, writer.status().dir);
      await level(follower, 300);
      await follower.close();
    }
    const copy = await restored(store);
    for (const vkey of vkeys) {
      const report = await verifyEvidence(copy, { publicKeys: [vkey] });
      expect(report).toMatchObject({ ok: true, records: 601 });
    }
  });

  it('never takes other content for its own, and does not write over it', async () => {
    const dir = join(await temporaryFolder(), 'archive');
    const store = createFolderStore(dir);
    const writer = await writing(600);
    const first = follow(store, writer.status().dir);
    await level(first, 600);
    await first.close();
    const [bundle = ''] = (await keysOf(store, 'operational/')).filter((key) =>
      key.includes('entries'),
    );
    const { bytes } = await encodeContent(
      Buffer.concat([Buffer.of(0, 1, 65), Buffer.alloc(2_000)]),
    );
    await writeFile(join(dir, bundle), bytes);
    await rm(join(dir, 'checkpoints'), { recursive: true });
    const follower = follow(store, writer.status().dir);
    await vi.waitFor(() => expect(follower.status().healthy).toBe(false), PATIENCE);
    await vi.waitFor(
      () => expect(follower.status().lastError).toContain('something else than the log'),
      PATIENCE,
    );
    expect(await readFile(join(dir, bundle))).toEqual(Buffer.from(bytes));
    expect(writer.status().healthy).toBe(true);
  });

  it('keeps proofs when records expire, and says which are missing', async () => {
    const dir = join(await temporaryFolder(), 'archive');
    const store = createFolderStore(dir);
    const writer = await writing(700);
    const follower = follow(store, writer.status().dir);
    await level(follower, 700);
    await follower.close();
    const now = Date.now();
    const entries = (await keysOf(store, 'operational/')).filter((key) => key.includes('entries'));
    const old = (now - (RETENTION_DAYS.operational + 1) * DAY_MS) / 1_000;
    for (const key of entries.slice(0, 2)) await utimes(join(dir, key), old, old);
    const proofs = await keysOf(store, 'proofs/');
    for (const key of proofs) await utimes(join(dir, key), old, old);
    expect(await expireArchive(store, now)).toBe(2);
    expect(await expireArchive(store, now)).toBe(0);
    expect(await keysOf(store, 'proofs/')).toEqual(proofs);
    const restoredLog = await restoreLog(store, '', join(await temporaryFolder(), 'copy'));
    expect(restoredLog).toMatchObject({ size: 700, missing: [[0, 512]] });
    expect((await verifyEvidence(restoredLog.dir)).firstFault?.problem).toBe('missing');
  });

  it('gives the same lifecycle as rules for a bucket', () => {
    expect(
      lifecycleRules('a/').Rules.map(({ Filter, Expiration }) => [Filter.Prefix, Expiration.Days]),
    ).toEqual([
      ['a/operational/', 90],
      ['a/regulated/', 2_557],
    ]);
  });

  it('restores only what is asked for, and over nothing', async () => {
    const store = createFolderStore(join(await temporaryFolder(), 'archive'));
    for (const count of [3, 5]) {
      const writer = await writing(count);
      const follower = follow(store, writer.status().dir);
      await level(follower, count);
      await follower.close();
    }
    const logs = await listArchivedLogs(store);
    expect(logs.map(({ size }) => size).sort()).toEqual([3, 5]);
    const target = await temporaryFolder();
    const [{ name, origin } = { name: '', origin: '' }] = logs;
    for (const ambiguous of ['', origin, 'no such log']) {
      const error = await errorOf(restoreLog(store, ambiguous, join(target, 'copy')));
      expect([error.code, error.message.includes(name)]).toEqual(['OPTIONS_INVALID', true]);
    }
    await restoreLog(store, name, join(target, 'copy'));
    const error = await errorOf(restoreLog(store, name, join(target, 'copy')));
    expect(error.message).toContain('is there already');
    expect((await verifyEvidence(join(target, 'copy'))).ok).toBe(true);
    expect(await readdir(target)).toEqual(['copy', 'copy.vkey']);
  });

  it('leaves nothing behind when the archive is damaged', async () => {
    const dir = join(await temporaryFolder(), 'archive');
    const store = createFolderStore(dir);
    const writer = await writing(300);
    const follower = follow(store, writer.status().dir);
    await level(follower, 300);
    await follower.close();
    const [bundle = ''] = (await keysOf(store, 'operational/')).filter((key) =>
      key.includes('entries'),
    );
    const bytes = await readFile(join(dir, bundle));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(join(dir, bundle), bytes);
    const target = await temporaryFolder();
    expect((await errorOf(restoreLog(store, '', join(target, 'copy')))).code).toBe(
      'EVIDENCE_CORRUPT',
    );
    expect(await readdir(target)).toEqual([]);
  });

  it('is behind, and nothing else, while its store fails, hangs or is full', async () => {
    const inner = createFolderStore(join(await temporaryFolder(), 'archive'));
    const logger = new RecordingLogger();
    let fault: (() => Promise<never>) | null = () =>
      Promise.reject(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }));
    const store: ArchiveStore = {
      ...bound(inner),
      create: (key, content) => fault?.() ?? inner.create(key, content),
    };
    const writer = await writing(300);
    const follower = follow(store, writer.status().dir, logger);
    await vi.waitFor(
      () => expect(follower.status().lastError).toContain('no space left'),
      PATIENCE,
    );
    await write(writer, 300);
    expect(writer.status()).toMatchObject({ healthy: true, checkpointed: 600 });
    fault = null;
    await level(follower, 600);
    expect(logger.events()).toEqual(['EVIDENCE_TIER_FAILED', 'EVIDENCE_TIER_RECOVERED']);
    fault = () => new Promise<never>(() => {});
    await write(writer, 300);
    await follower.close();
    expect(writer.status().healthy).toBe(true);
  });
});

describe.runIf(hasS3)('the archive in S3', () => {
  it('catches up after the server was killed, frozen, or refused the credentials', async () => {
    const store = await s3(400);
    const writer = await writing(300);
    const follower = follow(store, writer.status().dir);
    await level(follower, 300);
    const faults: readonly (readonly [() => unknown, () => unknown])[] = [
      [() => server.kill(), () => server.restart()],
      [() => server.freeze(), () => server.thaw()],
    ];
    for (const [start, end] of faults) {
      await start();
      try {
        await write(writer, 300);
        await vi.waitFor(() => expect(follower.status().healthy).toBe(false), PATIENCE);
        expect(writer.status().healthy).toBe(true);
      } finally {
        await end();
      }
      await level(follower);
    }
    await writer.close();
    await follower.close();
    expect(await verifyEvidence(await restored(store))).toMatchObject({ ok: true, records: 900 });
    process.env['AWS_SECRET_ACCESS_KEY'] = 'wrong';
    const refused = await errorOf((await s3()).create('x', Buffer.of(1)));
    process.env['AWS_SECRET_ACCESS_KEY'] = server.credentials.AWS_SECRET_ACCESS_KEY;
    expect([refused.code, refused.message]).toEqual([
      'EVIDENCE_TIER_UNAVAILABLE',
      expect.stringMatching(/SignatureDoesNotMatch/),
    ]);
  }, 40_000);
});

describe('archived content', () => {
  it('comes back as it was, compressed above 1 KiB, and opens with lz4', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), fc.nat(40), async (part, times) => {
        const content = Buffer.concat(Array.from({ length: times }, () => part));
        const { suffix, bytes } = await encodeContent(content);
        expect(suffix).toBe(content.length > 1_024 ? '.lz4' : '');
        const decoded = await decodeContent(`key${suffix}`, Buffer.from(bytes), content.length);
        expect(decoded.equals(content)).toBe(true);
      }),
    );
    if (spawnSync('lz4', ['--version']).error !== undefined) return;
    const content = Buffer.from('evidence '.repeat(100_000));
    const { bytes } = await encodeContent(content);
    const { stdout } = spawnSync('lz4', ['-d', '-c'], { input: bytes, maxBuffer: 2_000_000 });
    expect(stdout.equals(content)).toBe(true);
  });

  it('is never more than was allowed, whatever the frame says', async () => {
    const bomb = Buffer.from((await encodeContent(Buffer.alloc(64 << 20))).bytes);
    expect(bomb.length).toBeLessThan(1 << 20);
    expect((await errorOf(decodeContent('bomb.lz4', bomb, 1 << 20))).message).toContain(
      'more than',
    );
    const good = Buffer.from((await encodeContent(Buffer.from('evidence '.repeat(500)))).bytes);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.nat(7),
        fc.nat(good.length),
        async (at, bit, end) => {
          const bad = Buffer.from(good);
          bad[at] = (bad[at] ?? 0) ^ (1 << bit);
          for (const one of [
            bad,
            good.subarray(0, end),
            Buffer.concat([good, good.subarray(0, end + 1)]),
          ]) {
            if (one.equals(good)) continue;
            expect((await errorOf(decodeContent('x.lz4', Buffer.from(one), 1 << 20))).code).toBe(
              'EVIDENCE_CORRUPT',
            );
          }
        },
      ),
    );
  });
});
