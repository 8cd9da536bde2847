import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseVerifierKey, verifyEvidence } from '../src/index.ts';
import { allowed, call, errorOf, openWriter, temporaryFolder } from './support.ts';

function pem(type: 'ed25519' | 'x25519'): string {
  const { privateKey } =
    type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  return String(privateKey.export({ format: 'pem', type: 'pkcs8' }));
}

async function keyFileWith(text: string, mode = 0o600): Promise<{ dir: string; keyFile: string }> {
  const dir = await temporaryFolder();
  const keyFile = join(dir, 'key.pem');
  await writeFile(keyFile, text, { mode });
  await chmod(keyFile, mode);
  return { dir, keyFile };
}

describe('the signing key', () => {
  it('is made at the first start, for its owner only, and kept', async () => {
    const dir = await temporaryFolder();
    const first = await openWriter({ dir });
    const file = join(dir, 'signing-key.pem');
    const text = await readFile(file, 'utf8');
    expect(createPrivateKey(text).asymmetricKeyType).toBe('ed25519');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await first.close();
    const second = await openWriter({ dir });
    expect(second.vkey).toBe(first.vkey);
    expect(parseVerifierKey(second.vkey)?.name).toBe('cortex-governance.local/default');
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  it('is one for all logs of a folder, each under its own name, however many start at once', async () => {
    const dir = await temporaryFolder();
    const writers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => openWriter({ dir, name })),
    );
    const keys = new Set(writers.map((writer) => writer.vkey.split('+').slice(2).join('+')));
    expect(keys.size).toBe(1);
    expect(new Set(writers.map((writer) => writer.vkey)).size).toBe(4);
  });

  it('may be one of yours, behind a link as secret mounts have it', async () => {
    const { dir, keyFile } = await keyFileWith(pem('ed25519'));
    await mkdir(join(dir, 'mount'));
    await symlink(keyFile, join(dir, 'mount/key'));
    const writer = await openWriter({
      dir,
      keyFile: join(dir, 'mount/key'),
      createKey: false,
      originPrefix: 'example.com/evidence',
    });
    writer.appendDecision(call(), allowed());
    await writer.close();
    const report = await verifyEvidence(join(dir, 'default'), { publicKeys: [writer.vkey] });
    expect(report).toMatchObject({ ok: true, origin: 'example.com/evidence/default' });
  });

  it.each([
    ['that others may read', pem('ed25519'), 0o640, 'mode 0640 lets others read it'],
    ['that others may write', pem('ed25519'), 0o602, 'mode 0602 lets others write it'],
    ['of another algorithm', pem('x25519'), 0o600, 'x25519, not ed25519'],
    ['that is no PEM', 'secret stuff', 0o600, 'not a private key in PKCS#8 PEM'],
    ['that is empty', '', 0o600, 'not a private key in PKCS#8 PEM'],
    ['that is far too long', 'x'.repeat(20_000), 0o600, '20000 bytes'],
  ])('is refused when it is a file %s', async (_name, text, mode, problem) => {
    const { dir, keyFile } = await keyFileWith(text, mode);
    const error = await errorOf(openWriter({ dir, keyFile }));
    expect(error.code).toBe('EVIDENCE_KEY_INVALID');
    expect(error.message).toContain(keyFile);
    expect(error.message).toContain(problem);
    expect(error.message).not.toContain('secret stuff');
  });

  it('is refused when it is missing and must not be made', async () => {
    const dir = await temporaryFolder();
    const error = await errorOf(openWriter({ dir, createKey: false }));
    expect(error.code).toBe('EVIDENCE_KEY_INVALID');
    expect(error.message).toContain('no such file');
  });

  it('cannot be changed under a log, nor its origin', async () => {
    const dir = await temporaryFolder();
    await (await openWriter({ dir })).close();
    const { keyFile } = await keyFileWith(pem('ed25519'));
    for (const change of [{ keyFile }, { originPrefix: 'other.example' }]) {
      const error = await errorOf(openWriter({ dir, ...change }));
      expect(error.code).toBe('EVIDENCE_KEY_INVALID');
      expect(error.message).toContain(join(dir, 'default.vkey'));
    }
    await openWriter({ dir, keyFile, name: 'second' });
  });
});
