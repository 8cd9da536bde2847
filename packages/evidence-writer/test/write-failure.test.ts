import { execFile } from 'node:child_process';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EVIDENCE_DROPPED, type Logger, silentLogger } from '@cortex-governance/core';
import { describe, expect, it } from 'vitest';
import { createEvidenceWriter, type LogFiles, nodeLogFiles, verifyEvidence } from '../src/index.ts';
import {
  allowed,
  call,
  errorOf,
  filesWith,
  filesWithJournal,
  ioError,
  openWriter,
  recordsOf,
  temporaryFolder,
} from './support.ts';

/** A logger that keeps the errors. */
function errorLog(): { readonly logger: Logger; readonly events: unknown[][] } {
  const events: unknown[][] = [];
  const logger = { ...silentLogger, error: (...line: unknown[]) => void events.push(line) };
  return { logger, events };
}

/** Lets the first `good` calls through. */
function failAfter(good: number, code: string): () => void {
  let calls = 0;
  return () => {
    calls += 1;
    if (calls > good) throw ioError(code);
  };
}

const JOURNAL_FAULTS: readonly (readonly [string, string, (good: number) => LogFiles])[] = [
  [
    'a write that fails',
    'ENOSPC',
    (good) => {
      const check = failAfter(good, 'ENOSPC');
      return filesWithJournal({
        write: async (bytes, write) => {
          check();
          return write(bytes);
        },
      });
    },
  ],
  [
    'a sync that fails',
    'EIO',
    (good) => {
      const check = failAfter(good, 'EIO');
      return filesWithJournal({
        datasync: async (datasync) => {
          check();
          return datasync();
        },
      });
    },
  ],
  [
    'a short write and then a full disk',
    'ENOSPC',
    (good) => {
      let calls = 0;
      return filesWithJournal({
        write: async (bytes, write) => {
          calls += 1;
          if (calls > good + 1) throw ioError('ENOSPC');
          return calls > good ? write(bytes.subarray(0, 100)) : write(bytes);
        },
      });
    },
  ],
  [
    'a write that lies about its length',
    'write returned',
    (good) => {
      let calls = 0;
      return filesWithJournal({
        write: async (bytes, write) => {
          calls += 1;
          return calls > good ? 0 : write(bytes);
        },
      });
    },
  ],
];

describe.each(JOURNAL_FAULTS)('%s', (_name, problem, faultyFiles) => {
  it('ends the writer, loudly, and keeps what was acknowledged', async () => {
    const dir = await temporaryFolder();
    const { logger, events } = errorLog();
    const writer = await openWriter({ dir, logger, files: faultyFiles(2) });
    const acknowledged = [];
    for (let i = 0; i < 2; i += 1) {
      const ticket = writer.appendDecision(call({ i }), allowed());
      await writer.durable(ticket, 'disk');
      acknowledged.push(ticket);
    }
    const lost = writer.appendDecision(call(), allowed());
    const error = await errorOf(writer.durable(lost, 'disk'));
    expect(error.code).toBe('EVIDENCE_WRITE_FAILED');
    expect(error.message).toContain(problem);
    expect(error.message).toContain(join(dir, 'default/journal/0000000000000000.seg'));

    expect(writer.ready()).toBe(false);
    expect(writer.appendDecision(call(), allowed())).toBe(EVIDENCE_DROPPED);
    expect(writer.status()).toMatchObject({ healthy: false, drops: { writer_failed: 2 } });
    expect(writer.status().problem).toContain(problem);
    expect(events).toHaveLength(1);
    expect(events[0]?.[0]).toBe('EVIDENCE_WRITE_FAILED');
    for (const ticket of acknowledged) await writer.durable(ticket, 'disk');
    expect((await errorOf(writer.durable(lost, 'checkpointed'))).code).toBe(
      'EVIDENCE_WRITE_FAILED',
    );
    expect((await errorOf(writer.flush())).code).toBe('EVIDENCE_WRITE_FAILED');
    expect((await errorOf(writer.close())).code).toBe('EVIDENCE_WRITE_FAILED');

    const next = await openWriter({ dir });
    const records = (await recordsOf(join(dir, 'default'))).filter((r) => r.kind === 'decision');
    expect(records.length).toBeGreaterThanOrEqual(2);
    await next.close();
    expect((await verifyEvidence(join(dir, 'default'))).firstFault).toBeNull();
  });
});

describe('a short write', () => {
  it('is completed', async () => {
    const dir = await temporaryFolder();
    const files = filesWithJournal({ write: (bytes, write) => write(bytes.subarray(0, 7)) });
    const writer = await openWriter({ dir, files });
    await writer.durable(writer.appendDecision(call(), allowed()), 'disk');
    expect(await recordsOf(join(dir, 'default'))).toHaveLength(1);
  });
});

describe('a checkpoint that cannot be written', () => {
  it.each(['placeFile', 'replaceFile', 'syncFolder', 'makeFolder', 'remove'] as const)(
    'ends the writer when %s fails, and loses nothing that is on disk',
    async (operation) => {
      const dir = await temporaryFolder();
      let broken = false;
      const real = nodeLogFiles[operation] as (...args: never[]) => Promise<void>;
      const files = filesWith({
        [operation]: (...args: never[]) =>
          broken ? Promise.reject(ioError('EIO')) : real(...args),
      });
      const writer = await openWriter({ dir, files, segmentBytes: 8_192 });
      await writer.durable(writer.appendDecision(call(), allowed()), 'disk');
      broken = true;
      const tickets = Array.from({ length: 300 }, () => writer.appendDecision(call(), allowed()));
      const error = await errorOf(writer.durable(tickets.at(-1)!, 'checkpointed'));
      expect(error.code).toBe('EVIDENCE_WRITE_FAILED');
      expect(error.message).toContain('EIO');
      expect(writer.ready()).toBe(false);
      expect((await errorOf(writer.close())).code).toBe('EVIDENCE_WRITE_FAILED');
      const before = await recordsOf(join(dir, 'default'));
      expect(before.length).toBeGreaterThanOrEqual(1);
      await (await openWriter({ dir })).close();
      expect(await recordsOf(join(dir, 'default'))).toEqual(before);
      expect((await verifyEvidence(join(dir, 'default'))).firstFault).toBeNull();
    },
  );
});

describe('with whenFull gap', () => {
  it('a failed writer lets calls pass, and counts every one', async () => {
    const dir = await temporaryFolder();
    const check = failAfter(0, 'EIO');
    const files = filesWithJournal({
      datasync: async () => {
        check();
      },
    });
    const writer = await openWriter({ dir, files, whenFull: 'gap' });
    await errorOf(writer.durable(writer.appendDecision(call(), allowed()), 'disk'));
    expect(writer.ready()).toBe(true);
    expect(writer.appendDecision(call(), allowed())).toBe(EVIDENCE_DROPPED);
    expect(writer.status().drops.writer_failed).toBe(2);
  });
});

describe('a folder that cannot be written', () => {
  it('is refused at the start', async () => {
    const error = await errorOf(createEvidenceWriter({ dir: '/proc/evidence' }));
    expect(error.code).toBe('EVIDENCE_WRITE_FAILED');
    expect(error.message).toContain('/proc/evidence');
  });
});

describe('a disk that is really full', () => {
  it('ends the writer; with room again a start recovers what was acknowledged', async (context) => {
    const run = promisify(execFile);
    const script = join(import.meta.dirname, 'fixtures', 'fill-disk.ts');
    const tsx = join(import.meta.dirname, '../../../node_modules/.bin/tsx');
    const folder = await temporaryFolder();
    // A user namespace of its own lets anybody mount a small tmpfs, where the system permits it.
    const inner = `mount -t tmpfs -o size=1m none ${folder} && exec ${tsx} --conditions=@cortex-governance/source ${script} ${folder}`;
    const canMount = await run('unshare', [
      '-Urm',
      'sh',
      '-c',
      `mount -t tmpfs none ${folder}`,
    ]).then(
      () => true,
      () => false,
    );
    if (!canMount) return context.skip();
    await access(script);
    const { stdout } = await run('unshare', ['-Urm', 'sh', '-c', inner]);
    const result = JSON.parse(stdout) as {
      acknowledged: number;
      found: number;
      code: string;
      ok: boolean;
    };
    expect(result.code).toBe('EVIDENCE_WRITE_FAILED');
    expect(result.acknowledged).toBeGreaterThan(10);
    expect(result.found).toBeGreaterThanOrEqual(result.acknowledged);
    expect(result.ok).toBe(true);
    expect(await readdir(folder)).toEqual([]);
  });
});
