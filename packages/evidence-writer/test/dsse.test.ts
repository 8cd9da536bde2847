import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GovernanceError } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type EnvelopeSigner,
  openEnvelope,
  parseEnvelope,
  parseVerifierKey,
  preAuthEncoding,
  signEnvelope,
} from '../src/index.ts';
import { makeKey, type TestKey } from './signed-log.ts';

const vector = JSON.parse(
  readFileSync(join(import.meta.dirname, 'vectors/dsse/vector.json'), 'utf8'),
) as {
  readonly payload: string;
  readonly payloadType: string;
  readonly pae: string;
  readonly x: string;
  readonly y: string;
  readonly envelope: object;
};

const TYPE = 'application/vnd.example+json';
const key = makeKey('example.com/log');

function signerOf({ name, privateKey }: TestKey): EnvelopeSigner {
  return { keyId: name, sign: async (bytes) => sign(null, bytes, privateKey) };
}

function keysOf(...keys: readonly TestKey[]) {
  return keys.map(({ vkey }) => parseVerifierKey(vkey)!);
}

function openCode(text: string, type = TYPE, keys = keysOf(key)): string {
  try {
    openEnvelope(text, type, keys, 'envelope');
  } catch (error) {
    if (error instanceof GovernanceError) return error.code;
    throw error;
  }
  return 'none';
}

describe('the DSSE vector', () => {
  it('has our pre-authentication encoding', () => {
    const encoded = preAuthEncoding(vector.payloadType, Buffer.from(vector.payload));
    expect(encoded.toString()).toBe(vector.pae);
  });

  it('verifies, with the key it was made with', () => {
    const { payloadType, payload, signatures } = parseEnvelope(
      JSON.stringify(vector.envelope),
      'vector',
    );
    expect([payloadType, payload.toString()]).toEqual([vector.payloadType, vector.payload]);
    const coordinate = (decimal: string): string =>
      Buffer.from(BigInt(decimal).toString(16).padStart(64, '0'), 'hex').toString('base64url');
    const publicKey = createPublicKey({
      key: { kty: 'EC', crv: 'P-256', x: coordinate(vector.x), y: coordinate(vector.y) },
      format: 'jwk',
    });
    const ecdsa = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
    const [signature] = signatures;
    expect(verify('sha256', preAuthEncoding(payloadType, payload), ecdsa, signature!)).toBe(true);
    const other = preAuthEncoding(payloadType, Buffer.from('hello World'));
    expect(verify('sha256', other, ecdsa, signature!)).toBe(false);
  });
});

describe('preAuthEncoding', () => {
  it('never gives two contents the same bytes, and counts bytes', () => {
    expect(preAuthEncoding('é', Buffer.from('ü')).toString()).toBe('DSSEv1 2 é 2 ü');
    const part = fc.string({ unit: fc.constantFrom(' ', '1', '2', 'a'), maxLength: 6 });
    fc.assert(
      fc.property(part, part, part, part, (a, b, c, d) => {
        const [one, other] = [
          preAuthEncoding(a, Buffer.from(b)),
          preAuthEncoding(c, Buffer.from(d)),
        ];
        expect(one.equals(other)).toBe(a === c && b === d);
      }),
    );
  });
});

describe('openEnvelope', () => {
  it('gives back what was signed, and by whom', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const envelope = await signEnvelope(TYPE, bytes, signerOf(key));
        const opened = openEnvelope(envelope, TYPE, keysOf(makeKey('other'), key), 'envelope');
        expect([...opened.payload]).toEqual([...bytes]);
        expect(opened.signedBy).toEqual([key.name]);
      }),
    );
  });

  it('takes either base64 alphabet, with or without padding, and ignores what DSSE does not know', async () => {
    const payload = Buffer.from([0xfb, 0xef, 0xbe, 0xff]);
    const { signatures } = JSON.parse(await signEnvelope(TYPE, payload, signerOf(key)));
    const sig = Buffer.from(signatures[0].sig, 'base64').toString('base64url');
    for (const encoded of ['++++/w==', '----_w==', '----_w']) {
      const text = JSON.stringify({
        payload: encoded,
        payloadType: TYPE,
        signatures: [{ sig, more: 1 }],
        more: 1,
      });
      expect(openEnvelope(text, TYPE, keysOf(key), 'envelope').payload).toEqual(payload);
    }
  });

  it('refuses an envelope that no known key signed, of another type, or with a changed byte', async () => {
    const envelope = await signEnvelope(TYPE, Buffer.from('{"a":1}'), signerOf(key));
    expect(openCode(envelope)).toBe('none');
    expect(openCode(envelope, TYPE, [])).toBe('EVIDENCE_CORRUPT');
    expect(openCode(envelope, TYPE, keysOf(makeKey(key.name)))).toBe('EVIDENCE_CORRUPT');
    expect(openCode(envelope, 'application/other')).toBe('EVIDENCE_CORRUPT');
    const bytes = Buffer.from(envelope);
    const from = envelope.indexOf('"keyid":"');
    const to = envelope.indexOf('"', from + 9);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const bad = Buffer.from(bytes);
      bad[bit >> 3]! ^= 1 << (bit & 7);
      const isHint = bit >> 3 > from && bit >> 3 < to;
      if (!isHint) expect(openCode(bad.toString())).toBe('EVIDENCE_CORRUPT');
    }
  });

  it('needs one right signature among wrong ones, and takes no flood of them', async () => {
    const envelope = JSON.parse(await signEnvelope(TYPE, Buffer.from('x'), signerOf(key)));
    const [right] = envelope.signatures;
    const wrong = { sig: Buffer.alloc(64).toString('base64') };
    const withAll = (signatures: object[]): string => JSON.stringify({ ...envelope, signatures });
    expect(openCode(withAll([wrong, right]))).toBe('none');
    expect(openCode(withAll([]))).toBe('EVIDENCE_CORRUPT');
    expect(openCode(withAll([wrong]))).toBe('EVIDENCE_CORRUPT');
    expect(openCode(withAll([{ sig: 'AAAA' }, { sig: '' }]))).toBe('EVIDENCE_CORRUPT');
    expect(openCode(withAll(Array.from({ length: 17 }, () => right)))).toBe('EVIDENCE_CORRUPT');
  });

  it('never fails in another way, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(openCode(text)).toBe('EVIDENCE_CORRUPT');
      }),
    );
  });

  it('passes on what the signer throws', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const broken = signerOf({ ...key, privateKey });
    const failing = { ...broken, sign: () => Promise.reject(new Error('no answer from the KMS')) };
    await expect(signEnvelope(TYPE, Buffer.from('x'), failing)).rejects.toThrow('KMS');
  });
});
