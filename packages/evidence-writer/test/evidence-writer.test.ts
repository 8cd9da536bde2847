import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  canonicalJson,
  createVerdict,
  type DecisionRequest,
  EVIDENCE_DROPPED,
  sha256Hex,
} from '@cortex-governance/core';
import { describeEvidenceWriter } from '@cortex-governance/testkit';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  createEvidenceWriter,
  type DecisionRecord,
  DIGEST_UNAVAILABLE,
  EVIDENCE_RECORD_FIELDS,
  MAX_RECORD_BYTES,
  nodeLogFiles,
  readEvidence,
  verifyEvidence,
} from '../src/index.ts';
import {
  allowed,
  call,
  errorOf,
  filesWith,
  openWriter,
  recordsOf,
  temporaryFolder,
} from './support.ts';

describeEvidenceWriter('createEvidenceWriter', async (setup) => {
  const dir = await temporaryFolder();
  const writer = await createEvidenceWriter({ dir, ...setup });
  return {
    writer,
    records: async () =>
      (await recordsOf(writer.status().dir)) as unknown as Record<string, unknown>[],
    dispose: async () => {
      await writer.close();
      const report = await verifyEvidence(writer.status().dir);
      expect(report.firstFault).toBeNull();
    },
  };
});

describe('a decision record', () => {
  it('is not mixed with one that a getter of its request appends meanwhile', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    const nested: number[] = [];
    const properties = {
      get path(): string {
        nested.push(writer.appendDecision(call({ n: 1 }), allowed()));
        return 'docs/a.md';
      },
    };
    const asked = { ...call({ n: 2 }), tenant: 'outer', action: { name: 'go', properties } };
    expect(writer.appendDecision(asked, allowed())).toBe(1);
    expect(nested).toEqual([EVIDENCE_DROPPED]);
    expect(writer.status().drops.record_invalid).toBe(1);
    expect(writer.appendDecision(call({ n: 3 }), allowed())).toBe(2);
    await writer.close();
    const decisions = (await recordsOf(writer.status().dir)).filter(
      ({ kind }) => kind === 'decision',
    );
    expect(decisions.map((record) => (record as DecisionRecord).tenant)).toEqual([
      'outer',
      call({ n: 3 }).tenant,
    ]);
  });

  it('keeps its order while the queue grows and its places are used again', async () => {
    const writer = await openWriter({ dir: await temporaryFolder(), groupRecords: 7 });
    const seen: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      for (let i = 0; i < 150 * round; i += 1) {
        const id = `s${round}-${i}`;
        seen.push(id);
        writer.appendDecision({ ...call({ n: i }), subject: { type: 'agent', id } }, allowed());
      }
      await writer.flush();
    }
    await writer.close();
    const records = await recordsOf(writer.status().dir);
    expect(records.map((record) => (record as DecisionRecord).subject.id)).toEqual(seen);
  });

  it('is canonical JSON with exactly the documented members, whatever is decided', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
    const properties = fc.option(fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue()), {
      nil: undefined,
    });
    const request = fc.record({
      tenant: text,
      subject: fc.record({ type: text, id: text, properties }),
      action: fc.record({ name: text, properties }),
      resource: fc.record({ type: text, id: text, properties }),
      context: properties,
      callId: fc.option(text, { nil: undefined }),
    });
    fc.assert(
      fc.property(request, text, fc.nat(), (asked, detail, wait) => {
        const verdict = createVerdict(
          '019b2d0e-7c00-7abc-8def-0123456789ab',
          'RATE_LIMITED',
          'limits',
          'b'.repeat(64),
          detail,
          wait,
          [{ id: 'o1', type: 'redact' }],
        );
        writer.appendDecision(asked as unknown as DecisionRequest, verdict);
      }),
    );
    await writer.close();
    const bundle = await readFile(join(dir, 'default', 'tile/entries/000.p/100'));
    let offset = 0;
    for (let seq = 0; seq < 100; seq += 1) {
      const length = bundle.readUInt16BE(offset);
      const line = bundle.subarray(offset + 2, offset + 2 + length).toString();
      const record = JSON.parse(line) as DecisionRecord;
      expect(line).toBe(canonicalize(record));
      expect(line).toBe(canonicalJson(record));
      expect(Object.keys(record)).toEqual(EVIDENCE_RECORD_FIELDS.decision);
      expect(record).toMatchObject({ v: 2, kind: 'decision', seq, obligations: ['redact'] });
      expect(record.ts).toBe(new Date(0x019b2d0e7c00).toISOString());
      offset += 2 + length;
    }
    expect(offset).toBe(bundle.length);
  });

  it('says when a digest cannot be had, and never makes one up', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const throwing = Object.defineProperty({}, 'x', {
      enumerable: true,
      get: () => {
        throw new Error('trap');
      },
    });
    const hostile = [
      cyclic,
      throwing,
      { n: 10n },
      { s: '\ud800' },
      { f: () => 1 },
      { n: Number.NaN },
    ];
    for (const args of hostile) writer.appendDecision(call(args), allowed());
    writer.appendDecision({ ...call(), action: { name: 'search' } }, allowed());
    await writer.flush();
    const digests = (await recordsOf(join(dir, 'default'))).map(
      (r) => (r as DecisionRecord).argsDigest,
    );
    expect(digests).toEqual([...hostile.map(() => DIGEST_UNAVAILABLE), null]);
  });

  it('keeps what was true at the time when request and verdict change afterwards', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    const verdict = { ...allowed(), obligations: [{ id: '1', type: 'log' }] };
    const request = { ...call({ a: 1 }), context: { list: ['x'] }, tenant: 'acme' };
    writer.appendDecision(request, verdict);
    request.tenant = 'other';
    request.context.list.push('y');
    verdict.obligations.push({ id: '2', type: 'none' });
    Object.assign(verdict, { effect: 'deny', reason: 'changed' });
    await writer.flush();
    const [record] = await recordsOf(join(dir, 'default'));
    expect(record).toMatchObject({
      tenant: 'acme',
      effect: 'allow',
      reason: 'allowed',
      obligations: ['log'],
      contextDigest: sha256Hex('{"list":["x"]}'),
    });
  });
});

describe('an event record', () => {
  it('carries its properties, or null when they have no canonical form', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    writer.appendEvent({ type: 'a', properties: { z: 1, a: [true, null] } });
    writer.appendEvent({ type: 'b', properties: { z: 1n } });
    await writer.flush();
    const records = await recordsOf(join(dir, 'default'));
    expect(records.map((r) => (r.kind === 'event' ? r.properties : 'no event'))).toEqual([
      { a: [true, null], z: 1 },
      null,
    ]);
  });

  it('is replaced by a gap when it is too large, and its ticket is refused', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    const before = writer.appendDecision(call(), allowed());
    const ticket = writer.appendEvent({
      type: 'big',
      properties: { x: 'y'.repeat(MAX_RECORD_BYTES) },
    });
    const after = writer.appendDecision(call(), allowed());
    const early = errorOf(writer.durable(ticket, 'os'));
    await writer.durable(before, 'disk');
    await writer.durable(after, 'checkpointed');
    expect((await early).code).toBe('EVIDENCE_WRITE_FAILED');
    expect((await errorOf(writer.durable(ticket, 'disk'))).code).toBe('EVIDENCE_WRITE_FAILED');
    expect(writer.status().drops.record_too_large).toBe(1);
    const records = await recordsOf(join(dir, 'default'));
    expect(records.map((r) => r.kind)).toEqual(['decision', 'gap', 'decision']);
    expect(records[1]).toMatchObject({ count: 1, reasons: { record_too_large: 1 } });
  });

  it('may have exactly the longest length', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    writer.appendEvent({ type: 'e', properties: { x: '' } });
    await writer.flush();
    const overhead = (await readFile(join(dir, 'default/tile/entries/000.p/1'))).length - 2;
    const fill = 'y'.repeat(MAX_RECORD_BYTES - overhead);
    writer.appendEvent({ type: 'e', properties: { x: fill } });
    writer.appendEvent({ type: 'e', properties: { x: `${fill}y` } });
    await writer.flush();
    const kinds = (await recordsOf(join(dir, 'default'))).map((r) => r.kind);
    expect(kinds).toEqual(['event', 'event', 'gap']);
  });
});

describe('the queue', () => {
  it('touches no file in the caller’s turn', async () => {
    const dir = await temporaryFolder();
    const created: string[] = [];
    const files = filesWith({
      createAppendFile: (path) => {
        created.push(path);
        return nodeLogFiles.createAppendFile(path);
      },
    });
    const writer = await openWriter({ dir, files });
    for (let i = 0; i < 500; i += 1) writer.appendDecision(call({ i }), allowed());
    expect(writer.status()).toMatchObject({ queuedRecords: 500, records: 500, checkpointed: 0 });
    expect(created).toEqual([]);
    await writer.flush();
    expect(created).toHaveLength(1);
  });

  it('is bounded by bytes too, and takes what ready() promised', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir, maxQueueBytes: 10_000 });
    expect(writer.ready()).toBe(true);
    expect(writer.appendDecision(call({ x: 'y'.repeat(50_000) }), allowed())).toBeGreaterThan(0);
    expect(writer.ready()).toBe(false);
    expect(writer.appendDecision(call(), allowed())).toBe(-1);
    await writer.flush();
    expect(writer.ready()).toBe(true);
    expect(writer.status().queuedBytes).toBe(0);
  });

  it('writes a full group without being asked, and the rest when it is old enough', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir, groupMaxAgeMs: 20, checkpointIntervalMs: 20 });
    for (let i = 0; i < 250; i += 1) writer.appendDecision(call({ i }), allowed());
    await vi.waitFor(() => expect(writer.status().checkpointed).toBe(250), { timeout: 10_000 });
    writer.appendDecision(call(), allowed());
    await vi.waitFor(() => expect(writer.status().checkpointed).toBe(251), { timeout: 10_000 });
  });
});

describe('the files', () => {
  it('are those of C2SP tlog-tiles, and the journal is empty after close', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    for (let i = 0; i < 600; i += 1) writer.appendDecision(call({ i }), allowed());
    await writer.close();
    const names = await readdir(join(dir, 'default'), { recursive: true });
    expect(names.sort()).toEqual([
      'checkpoint',
      'journal',
      'tile',
      'tile/0',
      'tile/0/000',
      'tile/0/001',
      'tile/0/002.p',
      'tile/0/002.p/88',
      'tile/1',
      'tile/1/000.p',
      'tile/1/000.p/2',
      'tile/entries',
      'tile/entries/000',
      'tile/entries/001',
      'tile/entries/002.p',
      'tile/entries/002.p/88',
      'tmp',
    ]);
    const [origin, size] = (await readFile(join(dir, 'default/checkpoint'), 'utf8')).split('\n');
    expect([origin, size]).toEqual(['cortex-governance.local/default', '600']);
    expect(await readFile(join(dir, 'default.vkey'), 'utf8')).toBe(`${writer.vkey}\n`);
    expect((await stat(join(dir, 'signing-key.pem'))).mode & 0o777).toBe(0o600);
  });

  it('keep partial tiles of the last two checkpoints only', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    for (let i = 1; i <= 300; i += 1) {
      writer.appendDecision(call(), allowed());
      if (i % 25 === 0) await writer.flush();
    }
    expect(await readdir(join(dir, 'default/tile/entries'))).toEqual(['000', '001.p']);
    expect(await readdir(join(dir, 'default/tile/entries/001.p'))).toEqual(['19', '44']);
    expect((await verifyEvidence(join(dir, 'default'))).firstFault).toBeNull();
  });

  it('start a new journal segment at the bound and drop the covered ones', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir, segmentBytes: 8_192, checkpointIntervalMs: 60_000 });
    for (let i = 0; i < 40; i += 1) {
      await writer.durable(writer.appendDecision(call({ i }), allowed()), 'disk');
    }
    const segments = await readdir(join(dir, 'default/journal'));
    expect(segments.length).toBeGreaterThan(2);
    expect((await verifyEvidence(join(dir, 'default'))).unsignedTail).toBe(40);
    await writer.flush();
    expect(await readdir(join(dir, 'default/journal'))).toEqual(segments.slice(-1));
    expect((await verifyEvidence(join(dir, 'default'))).firstFault).toBeNull();
  });
});

describe('readEvidence', () => {
  it('reads on while the log grows, from any record', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    for (let i = 0; i < 520; i += 1) writer.appendDecision(call({ i }), allowed());
    await writer.flush();
    await writer.durable(writer.appendEvent({ type: 'tail', properties: {} }), 'disk');
    for (const from of [0, 1, 255, 256, 511, 519, 520, 521, 900]) {
      const seqs: number[] = [];
      for await (const { seq } of readEvidence(join(dir, 'default'), { from })) seqs.push(seq);
      expect(seqs).toEqual(Array.from({ length: Math.max(0, 521 - from) }, (_, i) => from + i));
    }
  });

  it('names what it cannot read', async () => {
    const error = await errorOf(recordsOf(join(await temporaryFolder(), 'nothing')));
    expect(error.code).toBe('EVIDENCE_CORRUPT');
    expect(error.message).toContain('checkpoint');
  });
});

describe('options', () => {
  it.each([
    [{}, 'dir'],
    [{ dir: '' }, 'dir'],
    [{ dir: 'a\0b' }, 'dir'],
    [{ dir: 'x', name: '../x' }, 'name'],
    [{ dir: 'x', name: 'a/b' }, 'name'],
    [{ dir: 'x', name: 'A' }, 'name'],
    [{ dir: 'x', whenFull: 'drop' }, 'whenFull'],
    [{ dir: 'x', originPrefix: 'has space' }, 'originPrefix'],
    [{ dir: 'x', originPrefix: 'a+b' }, 'originPrefix'],
    [{ dir: 'x', maxQueueRecords: 0 }, 'maxQueueRecords'],
    [{ dir: 'x', segmentBytes: 10 }, 'segmentBytes'],
    [{ dir: 'x', checkpointIntervalMs: 2 ** 31 }, 'checkpointIntervalMs'],
    [{ dir: 'x', groupMaxAgeMs: -1 }, 'groupMaxAgeMs'],
    [{ dir: 'x', unknown: 1 }, 'createEvidenceWriter'],
  ])('%j are refused', async (options, place) => {
    const error = await errorOf(createEvidenceWriter(options as never));
    expect(error.code).toBe('OPTIONS_INVALID');
    expect(error.message).toContain(place);
  });
});
