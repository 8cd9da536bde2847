import { execFile, execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startWitness } from '@cortex-governance/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createEvidenceWriter,
  createWitnessFollower,
  type EvidenceLog,
  fileSigningKey,
  proveRecord,
  rotateSigningKey,
} from '../../src/index.ts';
import { allowed, call, temporaryFolder } from '../support.ts';
import { neededTool } from './needed-tool.ts';

/*
 * What this package writes is checked by code that nobody here wrote, in another language: see go-checker.
 */

const SOURCE = join(import.meta.dirname, '..', 'go-checker');

/** Records between two checkpoints of a large log. */
const BURST = 5_000;

const go = neededTool(['go', 'version'], 'install Go 1.24 or newer');

const run = promisify(execFile);
let folder = '';
let checker = '';

/** What the checker says of a log; rejects when it refuses the log. */
async function check(log: string, ...proofs: string[]): Promise<Record<string, unknown>> {
  return found([log, `${log}.vkey`, ...proofs]);
}

async function found(args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(checker, args);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Why the checker refuses a log. */
async function refusal(log: string, ...proofs: string[]): Promise<string> {
  const refused = await check(log, ...proofs).then(
    () => null,
    (error: { code?: number; stderr?: string }) => error,
  );
  expect(refused).toMatchObject({ code: 1 });
  return refused?.stderr ?? '';
}

async function append(writer: EvidenceLog, records: number): Promise<void> {
  for (let i = 0; i < records; i += 1) {
    writer.appendDecision(call({ i }), allowed());
    if (i % BURST === 0) await writer.flush();
  }
}

/** A log of so many records. */
async function logOf(records: number): Promise<string> {
  const dir = await temporaryFolder();
  const writer = await createEvidenceWriter({ dir });
  await append(writer, records);
  await writer.close();
  return join(dir, 'default');
}

async function flip(file: string, at: number): Promise<void> {
  const bytes = await readFile(file);
  bytes[at]! ^= 1;
  await writeFile(file, bytes);
}

beforeAll(async () => {
  if (!go.works) return;
  folder = await mkdtemp(join(tmpdir(), 'logcheck-'));
  checker = join(folder, 'logcheck');
  execFileSync('go', ['build', '-o', checker, '.'], { cwd: SOURCE, stdio: 'pipe' });
}, 300_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(!go.works)(`the checker of others${go.note}`, () => {
  it.each([0, 1, 2, 255, 256, 257, 511, 513, 65_535, 65_536, 65_537, 70_000])(
    'accepts a log of %d records',
    async (records) => {
      const log = await logOf(records);
      const report = await check(log);
      expect(report).toMatchObject({ origin: 'cortex-governance.local/default', size: records });
      expect(report).toMatchObject({ erased: 0 });
      if (records > 0) expect(report['provenRecords']).toBeGreaterThan(0);
    },
    120_000,
  );

  it('accepts a log that was closed and opened, and that grows, at every checkpoint', async () => {
    const dir = await temporaryFolder();
    for (const more of [1, 254, 1, 1, 300, 0]) {
      const writer = await createEvidenceWriter({ dir });
      await append(writer, more);
      await writer.flush();
      expect(await check(join(dir, 'default'))).toMatchObject({
        size: writer.status().checkpointed,
      });
      await writer.close();
    }
  }, 60_000);

  it('accepts the proofs of single records', async () => {
    const log = await logOf(700);
    const proofs: string[] = [];
    for (const index of [0, 1, 255, 256, 511, 512, 698, 699]) {
      const proved = await proveRecord(log, { index });
      if (proved.status !== 'proved') throw new Error(`record ${index} is ${proved.status}`);
      proofs.push(join(log, '..', `${index}.tlog-proof`));
      await writeFile(proofs.at(-1)!, proved.proof);
    }
    expect(await check(log, ...proofs)).toMatchObject({ proofFiles: proofs.length });
    const text = await readFile(proofs[3]!, 'utf8');
    await writeFile(proofs[3]!, text.replace('index 256', 'index 257'));
    expect(await refusal(log, ...proofs)).toContain('256.tlog-proof');
  }, 60_000);

  it('accepts a log from which records were erased, and refuses other records in their place', async () => {
    const dir = await temporaryFolder();
    const writer = await createEvidenceWriter({ dir });
    await append(writer, 300);
    const { records } = await writer.erase({
      select: { tenant: 'acme' },
      by: 'test',
      reason: 'request 1',
    });
    expect(records).toBe(256);
    await writer.close();
    const log = join(dir, 'default');
    expect(await check(log)).toMatchObject({ size: 301, erased: 256 });
    const bundle = join(log, 'tile/entries/000');
    await writeFile(bundle, Buffer.concat([Buffer.from([0, 1, 120]), Buffer.alloc(510)]));
    const said = await refusal(log);
    expect(said).toContain('record 0 does not have its hash');
    expect(said).toContain('tessera fsck: ');
  }, 60_000);

  it('accepts a log that was given another key, by that key alone', async () => {
    const log = await logOf(300);
    const dir = join(log, '..');
    const old = await readFile(`${log}.vkey`);
    const keyFile = join(dir, 'next-key.pem');
    const from = await fileSigningKey(join(dir, 'signing-key.pem'), false);
    const to = await fileSigningKey(keyFile, true);
    await rotateSigningKey({ dir, from, to, by: 'test', reason: 'yearly' });
    expect(await check(log)).toMatchObject({ size: 301 });
    const writer = await createEvidenceWriter({ dir, keyFile });
    await append(writer, 300);
    await writer.close();
    expect(await check(log)).toMatchObject({ size: 601 });
    await writeFile(`${log}.vkey`, old);
    expect(await refusal(log)).toContain('checkpoint');
  }, 60_000);

  it('accepts what a witness cosigned, and refuses it for another witness', async () => {
    const log = await logOf(300);
    const vkey = await readFile(`${log}.vkey`, 'utf8');
    const witness = await startWitness([vkey.trim()], {});
    const other = await startWitness([vkey.trim()], {});
    const witnesses = [{ url: witness.url, key: witness.vkey }];
    const follower = createWitnessFollower({ dir: log, witnesses, intervalMs: 1_000_000 });
    try {
      expect(await follower.round()).toEqual({ witnessed: 300, problems: {} });
      const args = [log, `${log}.vkey`];
      const writer = await createEvidenceWriter({ dir: join(log, '..') });
      await append(writer, 50);
      await writer.close();
      expect(await found(['-witness', witness.vkey, ...args])).toMatchObject({
        size: 350,
        witnessed: 300,
      });
      await expect(found(['-witness', other.vkey, ...args])).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('checkpoint.witnessed: '),
      });
    } finally {
      await Promise.all([follower.close(), witness.close(), other.close()]);
    }
  }, 60_000);

  it.each<readonly [string, (log: string) => Promise<unknown>]>([
    ['a record was changed', (log) => flip(join(log, 'tile/entries/001'), 1_000)],
    ['a hash was changed', (log) => flip(join(log, 'tile/0/001'), 40)],
    ['a hash above was changed', (log) => flip(join(log, 'tile/1/000.p/2'), 40)],
    ['a hash at the edge was changed', (log) => flip(join(log, 'tile/0/002.p/88'), 87 * 32)],
    ['the root was changed', (log) => flip(join(log, 'checkpoint'), 45)],
    ['a bundle was cut', (log) => truncate(join(log, 'tile/entries/000'), 5_000)],
    ['a bundle is missing', (log) => rm(join(log, 'tile/entries/001'))],
    ['a tile is missing', (log) => rm(join(log, 'tile/0/000'))],
    [
      'two bundles were exchanged',
      async (log) => {
        const at = (name: string): string => join(log, 'tile/entries', name);
        await rename(at('000'), at('x'));
        await rename(at('001'), at('000'));
        await rename(at('x'), at('001'));
      },
    ],
    [
      'another key signed it',
      async (log) => {
        await cp(`${await logOf(1)}.vkey`, `${log}.vkey`);
      },
    ],
  ])('refuses a log when %s', async (_name, damage) => {
    const log = await logOf(600);
    await check(log);
    await damage(log);
    const [own = '', ...others] = (await refusal(log)).split('\n');
    expect(own).not.toMatch(/^tessera fsck/);
    expect(others.join('\n')).toMatch(/^tessera fsck: /m);
  });
});
