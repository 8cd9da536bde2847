import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GovernanceError } from '@cortex-governance/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCheckpoint, openSignedNote, parseCheckpoint, parseVerifierKey } from '../src/index.ts';

interface Examples {
  readonly signedNote: { readonly vkey: string; readonly note: string };
  readonly checkpointFormatOnly: { readonly note: string };
  readonly checkpointParse: { readonly ok: readonly string[]; readonly bad: readonly string[] };
}

const examples = JSON.parse(
  readFileSync(join(import.meta.dirname, 'vectors/c2sp/examples.json'), 'utf8'),
) as Examples;
const { vkey, note } = examples.signedNote;
const key = parseVerifierKey(vkey)!;

function corruptCode(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof GovernanceError) return error.code;
    throw error;
  }
  return 'none';
}

describe('parseVerifierKey', () => {
  it('reads the C2SP example', () => {
    expect(key.name).toBe('example.com/foo');
    expect(key.keyId).toBe('530d903a');
  });

  it.each([
    ['', 'empty'],
    ['example.com/foo', 'no key'],
    [vkey.replace('530d903a', '530d903b'), 'wrong key id'],
    [vkey.replace('example.com/foo', 'example.com/bar'), 'name of another key'],
    [vkey.replace('+AekyeRrm', '+BekyeRrm'), 'another key type'],
    [`${vkey}AAAA`, 'too long'],
    [vkey.slice(0, -4), 'too short'],
    [vkey.replace('example.com/foo', 'example com'), 'white space in the name'],
  ])('refuses %j: %s', (line) => {
    expect(parseVerifierKey(line)).toBeNull();
  });
});

describe('openSignedNote', () => {
  it('opens the C2SP example', () => {
    const opened = openSignedNote(Buffer.from(note), [key], 'note');
    expect(opened).toEqual({
      text: 'This is an example message.\n',
      signedBy: ['example.com/foo'],
      signingKeys: [vkey],
    });
  });

  it('refuses the example with any one bit flipped', () => {
    const bytes = Buffer.from(note);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(corruptCode(() => openSignedNote(flipped, [key], 'note'))).toBe('EVIDENCE_CORRUPT');
    }
  });

  it('refuses a note that no known key signed, and one without known keys', () => {
    expect(corruptCode(() => openSignedNote(Buffer.from(note), [], 'note'))).toBe(
      'EVIDENCE_CORRUPT',
    );
  });

  it('ignores signatures by unknown keys and refuses a wrong one by a known key', () => {
    const line = note.slice(note.indexOf('— '));
    const unknown = line.replace('example.com/foo', 'example.com/other');
    expect(openSignedNote(Buffer.from(note + unknown), [key], 'note').signedBy).toHaveLength(1);
    const wrong = note.replace('This is', 'That is').replace('an example', 'an Example');
    expect(corruptCode(() => openSignedNote(Buffer.from(wrong), [key], 'note'))).toBe(
      'EVIDENCE_CORRUPT',
    );
  });

  it('accepts at least 16 signatures and refuses a flood of them', () => {
    const line = note.slice(note.indexOf('— ')).replace('example.com/foo', 'example.com/other');
    expect(openSignedNote(Buffer.from(note + line.repeat(15)), [key], 'n').signedBy).toHaveLength(
      1,
    );
    const flood = Buffer.from(note + line.repeat(200));
    expect(corruptCode(() => openSignedNote(flood, [key], 'n'))).toBe('EVIDENCE_CORRUPT');
  });

  it('never fails in another way, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(corruptCode(() => openSignedNote(bytes, [key], 'note'))).toBe('EVIDENCE_CORRUPT');
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const code = corruptCode(() =>
          openSignedNote(Buffer.from(`${text}\n\n— a AAAA\n`), [key], 'n'),
        );
        expect(code).toBe('EVIDENCE_CORRUPT');
      }),
    );
  });
});

describe('parseCheckpoint', () => {
  it('reads the format example of the specification', () => {
    const [text] = examples.checkpointFormatOnly.note.split('\n\n');
    expect(parseCheckpoint(`${text}\n`, 'checkpoint')).toMatchObject({
      origin: 'example.com/behind-the-sofa',
      size: 20852163,
    });
  });

  it.each(examples.checkpointParse.ok)('accepts %j', (text) => {
    expect(corruptCode(() => parseCheckpoint(text, 'checkpoint'))).toBe('none');
  });

  it.each([
    ...examples.checkpointParse.bad,
    'Log\n0123\nYmFuYW5hcw==\n',
    'Log\n-1\nYmFuYW5hcw==\n',
    'Log\n1e3\nYmFuYW5hcw==\n',
    'Log\n99999999999999999999\nYmFuYW5hcw==\n',
    'Log\n123\nYmFuYW5hcw\n',
    'Log\n123\n\n',
  ])('refuses %j', (text) => {
    expect(corruptCode(() => parseCheckpoint(text, 'checkpoint'))).toBe('EVIDENCE_CORRUPT');
  });
});

describe('openCheckpoint', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const typed = Buffer.concat([Buffer.from([1]), raw]);
  const keyId = createHash('sha256').update('log-a\n').update(typed).digest('hex').slice(0, 8);
  const logKey = parseVerifierKey(`log-a+${keyId}+${typed.toString('base64')}`)!;

  function signedBy(text: string): Buffer {
    const signature = Buffer.concat([
      Buffer.from(keyId, 'hex'),
      sign(null, Buffer.from(text), privateKey),
    ]);
    return Buffer.from(`${text}\n— log-a ${signature.toString('base64')}\n`);
  }

  const root = Buffer.alloc(32, 7).toString('base64');

  it('opens a checkpoint that its origin signed', () => {
    const opened = openCheckpoint(signedBy(`log-a\n5\n${root}\n`), [logKey], 'c');
    expect(opened).toMatchObject({ origin: 'log-a', size: 5 });
  });

  it.each([
    [`log-b\n5\n${root}\n`, 'of another origin than the signer'],
    [`log-a\n5\nYmFuYW5hcw==\n`, 'with a root that is no SHA-256'],
    ['log-a\n', 'without size and root'],
  ])('refuses a signed note %j: %s', (text) => {
    expect(corruptCode(() => openCheckpoint(signedBy(text), [logKey], 'c'))).toBe(
      'EVIDENCE_CORRUPT',
    );
  });
});
