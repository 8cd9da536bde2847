import { createHash, generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type S3Server, s3OrSkip, startS3 } from '@cortex-governance/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, govern, makeWorkspace, serve } from './govern.ts';

const hasS3 = s3OrSkip('govern evidence restore');
let server: S3Server;

beforeAll(async () => {
  if (hasS3) server = await startS3();
}, 60_000);

afterAll(() => server?.stop());

/** A workspace whose server has archived what it decided, and has then lost its log. */
async function makeLost(config: string): Promise<string> {
  const folder = await makeWorkspace({ config });
  const { told, child, ended } = await serve(folder);
  for (let i = 0; i < 5; i += 1) await ask(told.url);
  for (let i = 0; i < 400 && !(await isUp(told.url)); i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.kill('SIGTERM');
  await ended;
  await rm(told.evidenceDir, { recursive: true });
  return folder;
}

async function isUp(url: string): Promise<boolean> {
  const body = await (await fetch(`${url}/metrics`)).text();
  return body.includes('governance_evidence_tier_up{tier="cold"} 1');
}

describe('govern evidence restore', () => {
  it('writes a lost log back from the configured folder, verified, and over nothing', async () => {
    const folder = await makeLost('evidence:\n  cold:\n    dir: ../archive\n');
    const restored = await govern(folder, ['evidence', 'restore', 'copy', '--json']);
    expect([restored.status, restored.stderr]).toEqual([0, '']);
    expect(JSON.parse(restored.stdout)).toMatchObject({ ok: true, missing: [], firstFault: null });
    const again = await govern(folder, ['evidence', 'restore', 'copy', '--from', 'archive']);
    expect([again.status, again.stderr]).toEqual([3, expect.stringContaining('is there already')]);
    const verified = await govern(folder, ['evidence', 'verify', join(folder, 'copy')]);
    expect(verified.status).toBe(0);
    const key = ['--from', 'archive', '--key', 'copy.vkey'];
    const checked = await govern(folder, ['evidence', 'restore', 'checked', ...key]);
    expect([checked.status, checked.stdout]).toEqual([
      0,
      expect.stringContaining('checked with the given key'),
    ]);
    const { publicKey } = generateKeyPairSync('ed25519');
    const origin = (await readFile(join(folder, 'copy.vkey'), 'utf8')).split('+')[0] ?? '';
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const typed = Buffer.concat([Buffer.of(1), raw]);
    const id = createHash('sha256').update(`${origin}\n`).update(typed).digest('hex').slice(0, 8);
    const line = `${origin}+${id}+${typed.toString('base64')}\n`;
    await writeFile(join(folder, 'other.vkey'), line);
    const foreign = ['evidence', 'restore', 'foreign', '--from', 'archive', '--key', 'other.vkey'];
    const refused = await govern(folder, foreign);
    expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining('key signed')]);
    expect(existsSync(join(folder, 'foreign'))).toBe(false);
    const none = await govern(folder, ['evidence', 'restore', 'other', '--from', 'nothing']);
    expect(none.stderr).toContain('there are: none');
    const bad = await govern(folder, ['evidence', 'restore', 'other', '--from', 's3:bucket']);
    expect(bad.status).toBe(2);
  }, 60_000);

  it.runIf(hasS3)(
    'writes a lost log back from a bucket',
    async () => {
      const { bucket, region, endpoint, credentials } = server;
      Object.assign(process.env, { ...credentials, AWS_REGION: region });
      try {
        const where = `bucket: ${bucket}, prefix: cli/, endpoint: '${endpoint}', forcePathStyle: true`;
        const folder = await makeLost(`evidence:\n  cold:\n    s3: { ${where} }\n`);
        const args = ['evidence', 'restore', 'copy', '--from', `s3://${bucket}/cli/`];
        const env = { AWS_ENDPOINT_URL_S3: endpoint };
        const { status, stdout } = await govern(folder, args, { env });
        expect([status, stdout]).toEqual([
          0,
          expect.stringMatching(/^ok .*\n {2}origin .*, records \d+/),
        ]);
      } finally {
        for (const name of [...Object.keys(credentials), 'AWS_REGION']) delete process.env[name];
      }
    },
    60_000,
  );
});
