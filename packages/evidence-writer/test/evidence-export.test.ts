import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Attributes,
  canonicalJson,
  createVerdict,
  toolCall,
  VerdictIdSource,
} from '@cortex-governance/core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  CompactRange,
  createEvidenceWriter,
  type EvidenceExport,
  type EvidenceRecord,
  EXPORT_PAYLOAD_TYPE,
  EXPORT_PREDICATE_TYPE,
  type ExportSelection,
  exportEvidence,
  keyObjectSigningKey,
  leafHash,
  preAuthEncoding,
  proveRecord,
  type VerifiedExport,
  verifyEvidenceExport,
  verifyTlogProof,
} from '../src/index.ts';
import { makeKey } from './signed-log.ts';
import { errorOf, openWriter, recordsOf, temporaryFolder } from './support.ts';

const START = Date.parse('2026-11-01T00:00:00.000Z');
const MINUTE_MS = 60_000;
const ORIGIN = 'cortex-governance.local/default';

interface Log {
  readonly folder: string;
  readonly vkey: string;
  readonly privateKey: KeyObject;
}

/** A decision each minute, of two tenants and three sessions, and a deep event before every tenth. */
async function makeLog(dir: string, decisions: number): Promise<Log> {
  const writer = await createEvidenceWriter({ dir });
  const ids = new VerdictIdSource();
  for (let i = 0; i < decisions; i += 1) {
    if (i % 10 === 0) writer.appendEvent({ type: 'note', properties: deep(i) });
    const request = toolCall({
      tenant: i % 2 === 0 ? 'acme' : 'other',
      agent: 'agent-1',
      tool: 'git-map',
      action: 'search',
    });
    const context: Attributes = i % 4 === 3 ? {} : { session: `s/${i % 4}` };
    const id = ids.next(START + i * MINUTE_MS);
    const verdict = createVerdict(id, 'ALLOWED', 'evidence', 'a'.repeat(64));
    writer.appendDecision({ ...request, context }, verdict);
  }
  await writer.close();
  const privateKey = createPrivateKey(await readFile(join(dir, 'signing-key.pem')));
  return { folder: writer.status().dir, vkey: writer.vkey, privateKey };
}

/** Properties as deep as a record can hold, so that they could not be wrapped once more. */
function deep(value: number): Attributes {
  let properties: Attributes = { value };
  for (let i = 0; i < 45; i += 1) properties = { properties };
  return properties;
}

let log: Log;
let all: readonly EvidenceRecord[];
beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'evidence-export-'));
  log = await makeLog(dir, 400);
  all = await recordsOf(log.folder);
  return () => rm(dir, { recursive: true });
});

async function exported(selection: ExportSelection, from: Log = log): Promise<EvidenceExport> {
  const key = keyObjectSigningKey(from.privateKey);
  const result = await exportEvidence(from.folder, { selection, key });
  if (result === null) throw new Error('nothing to export');
  return result;
}

function verified(envelope: string, ...keys: readonly string[]): VerifiedExport {
  const report = verifyEvidenceExport(envelope, keys.length === 0 ? [log.vkey] : keys);
  if (!report.ok) throw new Error(report.problem);
  return report.content;
}

/** The payload of an envelope. */
function payloadOf(envelope: string): Buffer {
  return Buffer.from((JSON.parse(envelope) as { payload: string }).payload, 'base64');
}

/** An envelope around another statement, rightly signed: what the holder of the key could hand out. */
function forged(envelope: string, change: (statement: never) => unknown): string {
  const payload = Buffer.from(
    canonicalJson(change(JSON.parse(payloadOf(envelope).toString()) as never)),
  );
  const sig = sign(null, preAuthEncoding(EXPORT_PAYLOAD_TYPE, payload), log.privateKey);
  return JSON.stringify({
    payload: payload.toString('base64'),
    payloadType: EXPORT_PAYLOAD_TYPE,
    signatures: [{ sig: sig.toString('base64') }],
  });
}

describe('exportEvidence', () => {
  const at = (minute: number): string => new Date(START + minute * MINUTE_MS).toISOString();
  const timeOf = (record: EvidenceRecord): number => Date.parse(record.ts ?? '');
  const decisions = (holds: (record: EvidenceRecord & { kind: 'decision' }) => boolean) =>
    all.filter((record) => record.kind === 'decision' && holds(record));

  it.each<[string, ExportSelection, string, () => readonly EvidenceRecord[]]>([
    ['a session', { session: 's/2' }, 's%2F2', () => decisions((r) => r.session === 's/2')],
    ['a tenant', { tenant: 'acme' }, 'acme', () => decisions((r) => r.tenant === 'acme')],
    [
      'a tenant for a time',
      { tenant: 'acme', since: at(10), until: at(20) },
      'acme',
      () =>
        decisions((r) => r.tenant === 'acme' && timeOf(r) >= START + 10 * MINUTE_MS).slice(0, 5),
    ],
    [
      'a session of a tenant',
      { session: 's/1', tenant: 'other' },
      's%2F1',
      () => decisions((r) => r.session === 's/1' && r.tenant === 'other'),
    ],
    ['all since', { since: at(-1) }, `since-${encodeURIComponent(at(-1))}`, () => all],
  ])('exports %s, and the export verifies', async (_name, selection, scope, expected) => {
    const one = await exported(selection);
    const records = expected();
    expect(records.length).toBeGreaterThan(4);
    const tree = new CompactRange();
    for (const record of records) tree.append(leafHash(Buffer.from(canonicalJson(record))));
    const id = `evid:${scope}:${Buffer.from(tree.root()).toString('hex')}`;
    expect(one).toMatchObject({
      id,
      origin: ORIGIN,
      records: records.length,
      size: all.length,
      erased: 0,
      unsigned: 0,
    });
    expect(verified(one.envelope)).toEqual({
      id,
      origin: ORIGIN,
      size: all.length,
      root: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
      selection,
      erased: 0,
      records,
    });
  });

  it('writes an in-toto statement in canonical JSON, the same each time', async () => {
    const { envelope, id } = await exported({ session: 's/0' });
    const text = payloadOf(envelope).toString();
    const statement = JSON.parse(text) as Record<string, unknown>;
    expect(canonicalJson(statement)).toBe(text);
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: EXPORT_PREDICATE_TYPE,
      subject: [{ name: id, digest: { rfc6962_sha256: id.split(':')[2] } }],
    });
    expect((await exported({ session: 's/0' })).envelope).toBe(envelope);
  });

  it('says when nothing matches', async () => {
    const key = keyObjectSigningKey(log.privateKey);
    const selection = { session: 'no such session' };
    expect(await exportEvidence(log.folder, { selection, key })).toBeNull();
  });

  it('refuses more records than it may hold, and says how many', async () => {
    const key = keyObjectSigningKey(log.privateKey);
    const selection = { tenant: 'acme' };
    const error = await errorOf(exportEvidence(log.folder, { selection, key, maxRecords: 199 }));
    expect([error.code, error.message]).toEqual([
      'OPTIONS_INVALID',
      expect.stringContaining('more than 199 records match'),
    ]);
    const enough = await exportEvidence(log.folder, { selection, key, maxRecords: 200 });
    expect(enough?.records).toBe(200);
  });

  it.each([
    {},
    { until: '2026-11-01T00:00:00.000Z' },
    { session: '' },
    { session: '\ud800' },
    { tenant: 7 },
    { since: 'yesterday' },
    { since: '2026-11-01' },
    { since: '2026-11-01T00:00:00.000Z', agent: 'x' },
  ])('refuses the selection %j', async (selection) => {
    const key = keyObjectSigningKey(log.privateKey);
    const error = await errorOf(
      exportEvidence(log.folder, { selection: selection as ExportSelection, key }),
    );
    expect(error.code).toBe('OPTIONS_INVALID');
  });

  it('signs with a key of the log alone', async () => {
    const selection = { tenant: 'acme' };
    const other = keyObjectSigningKey(makeKey(ORIGIN).privateKey);
    const foreign = await errorOf(exportEvidence(log.folder, { selection, key: other }));
    expect(foreign.code).toBe('EVIDENCE_KEY_INVALID');
    const missing = await errorOf(exportEvidence(log.folder, { selection, key: {} as never }));
    expect(missing.code).toBe('OPTIONS_INVALID');
  });

  it('counts what no checkpoint covers yet, and what was erased', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir, checkpointIntervalMs: 3_600_000 });
    for (let i = 0; i < 3; i += 1) writer.appendEvent({ type: 'note', properties: { i } });
    await writer.flush();
    const file = join(writer.status().dir, 'tile/entries/000.p/3');
    const bytes = await readFile(file);
    const first = bytes.readUInt16BE(0);
    await writeFile(file, Buffer.concat([Buffer.alloc(2), bytes.subarray(first + 2)]));
    await writer.durable(writer.appendEvent({ type: 'late', properties: {} }), 'disk');
    const privateKey = createPrivateKey(await readFile(join(dir, 'signing-key.pem')));
    const one = await exported(
      { since: '2020-01-01T00:00:00.000Z' },
      { folder: writer.status().dir, vkey: writer.vkey, privateKey },
    );
    expect(one).toMatchObject({ records: 2, size: 3, erased: 1, unsigned: 1 });
    expect(verified(one.envelope, writer.vkey)).toMatchObject({ erased: 1, size: 3 });
  });

  it('goes on after records were erased, and proofs that were made before stay valid', async () => {
    const dir = await temporaryFolder();
    const { folder, vkey, privateKey } = await makeLog(dir, 300);
    const before = await exported({ tenant: 'acme' }, { folder, vkey, privateKey });
    const writer = await openWriter({ dir });
    const { records: erased } = await writer.erase({
      select: { tenant: 'other' },
      by: 'ann',
      reason: 'request 17',
    });
    await writer.close();
    expect(erased).toBeGreaterThan(100);
    const after = await exported({ tenant: 'acme' }, { folder, vkey, privateKey });
    expect([after.id, after.records, after.erased]).toEqual([before.id, 150, erased]);
    expect(verified(after.envelope, vkey).records).toEqual(verified(before.envelope, vkey).records);
    const gone = await proveRecord(folder, { index: 2 });
    if (gone.status !== 'proved') throw new Error(gone.status);
    expect(gone.record).toBeNull();
    expect(verifyTlogProof(gone.proof, { leafHash: gone.leafHash }, [vkey]).ok).toBe(true);
    const left = await exported({ tenant: 'other' }, { folder, vkey, privateKey });
    expect(left.records).toBe(150 - erased);
  });

  it('exports nothing from a log that was changed', async () => {
    const dir = await temporaryFolder();
    const changed = await makeLog(dir, 20);
    const file = join(changed.folder, 'tile/entries/000.p/22');
    const bytes = await readFile(file);
    bytes[bytes.indexOf('"agent-1"') + 1]! ^= 1;
    await writeFile(file, bytes);
    const key = keyObjectSigningKey(changed.privateKey);
    const selection = { since: '2020-01-01T00:00:00.000Z' };
    const error = await errorOf(exportEvidence(changed.folder, { selection, key }));
    expect([error.code, error.message]).toEqual([
      'EVIDENCE_CORRUPT',
      expect.stringContaining('record 1: is not the one under the signed root'),
    ]);
  });
});

describe('verifyEvidenceExport', () => {
  let envelope: string;
  beforeAll(async () => {
    ({ envelope } = await exported({ tenant: 'acme', since: '2026-11-01T06:00:00.000Z' }));
  });

  it('finds any change of a byte that changes what the export says', () => {
    const good = verified(envelope);
    const bytes = Buffer.from(envelope);
    let same = 0;
    const byte = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(byte, ([position, flip]) => {
        const bad = Buffer.from(bytes);
        bad[position]! ^= flip;
        const report = verifyEvidenceExport(bad.toString(), [log.vkey]);
        if (report.ok) {
          expect(report.content).toEqual(good);
          same += 1;
        }
      }),
      { numRuns: 300 },
    );
    // All that may change is the hint at the key, and a letter of base64 for its twin.
    expect(same).toBeLessThan(30);
  });

  it('finds any change of a byte of the payload, and of the checkpoint in it', () => {
    const payload = payloadOf(envelope);
    fc.assert(
      fc.property(fc.nat(payload.length - 1), fc.nat(7), (position, bit) => {
        const bad = Buffer.from(payload);
        bad[position]! ^= 1 << bit;
        const text = JSON.stringify({ ...JSON.parse(envelope), payload: bad.toString('base64') });
        expect(verifyEvidenceExport(text, [log.vkey]).ok).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  interface Statement {
    _type: string;
    predicateType: string;
    subject: { name: string; digest: Record<string, string> }[];
    predicate: {
      checkpoint: string;
      erased: number;
      origin: string;
      records: { index: number; proof: string[]; record: Record<string, unknown> }[];
      selection: Record<string, string>;
    };
  }

  const third = ({ predicate }: Statement) => predicate.records[3]!;
  it.each<[string, (statement: Statement) => unknown, string]>([
    ['another type', (s) => Object.assign(s, { _type: 'x' }), '_type'],
    ['another predicate', (s) => Object.assign(s, { predicateType: 'x' }), 'predicateType'],
    ['one member more', (s) => Object.assign(s, { more: 1 }), 'more'],
    ['one member less', (s) => Reflect.deleteProperty(s.predicate, 'erased'), 'erased'],
    [
      'a changed record',
      (s) => Object.assign(third(s).record, { effect: 'deny' }),
      'not in the log',
    ],
    [
      'a record at another place',
      (s) => Object.assign(third(s), { index: third(s).index + 1 }),
      'not in the log',
    ],
    ['a record left out', (s) => s.predicate.records.splice(3, 1), 'root of these records'],
    ['no records', (s) => s.predicate.records.splice(0), 'root of these records'],
    ['a record twice', (s) => s.predicate.records.splice(3, 0, third(s)), 'order'],
    ['another order', (s) => s.predicate.records.reverse(), 'order'],
    ['a proof cut short', (s) => third(s).proof.pop(), 'not in the log'],
    ['a proof that is none', (s) => third(s).proof.splice(0, 1, '?'), 'base64'],
    ['another origin', (s) => Object.assign(s.predicate, { origin: 'x' }), 'origin'],
    ['no checkpoint', (s) => Object.assign(s.predicate, { checkpoint: '' }), 'signature lines'],
    ['another id', (s) => Object.assign(s.subject[0]!, { name: 'evid:acme:0' }), 'id is not'],
    [
      'another root',
      (s) => Object.assign(s.subject[0]!.digest, { rfc6962_sha256: '0'.repeat(64) }),
      'digest',
    ],
    [
      'another tenant',
      (s) => Object.assign(s.predicate.selection, { tenant: 'other' }),
      'selection',
    ],
    ['no selection', (s) => Object.assign(s.predicate, { selection: {} }), 'selection'],
  ])('refuses an export that its signer made with %s', (_name, change, problem) => {
    const unchanged = forged(envelope, (statement) => statement);
    expect(verified(unchanged)).toEqual(verified(envelope));
    const text = forged(envelope, (statement) => {
      change(statement);
      return statement;
    });
    const report = verifyEvidenceExport(text, [log.vkey]);
    expect([report.ok, report.problem]).toEqual([false, expect.stringContaining(problem)]);
  });

  it('takes the keys of this log alone, and any of several', () => {
    const successor = makeKey(ORIGIN).vkey;
    const foreign = makeKey('example.com/other').vkey;
    expect(verified(envelope, successor, foreign, log.vkey)).toEqual(verified(envelope));
    const problems = [[successor], [foreign]].map((keys) => {
      return verifyEvidenceExport(envelope, keys).problem;
    });
    expect(problems).toEqual([
      expect.stringContaining('none by a known key'),
      expect.stringContaining('none by a known key'),
    ]);
    expect(() => verifyEvidenceExport(envelope, [])).toThrow('no vkey line');
  });

  it('does not take the signature of another known log for that of this one', () => {
    const other = makeKey('example.com/other');
    const payload = payloadOf(envelope);
    const sig = sign(null, preAuthEncoding(EXPORT_PAYLOAD_TYPE, payload), other.privateKey);
    const text = JSON.stringify({
      ...JSON.parse(envelope),
      signatures: [{ sig: sig.toString('base64') }],
    });
    const report = verifyEvidenceExport(text, [log.vkey, other.vkey]);
    expect(report.problem).toContain(`none by a key of ${ORIGIN}`);
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(verifyEvidenceExport(text, [log.vkey]).ok).toBe(false);
        expect(verified(forged(envelope, (statement) => statement)).origin).toBe(ORIGIN);
      }),
      { numRuns: 10 },
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const report = verifyEvidenceExport(
          forged(envelope, () => value),
          [log.vkey],
        );
        expect(report.ok).toBe(false);
      }),
    );
  });
});
