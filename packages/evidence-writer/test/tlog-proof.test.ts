import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GovernanceError } from '@cortex-governance/core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createEvidenceWriter,
  formatTlogProof,
  keyObjectSigningKey,
  leafHash,
  type ProvedRecord,
  parseTlogProof,
  proveRecord,
  rotateSigningKey,
  verifyTlogProof,
} from '../src/index.ts';
import { makeKey } from './signed-log.ts';
import { allowed, call, errorOf, openWriter, recordsOf, temporaryFolder } from './support.ts';

const examples = JSON.parse(
  readFileSync(join(import.meta.dirname, 'vectors/c2sp/examples.json'), 'utf8'),
) as {
  readonly cosignedCheckpointFormatOnly: { readonly cosignLine: string };
  readonly tlogProofParse: { readonly bad: readonly (readonly [string, string])[] };
};

function parseCode(text: string): string {
  try {
    parseTlogProof(text, 'proof');
  } catch (error) {
    if (error instanceof GovernanceError) return error.code;
    throw error;
  }
  return 'none';
}

function keyPair() {
  return keyObjectSigningKey(generateKeyPairSync('ed25519').privateKey);
}

/** A closed log of decisions, by its folder. */
async function makeLog(count: number): Promise<{ folder: string; vkey: string }> {
  const writer = await createEvidenceWriter({ dir: await temporaryFolder() });
  for (let i = 0; i < count; i += 1) writer.appendDecision(call({ i }), allowed());
  await writer.close();
  return { folder: writer.status().dir, vkey: writer.vkey };
}

async function proved(folder: string, choice: { id: string } | { index: number }) {
  const result = await proveRecord(folder, choice);
  if (result.status !== 'proved') throw new Error(result.status);
  return result;
}

describe('parseTlogProof', () => {
  it.each(examples.tlogProofParse.bad)('refuses the C2SP vector %j: %s', (text) => {
    expect(parseCode(text)).toBe('EVIDENCE_CORRUPT');
  });

  const hash = 'A'.repeat(43);
  const head = 'c2sp.org/tlog-proof@v1\n';
  it.each([
    ['no hashes', `${head}index 0\n\ncheckpoint\n`],
    ['extra data', `${head}extra AAAA\nindex 0\n\ncheckpoint\n`],
    ['empty extra data', `${head}extra \nindex 0\n\ncheckpoint\n`],
    ['a hash', `${head}index 7\n${hash}=\n\ncheckpoint\n`],
    ['63 hashes', `${head}index 7\n${`${hash}=\n`.repeat(63)}\ncheckpoint\n`],
  ])('takes %s', (_name, text) => {
    expect(parseCode(text)).toBe('none');
  });

  it.each([
    ['too many hashes', `${head}index 7\n${`${hash}=\n`.repeat(64)}\ncheckpoint\n`],
    ['a hash without padding', `${head}index 7\n${hash}\n\ncheckpoint\n`],
    ['a short hash', `${head}index 7\nAAAA\n\ncheckpoint\n`],
    ['a leading zero', `${head}index 00\n\ncheckpoint\n`],
    ['an index beyond exact numbers', `${head}index 9007199254740993\n\ncheckpoint\n`],
    ['extra data behind the index', `${head}index 0\nextra AAAA\n\ncheckpoint\n`],
    ['carriage returns', `${head}index 0\n\ncheckpoint\n`.replaceAll('\n', '\r\n')],
    ['no checkpoint', `${head}index 0\n\n`],
    ['another version', 'c2sp.org/tlog-proof@v2\nindex 0\n\ncheckpoint\n'],
    ['much extra data', `${head}extra ${'A'.repeat(87_400)}\nindex 0\n\ncheckpoint\n`],
    ['a long checkpoint', `${head}index 0\n\n${'c'.repeat(200_000)}\n`],
  ])('refuses %s', (_name, text) => {
    expect(parseCode(text)).toBe('EVIDENCE_CORRUPT');
  });

  it('is the inverse of formatTlogProof', () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => Buffer.from(b));
    const extra = fc.uint8Array({ maxLength: 40 }).map((b) => Buffer.from(b));
    const proofs = fc.record({
      index: fc.maxSafeNat(),
      hashes: fc.array(bytes, { maxLength: 63 }),
      checkpoint: fc.string({ minLength: 1 }),
      extra: fc.option(extra),
    });
    fc.assert(
      fc.property(proofs, (proof) => {
        expect(parseTlogProof(formatTlogProof(proof), 'proof')).toEqual(proof);
      }),
    );
  });

  it('never fails in another way, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(parseCode(text)).toBe('EVIDENCE_CORRUPT');
        parseCode(`c2sp.org/tlog-proof@v1\n${text}`);
      }),
    );
  });
});

describe('a proved record', () => {
  let one: ProvedRecord;
  let vkey: string;
  beforeAll(async () => {
    const log = await makeLog(300);
    vkey = log.vkey;
    one = await proved(log.folder, { index: 257 });
  });

  it('verifies with its exact bytes, or their leaf hash', () => {
    const record = one.record!;
    expect(one.leafHash).toEqual(leafHash(record));
    const report = {
      ok: true,
      problem: null,
      origin: 'cortex-governance.local/default',
      index: 257,
      size: 300,
      root: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
    };
    expect(verifyTlogProof(one.proof, { record }, [vkey])).toEqual(report);
    expect(verifyTlogProof(one.proof, { leafHash: one.leafHash }, [vkey])).toEqual(report);
  });

  it('verifies with any of the keys that are known, and with no other', () => {
    const record = one.record!;
    const other = makeKey('cortex-governance.local/default').vkey;
    expect(verifyTlogProof(one.proof, { record }, [other, vkey]).ok).toBe(true);
    const refused = verifyTlogProof(one.proof, { record }, [other]);
    expect([refused.ok, refused.problem]).toEqual([false, expect.stringContaining('known key')]);
    for (const keys of [[], ['nonsense'], [vkey, 'nonsense']]) {
      expect(() => verifyTlogProof(one.proof, { record }, keys)).toThrow(GovernanceError);
    }
    expect(() => verifyTlogProof(one.proof, { leafHash: Buffer.alloc(31) }, [vkey])).toThrow(
      'the leaf hash is not of SHA-256',
    );
  });

  it('does not verify with a bit of any byte of record or proof flipped', () => {
    const record = Buffer.from(one.record!);
    const proof = Buffer.from(one.proof);
    expect(verifyTlogProof(proof.toString(), { record }, [vkey]).ok).toBe(true);
    for (let bit = 0; bit < record.length * 8; bit += 9) {
      const bad = Buffer.from(record);
      bad[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifyTlogProof(one.proof, { record: bad }, [vkey]).ok).toBe(false);
    }
    for (let bit = 0; bit < proof.length * 8; bit += 9) {
      const bad = Buffer.from(proof);
      bad[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifyTlogProof(bad.toString(), { record }, [vkey]).ok).toBe(false);
    }
  });

  it('verifies with cosignatures of witnesses that are not known', () => {
    const { cosignLine } = examples.cosignedCheckpointFormatOnly;
    const cosigned = `${one.proof}${cosignLine}\n`;
    expect(verifyTlogProof(cosigned, { record: one.record! }, [vkey]).ok).toBe(true);
  });

  it('does not verify under a checkpoint of another log or size', async () => {
    const other = await makeLog(300);
    const foreign = await proved(other.folder, { index: 257 });
    const [head = ''] = one.proof.split('\n\n', 1);
    const rest = foreign.proof.slice(foreign.proof.indexOf('\n\n'));
    const mixed = verifyTlogProof(head + rest, { record: one.record! }, [vkey, other.vkey]);
    expect(mixed).toMatchObject({ ok: false, origin: '', size: 0 });
  });
});

describe('after a rotation', () => {
  it('proves with the keys that old ones endorsed, and each proof verifies with the key that signed it', async () => {
    const dir = await temporaryFolder();
    const [before, after] = [keyPair(), keyPair()];
    const writer = await createEvidenceWriter({ dir, key: before });
    writer.appendDecision(call(), allowed());
    await writer.close();
    const folder = writer.status().dir;
    const early = await proved(folder, { index: 0 });
    await rotateSigningKey({ dir, from: before, to: after, by: 'ann', reason: 'yearly' });
    const successor = await createEvidenceWriter({ dir, key: after });
    await successor.close();
    const late = await proveRecord(folder, { index: 0 }, { publicKeys: [writer.vkey] });
    if (late.status !== 'proved') throw new Error(late.status);
    const both = [writer.vkey, successor.vkey];
    const verdicts = [early.proof, late.proof].map((proof) => {
      const sets = [[writer.vkey], [successor.vkey], both];
      return sets.map((keys) => verifyTlogProof(proof, { record: early.record! }, keys).ok);
    });
    expect(verdicts).toEqual([
      [true, false, true],
      [false, true, true],
    ]);
  });
});

describe('proveRecord', () => {
  it('finds every record by id', async () => {
    const { folder, vkey } = await makeLog(20);
    for (const record of await recordsOf(folder)) {
      const found = await proved(folder, { id: record.id });
      expect(found.index).toBe(record.seq);
      expect(JSON.parse(Buffer.from(found.record!).toString())).toEqual(record);
      expect(verifyTlogProof(found.proof, { record: found.record! }, [vkey]).ok).toBe(true);
    }
  });

  it('is not misled by an id inside another record', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    const verdict = allowed();
    writer.appendEvent({ type: 'note', properties: { id: verdict.id } });
    writer.appendDecision(call(), verdict);
    await writer.flush();
    expect((await proved(writer.status().dir, { id: verdict.id })).index).toBe(1);
  });

  it('says when a record is not there, or not under a checkpoint yet', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir, checkpointIntervalMs: 3_600_000 });
    const folder = writer.status().dir;
    const verdict = allowed();
    const ticket = writer.appendDecision(call(), verdict);
    await writer.durable(ticket, 'disk');
    expect(await proveRecord(folder, { id: verdict.id })).toEqual({ status: 'unsigned', index: 0 });
    expect(await proveRecord(folder, { index: 0 })).toEqual({ status: 'unsigned', index: 0 });
    expect(await proveRecord(folder, { id: 'other' })).toEqual({ status: 'unknown' });
    expect(await proveRecord(folder, { index: 1 })).toEqual({ status: 'unknown' });
    await writer.flush();
    expect((await proveRecord(folder, { id: verdict.id })).status).toBe('proved');
  });

  it('proves the leaf of a record whose body was erased', async () => {
    const { folder, vkey } = await makeLog(256);
    const before = await proved(folder, { index: 5 });
    const records = (await recordsOf(folder)).map((record) => record.seq);
    const parts: Buffer[] = [];
    for (const seq of records) {
      const bytes =
        seq === 5 ? Buffer.alloc(0) : Buffer.from((await proved(folder, { index: seq })).record!);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      parts.push(length, bytes);
    }
    await writeFile(join(folder, 'tile/entries/000'), Buffer.concat(parts));
    const erased = await proved(folder, { index: 5 });
    expect(erased).toEqual({ ...before, record: null });
    expect(verifyTlogProof(erased.proof, { leafHash: erased.leafHash }, [vkey]).ok).toBe(true);
  });

  it('refuses a record that is not the one under the root', async () => {
    const { folder } = await makeLog(3);
    const file = join(folder, 'tile/entries/000.p/3');
    const bytes = readFileSync(file);
    bytes[bytes.indexOf('"allow"') + 1]! ^= 1;
    await writeFile(file, bytes);
    expect((await errorOf(proveRecord(folder, { index: 0 }))).code).toBe('EVIDENCE_CORRUPT');
    await writeFile(file, bytes.subarray(0, 100));
    expect((await errorOf(proveRecord(folder, { index: 0 }))).code).toBe('EVIDENCE_CORRUPT');
  });

  it('refuses choices that are none', async () => {
    const { folder } = await makeLog(1);
    for (const choice of [{}, { id: '' }, { index: -1 }, { index: 0.5 }, { id: 'a', index: 1 }]) {
      expect((await errorOf(proveRecord(folder, choice as never))).code).toBe('OPTIONS_INVALID');
    }
    expect((await errorOf(proveRecord(join(folder, 'none'), { index: 0 }))).code).toBe(
      'EVIDENCE_KEY_INVALID',
    );
  });
});
