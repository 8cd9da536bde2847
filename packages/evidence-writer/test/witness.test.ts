import { readFileSync } from 'node:fs';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { RecordingLogger, startWitness, type TestWitness } from '@cortex-governance/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  createWitnessFollower,
  type EvidenceLog,
  fileSigningKey,
  openCheckpoint,
  parseVerifierKey,
  readCosignatures,
  rotateSigningKey,
  verifyEvidence,
  type WitnessFollower,
  type WitnessFollowerOptions,
} from '../src/index.ts';
import { cosignedMessage } from '../src/witness/cosignature.ts';
import { allowed, call, openWriter, temporaryFolder } from './support.ts';

const ORIGIN = 'cortex-governance.local/default';
const NEVER_MS = 1_000_000;

/** For a machine that is busy with something else. */
const WAIT = { timeout: 10_000 };

const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function witnessOf(vkey: string, name?: string): Promise<TestWitness> {
  const witness = await startWitness([vkey], name === undefined ? {} : { name });
  open.push(witness);
  return witness;
}

function follow(
  dir: string,
  witnesses: readonly TestWitness[],
  options: Partial<WitnessFollowerOptions> = {},
): WitnessFollower {
  const addresses = witnesses.map(({ url, vkey }) => ({ url, key: vkey }));
  const follower = createWitnessFollower({
    dir,
    witnesses: addresses,
    intervalMs: NEVER_MS,
    ...options,
  });
  open.push(follower);
  return follower;
}

async function logOf(records: number): Promise<{ dir: string; log: string; writer: EvidenceLog }> {
  const dir = await temporaryFolder();
  const writer = await openWriter({ dir });
  await append(writer, records);
  return { dir, log: join(dir, 'default'), writer };
}

async function append(writer: EvidenceLog, records: number): Promise<void> {
  for (let i = 0; i < records; i += 1) writer.appendDecision(call({ i }), allowed());
  await writer.flush();
}

function witnessKey(witness: TestWitness) {
  const key = parseVerifierKey(witness.vkey, 'cosignature');
  if (key === null) throw new Error('no key');
  return key;
}

describe('a cosignature', () => {
  const examples = JSON.parse(
    readFileSync(join(import.meta.dirname, 'vectors/c2sp/examples.json'), 'utf8'),
  ) as {
    readonly cosignedCheckpointFormatOnly: { cosignLine: string; signedMessage: string };
  };

  it('signs the message of the C2SP example', () => {
    const { cosignLine, signedMessage } = examples.cosignedCheckpointFormatOnly;
    const bytes = Buffer.from(cosignLine.split(' ')[2] ?? '', 'base64');
    const text = signedMessage.split('\n').slice(2).join('\n');
    expect(cosignedMessage(bytes.readBigUInt64BE(4), text).toString()).toBe(signedMessage);
  });

  it('is not believed by a key of a log, nor a log by a key of a witness', async () => {
    const { writer } = await logOf(1);
    const witness = await witnessOf(writer.vkey);
    expect(parseVerifierKey(witness.vkey)).toBeNull();
    expect(parseVerifierKey(writer.vkey, 'cosignature')).toBeNull();
  });
});

describe('a log with witnesses', () => {
  it('has each new checkpoint cosigned, with proofs from size to size', async () => {
    const { log, writer } = await logOf(3);
    const witness = await witnessOf(writer.vkey);
    const follower = follow(log, [witness]);
    let size = 3;
    for (const more of [0, 1, 255, 1, 300, 1_000]) {
      await append(writer, more);
      size += more;
      expect(await follower.round()).toEqual({ witnessed: size, problems: {} });
      expect(witness.head(ORIGIN)?.size).toBe(size);
      const note = await readFile(join(log, 'checkpoint.witnessed'));
      const logKey = parseVerifierKey(writer.vkey);
      expect(openCheckpoint(note, logKey === null ? [] : [logKey], 'c').size).toBe(size);
      const [cosignature] = readCosignatures(note, [witnessKey(witness)], 'c');
      expect(cosignature?.name).toBe('witness.example/w1');
    }
    expect(witness.statuses).toEqual([200, 200, 200, 200, 200, 200]);
  });

  it('learns from a witness what it saw before this process', async () => {
    const { log, writer } = await logOf(10);
    const witness = await witnessOf(writer.vkey);
    await follow(log, [witness]).round();
    await append(writer, 10);
    expect(await follow(log, [witness]).round()).toEqual({ witnessed: 20, problems: {} });
    expect(witness.statuses).toEqual([200, 409, 200]);
  });

  it('is witnessed by as many as are asked for; one that is gone is asked again later', async () => {
    const { log, writer } = await logOf(5);
    const [a, b] = [await witnessOf(writer.vkey, 'w/a'), await witnessOf(writer.vkey, 'w/b')];
    const logger = new RecordingLogger();
    const all = follow(log, [a, b], { logger });
    const one = follow(log, [a, b], { quorum: 1 });
    b.answerWith({ status: 503, body: 'busy\n' });
    for (let i = 0; i < 2; i += 1) {
      expect(await all.round()).toEqual({
        witnessed: 0,
        problems: { 'w/b': 'answered 503: busy' },
      });
    }
    expect(logger.events()).toEqual(['EVIDENCE_WITNESS_FAILED']);
    expect((await one.round()).witnessed).toBe(5);
    b.answerWith(null);
    expect(await all.round()).toEqual({ witnessed: 5, problems: {} });
    const note = await readFile(join(log, 'checkpoint.witnessed'));
    const names = readCosignatures(note, [witnessKey(a), witnessKey(b)], 'c').map((c) => c.name);
    expect(names.sort()).toEqual(['w/a', 'w/b']);
  });

  it.each([
    ['nothing that is a signature', 200, 'ok\n', 'no right signature'],
    ['an empty answer', 200, '', 'no right signature'],
    [
      "another key's signature",
      200,
      `\u2014 w/x ${Buffer.alloc(76).toString('base64')}\n`,
      'no right',
    ],
    ['a size that is none', 409, '-1\n', 'answered 409'],
    ['too much', 200, 'x'.repeat(100_000), 'too long'],
    ['bytes that are no text', 200, '\u{fffd}', 'no right signature'],
    ['a page', 404, '<html>', 'answered 404: <html>'],
  ])('believes no witness that answers %s', async (_what, status, body, problem) => {
    const { log, writer } = await logOf(1);
    const witness = await witnessOf(writer.vkey);
    witness.answerWith({ status, body });
    const { witnessed, problems } = await follow(log, [witness]).round();
    expect(witnessed).toBe(0);
    expect(Object.values(problems)[0]).toContain(problem);
    await expect(readFile(join(log, 'checkpoint.witnessed'))).rejects.toThrow('ENOENT');
  });

  it('raises an alarm when it was cut back to an older copy', async () => {
    const { dir, log, writer } = await logOf(5);
    const copy = join(dir, 'copy', 'default');
    await writer.close();
    await cp(log, copy, { recursive: true });
    await cp(`${log}.vkey`, `${copy}.vkey`);
    const later = await openWriter({ dir });
    await append(later, 5);
    const witness = await witnessOf(writer.vkey);
    await follow(log, [witness]).round();
    const logger = new RecordingLogger();
    const { problems } = await follow(copy, [witness], { logger }).round();
    expect(problems).toEqual({ 'witness.example/w1': 'saw 10 records; the log has 5' });
    expect(logger.events()).toEqual(['EVIDENCE_WITNESS_REFUSED']);
  });

  it.each([
    ['longer', 9],
    ['equally long', 5],
  ])('raises an alarm when it was forked, and is %s', async (_what, records) => {
    const { dir, log, writer } = await logOf(5);
    await writer.close();
    const witness = await witnessOf(writer.vkey);
    await follow(log, [witness]).round();
    const other = await temporaryFolder();
    const fork = await openWriter({ dir: other, keyFile: join(dir, 'signing-key.pem') });
    await append(fork, records);
    const logger = new RecordingLogger();
    const { problems } = await follow(join(other, 'default'), [witness], { logger }).round();
    expect(Object.values(problems)[0]).toContain('saw another log of this name');
    expect(logger.events()).toEqual(['EVIDENCE_WITNESS_REFUSED']);
  });

  it('follows in the background, never holds the log up, and ends while a witness hangs', async () => {
    const { log, writer } = await logOf(1);
    const witness = await witnessOf(writer.vkey);
    const follower = follow(log, [witness], { intervalMs: 10 });
    await vi.waitFor(() => expect(follower.status().witnessed).toBe(1), WAIT);
    await append(writer, 4);
    await vi.waitFor(() => expect(follower.status().witnessed).toBe(5), WAIT);
    // Takes connections, and never answers.
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    open.push({
      close: async () => {
        silent.closeAllConnections();
        silent.close();
      },
    });
    const { port } = silent.address() as AddressInfo;
    const hanging = follow(log, [{ ...witness, url: `http://127.0.0.1:${port}` }]);
    const round = hanging.round();
    await append(writer, 1);
    expect(writer.status().checkpointed).toBe(6);
    await hanging.close();
    expect(Object.values((await round).problems)).toHaveLength(1);
  });

  it.each([
    [{ witnesses: [] }, 'witnesses'],
    [{ witnesses: [{ url: 'ftp://x', key: 'x' }] }, 'witnesses'],
    [{ quorum: 0 }, 'quorum'],
    [{ quorum: 2 }, 'more than there are witnesses'],
  ])('refuses the options %j', async (options, problem) => {
    const witness = await witnessOf('x+00000000+x');
    expect(() => follow('x', [witness], options)).toThrow(problem);
  });

  it('refuses a witness that is named twice, and a URL with a password', async () => {
    const witness = await witnessOf('x+00000000+x');
    expect(() => follow('x', [witness, witness])).toThrow('one witness counts once');
    const url = witness.url.replace('//', '//user:hunter2@');
    expect(() => follow('x', [{ ...witness, url }])).toThrow('must hold no user or password');
  });
});

describe('a witness that is hostile', () => {
  it('gets nothing into the log but its own right line', async () => {
    const { log, writer } = await logOf(3);
    const witness = await witnessOf(writer.vkey);
    const note = await readFile(join(log, 'checkpoint'), 'utf8');
    const honest = await fetch(`${witness.url}/add-checkpoint`, {
      method: 'POST',
      body: `old 0\n\n${note}`,
    });
    const right = await honest.text();
    const forged = note.trimEnd().split('\n').at(-1)?.replace(/.{8}$/, 'AAAAAAA=');
    for (const junk of [`${forged}\n`, '\n\n', 'x\n'.repeat(200), '\u2014 x y\n']) {
      for (const body of [junk + right, right + junk]) {
        witness.answerWith({ status: 200, body });
        const { witnessed, problems } = await follow(log, [witness]).round();
        expect([witnessed, problems]).toEqual([3, {}]);
        expect(await readFile(join(log, 'checkpoint.witnessed'), 'utf8')).toBe(note + right);
      }
    }
    expect((await verifyEvidence(log, { witnessKeys: [witness.vkey] })).ok).toBe(true);
  });
});

describe('verifying a log with witnesses', () => {
  it('keeps what was cosigned when the key of the log changes', async () => {
    const { log, witnesses, vkey } = await witnessed();
    const from = await fileSigningKey(join(log, '..', 'signing-key.pem'));
    const to = await fileSigningKey(join(log, '..', 'next.pem'), true);
    const [rotated] = await rotateSigningKey({
      dir: join(log, '..'),
      from,
      to,
      by: 'a',
      reason: 'b',
    });
    const witnessKeys = witnesses.map((witness) => witness.vkey);
    for (const publicKeys of [[vkey], [rotated?.vkey ?? '']]) {
      const report = await verifyEvidence(log, { publicKeys, witnessKeys });
      expect(report).toMatchObject({ ok: true, witnessed: { size: 300 } });
    }
    expect((await verifyEvidence(log)).ok).toBe(true);
  });

  it('passes over what is no head of the log unless witnesses are asked for', async () => {
    const { log, witnesses } = await witnessed();
    await writeFile(join(log, 'checkpoint.witnessed'), 'junk');
    expect(await verifyEvidence(log)).toMatchObject({ ok: true, witnessed: null });
    const witnessKeys = witnesses.map((witness) => witness.vkey);
    expect((await verifyEvidence(log, { witnessKeys })).ok).toBe(false);
    await expect(verifyEvidence(log, { witnessKeys, quorum: 3 })).rejects.toThrow('quorum');
  });

  async function witnessed(): Promise<{ log: string; witnesses: TestWitness[]; vkey: string }> {
    const { log, writer } = await logOf(300);
    const witnesses = [await witnessOf(writer.vkey, 'w/a'), await witnessOf(writer.vkey, 'w/b')];
    await follow(log, witnesses).round();
    await append(writer, 10);
    await writer.close();
    return { log, witnesses, vkey: writer.vkey };
  }

  it('says up to where it is witnessed, by whom and when', async () => {
    const { log, witnesses, vkey } = await witnessed();
    const witnessKeys = witnesses.map((witness) => witness.vkey);
    const report = await verifyEvidence(log, { publicKeys: [vkey], witnessKeys });
    expect(report).toMatchObject({ ok: true, records: 310, witnessed: { size: 300 } });
    expect(report.witnessed?.by.map(({ name }) => name).sort()).toEqual(['w/a', 'w/b']);
    expect(await verifyEvidence(log)).toMatchObject({ ok: true, witnessed: { size: 300, by: [] } });
  });

  it('asks for as many as it is told to', async () => {
    const { log, witnesses, vkey } = await witnessed();
    const stranger = await witnessOf(vkey, 'w/c');
    const witnessKeys = [...witnesses, stranger].map((witness) => witness.vkey);
    const all = await verifyEvidence(log, { witnessKeys });
    expect(all.firstFault?.problem).toBe('cosigned by 2 of 3 witnesses, not 3');
    expect(all.firstFault?.file).toBe(join(log, 'checkpoint.witnessed'));
    expect((await verifyEvidence(log, { witnessKeys, quorum: 2 })).ok).toBe(true);
    await rm(join(log, 'checkpoint.witnessed'));
    const none = await verifyEvidence(log, { witnessKeys, quorum: 1 });
    expect(none.firstFault?.problem).toBe('cosigned by 0 of 3 witnesses, not 1');
  });

  it('finds any change of what was cosigned', async () => {
    const { log, witnesses } = await witnessed();
    const witnessKeys = witnesses.map((witness) => witness.vkey);
    const file = join(log, 'checkpoint.witnessed');
    const whole = await readFile(file);
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 4;
      await writeFile(file, changed);
      expect((await verifyEvidence(log, { witnessKeys, workers: 0 })).ok, `byte ${at}`).toBe(false);
    }
  }, 60_000);

  it('finds a log that was cut back behind what was witnessed, or is another one', async () => {
    const { log, witnesses } = await witnessed();
    const witnessKeys = witnesses.map((witness) => witness.vkey);
    const other = await temporaryFolder();
    const fork = await openWriter({ dir: other, keyFile: join(log, '..', 'signing-key.pem') });
    await append(fork, 200);
    await cp(join(log, 'checkpoint.witnessed'), join(other, 'default/checkpoint.witnessed'));
    const cut = await verifyEvidence(join(other, 'default'), { witnessKeys });
    expect(cut.firstFault?.kind).toBe('truncated');
    await append(fork, 200);
    await fork.close();
    const forked = await verifyEvidence(join(other, 'default'), { witnessKeys });
    expect(forked.firstFault?.kind).toBe('forked');
  });
});

describe('the witness of the testkit', () => {
  async function post(witness: TestWitness, body: string): Promise<number> {
    return (await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body })).status;
  }

  it('answers with the statuses of C2SP tlog-witness', async () => {
    const { log, writer } = await logOf(2);
    const note = await readFile(join(log, 'checkpoint'), 'utf8');
    const witness = await witnessOf(writer.vkey);
    const hash = `${Buffer.alloc(32).toString('base64')}\n`;
    expect(await post(witness, `old 0\n\n${note.replace('default', 'other')}`)).toBe(404);
    expect(await post(witness, `old 0\n\n${note.replace('\n2\n', '\n3\n')}`)).toBe(403);
    expect(await post(witness, `old 3\n\n${note}`)).toBe(400);
    expect(await post(witness, `old 01\n\n${note}`)).toBe(400);
    expect(await post(witness, `old 0\nx\n\n${note}`)).toBe(400);
    expect(await post(witness, `old 0\n${hash.repeat(64)}\n${note}`)).toBe(400);
    expect(await post(witness, `old 1\n\n${note}`)).toBe(409);
    expect(await post(witness, `old 0\n${hash}\n${note}`)).toBe(422);
    expect(await post(witness, `old 0\n\n${note}`)).toBe(200);
    expect(await post(witness, `old 0\n\n${note}`)).toBe(409);
    expect(await post(witness, `old 2\n${hash}\n${note}`)).toBe(422);
    expect(await post(witness, `old 2\n\n${note}`)).toBe(200);
  });
});
