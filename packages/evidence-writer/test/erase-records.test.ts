import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVerdict, toolCall, VerdictIdSource } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type Erasure, type EvidenceLog, nodeLogFiles, verifyEvidence } from '../src/index.ts';
import { allowed, call, errorOf, openWriter, recordsOf, temporaryFolder } from './support.ts';

const order = { by: 'ann', reason: 'request 17' };
const ids = new VerdictIdSource();

function append(
  writer: EvidenceLog,
  who: { tenant?: string; agent?: string; session?: string; atMs?: number } = {},
): void {
  const { tenant = 'acme', agent = 'a', session, atMs = Date.now() } = who;
  const context = session === undefined ? {} : { context: { session } };
  const request = toolCall({ tenant, agent, tool: 't', action: 'x', ...context });
  const id = new VerdictIdSource().next(atMs);
  writer.appendDecision(request, createVerdict(id, 'ALLOWED', 'evidence', 'a'.repeat(64)));
}

async function logOf(count: number, who: (i: number) => Parameters<typeof append>[1]) {
  const dir = await temporaryFolder();
  const writer = await openWriter({ dir });
  for (let i = 0; i < count; i += 1) append(writer, who(i));
  return { dir: join(dir, 'default'), writer };
}

/** Files below the folder that hold the text. */
async function filesWith(dir: string, text: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((e) => join(e.parentPath, e.name));
  const found = await Promise.all(
    files.map(async (file) => ((await readFile(file)).includes(text) ? [file] : [])),
  );
  return found.flat();
}

describe('erasing records', () => {
  it('takes their content from every file, keeps root and proofs, and says so in the log', async () => {
    const { dir, writer } = await logOf(600, (i) => ({ agent: i % 3 === 0 ? 'erase-me' : 'keep' }));
    await writer.flush();
    const before = await readFile(join(dir, 'checkpoint'), 'utf8');
    const tile = await readFile(join(dir, 'tile/0/000'));
    expect(await writer.erase({ select: { subject: 'erase-me' }, ...order })).toEqual({
      records: 171,
      tooNew: 29,
    });
    expect(await readFile(join(dir, 'tile/0/000'))).toEqual(tile);
    const report = await verifyEvidence(dir, { checkpoint: before });
    expect(report.firstFault).toBeNull();
    expect(report.counts.erased).toBe(171);
    const records = await recordsOf(dir);
    expect(
      records.filter((r) => r.kind === 'decision' && r.subject.id === 'erase-me'),
    ).toHaveLength(29);
    const events = records.filter((r) => r.kind === 'event' && r.type === 'records_erased');
    expect(events.length).toBeGreaterThan(0);
    expect(events[0]).toMatchObject({ properties: { ...order } });
    expect(JSON.stringify(events)).not.toContain('erase-me');
    await writer.close();
    const left = await filesWith(dir, 'erase-me');
    expect(left.length).toBeGreaterThan(0);
    for (const file of left) expect(file).toContain('/tile/entries/002.p/');
  });

  it('goes on with the log, and a later start finds it whole', async () => {
    const { dir, writer } = await logOf(512, () => ({ tenant: 'gone' }));
    await writer.erase({ select: { tenant: 'gone' }, ...order });
    append(writer, { tenant: 'new' });
    await writer.close();
    const next = await openWriter({ dir: join(dir, '..') });
    append(next, { tenant: 'new' });
    await next.close();
    const report = await verifyEvidence(dir);
    expect(report).toMatchObject({ ok: true, records: 515 });
    expect(report.counts.erased).toBe(512);
  });

  it('chooses by time, tenant, subject and session, all of those given', async () => {
    const { dir, writer } = await logOf(256, (i) => ({
      tenant: `t${i % 2}`,
      agent: `a${i % 4}`,
      session: `s${i % 8}`,
      atMs: 1_700_000_000_000 + i * 1000,
    }));
    const select = {
      tenant: 't1',
      subject: 'a1',
      session: 's5',
      before: 1_700_000_000_000 + 128_000,
    };
    expect(await writer.erase({ select, ...order })).toEqual({ records: 16, tooNew: 0 });
    expect(await writer.erase({ select: { session: 's5' }, ...order })).toEqual({
      records: 16,
      tooNew: 0,
    });
    expect(await writer.erase({ select: { before: 0 }, ...order })).toEqual({
      records: 0,
      tooNew: 0,
    });
    expect((await verifyEvidence(dir)).firstFault).toBeNull();
  });

  it('never erases what is no decision', async () => {
    const { dir, writer } = await logOf(200, () => ({}));
    for (let i = 0; i < 56; i += 1) writer.appendEvent({ type: 'boot', properties: { i } });
    expect(await writer.erase({ select: { before: Date.now() + 60_000 }, ...order })).toMatchObject(
      {
        records: 200,
      },
    );
    expect(
      (await recordsOf(dir)).filter((r) => r.kind === 'event' && r.type === 'boot'),
    ).toHaveLength(56);
  });

  it('needs no more than one announcement for many separate records', async () => {
    const { dir, writer } = await logOf(2_560, (i) => ({ tenant: i % 2 === 0 ? 'gone' : 'here' }));
    expect(await writer.erase({ select: { tenant: 'gone' }, ...order })).toMatchObject({
      records: 1_280,
    });
    const report = await verifyEvidence(dir);
    expect(report.firstFault).toBeNull();
    const events = (await recordsOf(dir)).filter((r) => r.kind === 'event');
    expect(events.length).toBeLessThanOrEqual(2);
  });

  it.each([
    [{ select: {}, ...order }, 'selects everything'],
    [{ select: { tenant: '' }, ...order }, 'tenant'],
    [{ select: { tenant: 'x', other: 1 }, ...order }, 'other'],
    [{ select: { before: 1.5 }, ...order }, 'before'],
    [{ select: { tenant: 'x' }, by: '', reason: 'r' }, 'by'],
    [{ select: { tenant: 'x' }, by: 'b' }, 'reason'],
  ])('refuses %j', async (bad, problem) => {
    const { writer } = await logOf(1, () => ({}));
    const error = await errorOf(writer.erase(bad as never));
    expect(error.code).toBe('OPTIONS_INVALID');
    expect(error.message).toContain(problem);
  });

  it('is announced in full, whatever is masked', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir, mask: ['/event/*'] });
    for (let i = 0; i < 256; i += 1) append(writer, { tenant: 'gone' });
    await writer.erase({ select: { tenant: 'gone' }, ...order });
    await writer.close();
    expect((await verifyEvidence(join(dir, 'default'))).firstFault).toBeNull();
  });

  it('leaves nothing in the journal of what was written before it', async () => {
    const { dir, writer } = await logOf(300, () => ({ agent: 'erase-me' }));
    for (let i = 0; i < 300; i += 1) append(writer, { agent: 'erase-me' });
    const { records } = await writer.erase({ select: { subject: 'erase-me' }, ...order });
    expect(records).toBe(512);
    for (const file of await filesWith(dir, 'erase-me')) expect(file).toContain('entries/002');
  });

  it('ends before the log is given to another writer', async () => {
    const dir = await temporaryFolder();
    let goOn = (): void => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const placed: string[] = [];
    const files = {
      ...nodeLogFiles,
      placeFile: async (path: string, scratch: string, content: Uint8Array) => {
        if (path.endsWith('entries/000')) placed.push(path);
        if (placed.length === 2) await gate;
        return nodeLogFiles.placeFile(path, scratch, content);
      },
    };
    const writer = await openWriter({ dir, files });
    for (let i = 0; i < 256; i += 1) append(writer, { tenant: 'gone' });
    const erasing = writer.erase({ select: { tenant: 'gone' }, ...order });
    await vi.waitFor(() => expect(placed).toHaveLength(2), { timeout: 10_000 });
    const closing = writer.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await errorOf(openWriter({ dir }))).code).toBe('EVIDENCE_LOCKED');
    goOn();
    expect(await erasing).toMatchObject({ records: 256 });
    await closing;
    await openWriter({ dir });
  });

  it('erases nothing that was changed on disk to look selected, and says where', async () => {
    const { dir, writer } = await logOf(300, (i) => ({ tenant: i === 9 ? 'beta' : 'acme' }));
    await writer.flush();
    const file = join(dir, 'tile/entries/000');
    const bundle = await readFile(file);
    const at = bundle.indexOf('"tenant":"acme"');
    bundle.set(Buffer.from('"tenant":"beta"'), at);
    await nodeLogFiles.replaceFile(file, bundle);
    const error = await errorOf(writer.erase({ select: { tenant: 'beta' }, ...order }));
    expect(error.code).toBe('EVIDENCE_CORRUPT');
    expect(error.message).toContain('record 0');
    expect((await verifyEvidence(dir)).firstFault).toMatchObject({ index: 0 });
    const events = (await recordsOf(dir)).filter((r) => r.kind === 'event');
    expect(events).toEqual([]);
  });

  it('is not kept from old records by some that are dated in the future', async () => {
    const dayMs = 86_400_000;
    const count = 256 * 18;
    const { writer } = await logOf(count, (i) => ({
      atMs: i < 256 * 17 ? Date.now() + dayMs : Date.now() - 400 * dayMs,
    }));
    const select = { before: Date.now() - 30 * dayMs };
    expect(await writer.erase({ select, ...order })).toMatchObject({ records: 256 });
  });

  it('ends between two bundles when the log is closed; the next one finishes', async () => {
    const dir = await temporaryFolder();
    let placed = 0;
    let onPlaced = (): void => {};
    const first = new Promise<void>((resolve) => {
      onPlaced = resolve;
    });
    const files = {
      ...nodeLogFiles,
      placeFile: async (path: string, scratch: string, content: Uint8Array) => {
        await nodeLogFiles.placeFile(path, scratch, content);
        // The second time that a bundle is placed it is without its content.
        if (/entries\/00\d$/.test(path)) placed += 1;
        if (placed === 9) onPlaced();
      },
    };
    const writer = await openWriter({ dir, files });
    for (let i = 0; i < 256 * 8; i += 1) append(writer, { tenant: 'gone' });
    const erasing = errorOf(writer.erase({ select: { tenant: 'gone' }, ...order }));
    await first;
    await writer.close();
    expect((await erasing).message).toContain('the log is being closed');
    const next = await openWriter({ dir });
    const { records } = await next.erase({ select: { tenant: 'gone' }, ...order });
    expect(records).toBeGreaterThan(0);
    await next.close();
    const report = await verifyEvidence(join(dir, 'default'));
    expect(report).toMatchObject({ firstFault: null, counts: { erased: 256 * 8 } });
  });

  it('is refused once the log is closed', async () => {
    const { writer } = await logOf(256, () => ({}));
    await writer.close();
    const error = await errorOf(writer.erase({ select: { tenant: 'acme' }, ...order }));
    expect(error.code).toBe('EVIDENCE_WRITE_FAILED');
    expect(error.message).toContain('the log is closed');
  });

  it('is found when nobody announced it', async () => {
    const { dir, writer } = await logOf(256, () => ({}));
    await writer.close();
    const file = join(dir, 'tile/entries/000');
    const bundle = await readFile(file);
    const first = bundle.readUInt16BE(0);
    const forged = Buffer.concat([Buffer.alloc(2), bundle.subarray(2 + first)]);
    await nodeLogFiles.replaceFile(file, forged);
    const report = await verifyEvidence(dir);
    expect(report).toMatchObject({ ok: false, firstFault: { index: 0 } });
  });

  it('finishes on a second try what failed on the first', async () => {
    const dir = await temporaryFolder();
    let failing = false;
    const files = {
      ...nodeLogFiles,
      placeFile: (path: string, scratch: string, content: Uint8Array) => {
        if (failing && path.includes('entries/000')) return Promise.reject(new Error('EIO'));
        return nodeLogFiles.placeFile(path, scratch, content);
      },
    };
    const writer = await openWriter({ dir, files });
    for (let i = 0; i < 256; i += 1) append(writer, { tenant: 'gone' });
    await writer.flush();
    failing = true;
    expect((await errorOf(writer.erase({ select: { tenant: 'gone' }, ...order }))).code).toBe(
      'EVIDENCE_WRITE_FAILED',
    );
    expect(writer.status().healthy).toBe(true);
    expect((await verifyEvidence(join(dir, 'default'))).firstFault).toBeNull();
    failing = false;
    expect(await writer.erase({ select: { tenant: 'gone' }, ...order })).toMatchObject({
      records: 256,
    });
    const report = await verifyEvidence(join(dir, 'default'));
    expect(report).toMatchObject({ firstFault: null, counts: { erased: 256 } });
  });

  it('keeps every log whole, whatever is erased while it is written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            append: fc.integer({ min: 1, max: 300 }),
            tenant: fc.nat(3),
            erase: fc.boolean(),
          }),
          {
            minLength: 2,
            maxLength: 6,
          },
        ),
        async (steps) => {
          const dir = await temporaryFolder();
          const writer = await openWriter({ dir, segmentBytes: 65_536, checkpointIntervalMs: 1 });
          const running: Promise<Erasure>[] = [];
          for (const step of steps) {
            for (let i = 0; i < step.append; i += 1) {
              writer.appendDecision(
                { ...call({ i }), tenant: `t${i % 4}` },
                { ...allowed(), id: ids.next(Date.now()) },
              );
            }
            if (!step.erase) continue;
            const select = { tenant: `t${step.tenant}` };
            running.push(writer.erase({ select, ...order }));
          }
          const done = await Promise.all(running);
          const erased = done.reduce((sum, { records }) => sum + records, 0);
          await writer.close();
          const report = await verifyEvidence(join(dir, 'default'));
          expect(report.firstFault).toBeNull();
          expect(report.counts.erased).toBe(erased);
        },
      ),
      { numRuns: 10 },
    );
  }, 120_000);
});
