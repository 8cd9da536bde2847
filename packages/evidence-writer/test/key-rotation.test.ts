import { generateKeyPairSync } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type EventRecord,
  environmentSigningKey,
  fileSigningKey,
  keyObjectSigningKey,
  nodeLogFiles,
  rotateSigningKey,
  type SigningKey,
  verifyEvidence,
} from '../src/index.ts';
import { allowed, call, errorOf, openWriter, recordsOf, temporaryFolder } from './support.ts';

const who = { by: 'ann', reason: 'yearly' };

function newKey(): SigningKey {
  return keyObjectSigningKey(generateKeyPairSync('ed25519').privateKey);
}

async function logWith(
  dir: string,
  key: SigningKey,
  records: number,
  name = 'default',
): Promise<string> {
  const writer = await openWriter({ dir, key, name });
  for (let i = 0; i < records; i += 1) writer.appendDecision(call({ i }), allowed());
  await writer.close();
  return writer.vkey;
}

describe('a signing key from elsewhere than a file', () => {
  it('signs: a service that answers late, and not at the first call', async () => {
    const dir = await temporaryFolder();
    const inner = newKey();
    let calls = 0;
    const key: SigningKey = {
      publicKey: inner.publicKey,
      sign: async (message) => {
        calls += 1;
        if (calls % 2 === 1) throw new Error('busy');
        await new Promise((resolve) => setTimeout(resolve, 5));
        return inner.sign(message);
      },
    };
    const vkey = await logWith(dir, key, 3);
    expect(calls).toBeGreaterThan(2);
    const report = await verifyEvidence(join(dir, 'default'), { publicKeys: [vkey] });
    expect(report).toMatchObject({ ok: true, checkpointSize: 3 });
  });

  it('never publishes a signature that is wrong, and ends the writer', async () => {
    const dir = await temporaryFolder();
    const key = { publicKey: newKey().publicKey, sign: newKey().sign };
    const error = await errorOf(openWriter({ dir, key, signAttempts: 2 }));
    expect(error.code).toBe('EVIDENCE_WRITE_FAILED');
    expect(error.message).toContain('the signature is wrong');
    await expect(readFile(join(dir, 'default', 'checkpoint'))).rejects.toThrow('ENOENT');
  }, 30_000);

  it('must have a public key of 32 bytes', async () => {
    const dir = await temporaryFolder();
    const key = { publicKey: new Uint8Array(31), sign: newKey().sign };
    expect((await errorOf(openWriter({ dir, key }))).code).toBe('EVIDENCE_KEY_INVALID');
  });

  const pem = String(
    generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }),
  );

  it.each([
    ['as PEM', pem],
    ['as base64 of the PEM', Buffer.from(pem).toString('base64')],
  ])('comes from the environment %s', async (_form, value) => {
    const dir = await temporaryFolder();
    const vkey = await logWith(dir, environmentSigningKey('KEY', { KEY: value }), 1);
    expect(await verifyEvidence(join(dir, 'default'), { publicKeys: [vkey] })).toMatchObject({
      ok: true,
    });
  });

  it.each([
    ['not set', undefined],
    ['not set', ' '],
    ['not a private key', 'hunter2'],
    ['not a private key', `-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----`],
    ['longer than', 'hunter2'.repeat(10_000)],
    [
      'not ed25519',
      String(generateKeyPairSync('x25519').privateKey.export({ format: 'pem', type: 'pkcs8' })),
    ],
  ])('is refused when it is %s, without quoting it', async (problem, value) => {
    const error = await errorOf((async () => environmentSigningKey('MY_KEY', { MY_KEY: value }))());
    expect(error.code).toBe('EVIDENCE_KEY_INVALID');
    expect(error.message).toContain('MY_KEY');
    expect(error.message).toContain(problem);
    expect(error.message).not.toContain('hunter2');
    expect(error.cause).toBeUndefined();
  });
});

describe('rotating the signing key', () => {
  it('leaves a log that every key of the chain verifies, with records before and after', async () => {
    const dir = await temporaryFolder();
    const keys = [newKey(), newKey(), newKey()] as const;
    const lines = [await logWith(dir, keys[0], 300)];
    for (const [i, to] of keys.slice(1).entries()) {
      const [rotated] = await rotateSigningKey({ dir, from: keys[i] as SigningKey, to, ...who });
      expect(rotated).toMatchObject({ name: 'default', origin: 'cortex-governance.local/default' });
      lines.push(rotated?.vkey ?? '');
      expect(await readFile(join(dir, 'default.vkey'), 'utf8')).toBe(`${rotated?.vkey}\n`);
      expect(await logWith(dir, to, 10)).toBe(rotated?.vkey);
    }
    const log = join(dir, 'default');
    for (const line of lines) {
      const report = await verifyEvidence(log, { publicKeys: [line] });
      expect(report).toMatchObject({ ok: true, records: 322, checkpointSize: 322 });
    }
    expect(await verifyEvidence(log)).toMatchObject({ ok: true });
    const events = (await recordsOf(log)).filter(({ kind }) => kind === 'event') as EventRecord[];
    expect(events.map(({ seq, type, properties }) => [seq, type, properties])).toEqual([
      [300, 'key_rotated', { oldKey: lines[0], newKey: lines[1], ...who }],
      [311, 'key_rotated', { oldKey: lines[1], newKey: lines[2], ...who }],
    ]);
  });

  it('verifies a checkpoint that was kept under the old key', async () => {
    const dir = await temporaryFolder();
    const [from, to] = [newKey(), newKey()];
    const old = await logWith(dir, from, 20);
    const checkpoint = await readFile(join(dir, 'default/checkpoint'), 'utf8');
    await rotateSigningKey({ dir, from, to, ...who });
    const report = await verifyEvidence(join(dir, 'default'), { publicKeys: [old], checkpoint });
    expect(report).toMatchObject({ ok: true, records: 21 });
  });

  it('refuses the old key afterwards', async () => {
    const dir = await temporaryFolder();
    const [from, to] = [newKey(), newKey()];
    await logWith(dir, from, 1);
    await rotateSigningKey({ dir, from, to, ...who });
    expect((await errorOf(openWriter({ dir, key: from }))).code).toBe('EVIDENCE_KEY_INVALID');
  });

  it('rotates every log of the folder, and none while one of them is open', async () => {
    const dir = await temporaryFolder();
    const [from, to] = [newKey(), newKey()];
    for (const name of ['a', 'b', 'c']) await logWith(dir, from, 1, name);
    const open = await openWriter({ dir, key: from, name: 'b' });
    expect((await errorOf(rotateSigningKey({ dir, from, to, ...who }))).code).toBe(
      'EVIDENCE_LOCKED',
    );
    await open.close();
    const rotated = await rotateSigningKey({ dir, from, to, ...who });
    expect(rotated.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    for (const { name, vkey } of rotated) {
      expect(await logWith(dir, to, 1, name)).toBe(vkey);
      expect(await verifyEvidence(join(dir, name))).toMatchObject({ ok: true });
    }
    expect(await rotateSigningKey({ dir, from, to, ...who })).toEqual(rotated);
  });

  it('goes on where it was interrupted, at every write', async () => {
    for (let survived = 0; ; survived += 1) {
      const dir = await temporaryFolder();
      const [from, to] = [newKey(), newKey()];
      const old = await logWith(dir, from, 5);
      let calls = 0;
      const failing = (key: SigningKey): SigningKey => ({
        publicKey: key.publicKey,
        sign: (message) => {
          calls += 1;
          if (calls > survived) throw new Error('gone');
          return key.sign(message);
        },
      });
      const order = { dir, from: failing(from), to: failing(to), signAttempts: 1, ...who };
      const failed = await rotateSigningKey(order).then(
        () => false,
        () => true,
      );
      await rotateSigningKey({ dir, from, to, ...who });
      const report = await verifyEvidence(join(dir, 'default'), { publicKeys: [old] });
      expect(report.firstFault).toBeNull();
      await logWith(dir, to, 1);
      if (!failed) break;
      expect(survived).toBeLessThan(20);
    }
  }, 120_000);

  it('finds any change of an endorsement', async () => {
    const dir = await temporaryFolder();
    const [from, to] = [newKey(), newKey()];
    await logWith(dir, from, 1);
    await rotateSigningKey({ dir, from, to, ...who });
    const file = join(dir, 'default/key-endorsements');
    const whole = await readFile(file);
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await writeFile(file, changed);
      expect((await verifyEvidence(join(dir, 'default'))).ok, `byte ${at}`).toBe(false);
    }
    await rm(file);
    await nodeLogFiles.replaceFile(file, whole);
    expect((await verifyEvidence(join(dir, 'default'))).ok).toBe(true);
  });

  it('believes no endorsement by a key that is not the known one', async () => {
    const dir = await temporaryFolder();
    const [from, to] = [newKey(), newKey()];
    await logWith(dir, from, 1);
    await rotateSigningKey({ dir, from, to, ...who });
    const stranger = await logWith(await temporaryFolder(), newKey(), 1);
    const report = await verifyEvidence(join(dir, 'default'), { publicKeys: [stranger] });
    expect(report.firstFault?.problem).toContain('none by a known key');
  });

  it('refuses a folder whose logs have neither key', async () => {
    const dir = await temporaryFolder();
    await logWith(dir, newKey(), 1);
    const error = await errorOf(rotateSigningKey({ dir, from: newKey(), to: newKey(), ...who }));
    expect(error.code).toBe('EVIDENCE_KEY_INVALID');
    expect(error.message).toContain('default.vkey');
  });

  it('takes a key file from the one to the other', async () => {
    const dir = await temporaryFolder();
    const writer = await openWriter({ dir });
    writer.appendDecision(call(), allowed());
    await writer.close();
    const from = await fileSigningKey(join(dir, 'signing-key.pem'));
    const to = await fileSigningKey(join(dir, 'next.pem'), true);
    await rotateSigningKey({ dir, from, to, ...who });
    const next = await openWriter({ dir, keyFile: join(dir, 'next.pem') });
    expect(next.recovery.replayedRecords).toBe(0);
  });
});
