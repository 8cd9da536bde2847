import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import {
  EVIDENCE_DROPPED,
  errorMessage,
  GovernanceError,
  parseOptions,
} from '@cortex-governance/core';
import { z } from 'zod';
import { isMissing, readBounded } from '../bounded-read.ts';
import { type Checkpoint, formatCheckpoint, openCheckpoint } from '../checkpoint.ts';
import { corruptEvidence } from '../corrupt-evidence.ts';
import { DEFAULT_LOCK_WATCH_MS } from '../evidence-options.ts';
import { createEvidenceWriter } from '../evidence-writer.ts';
import { nodeLogFiles } from '../log-files.ts';
import {
  CHECKPOINT_FILE,
  KEY_ENDORSEMENTS_FILE,
  KEY_FILE_SUFFIX,
  keyFileOf,
  MAX_KEY_FILE_BYTES,
  WITNESSED_CHECKPOINT_FILE,
} from '../log-layout.ts';
import { LogLock } from '../log-lock.ts';
import { readLogFile } from '../read-log-file.ts';
import { formatSignatureLine, MAX_NOTE_BYTES, openSignedNote, parseNote } from '../signed-note.ts';
import { parseVerifierKey, type VerifierKey } from '../verifier-key.ts';
import {
  type CheckpointSigner,
  createCheckpointSigner,
  DEFAULT_SIGN_ATTEMPTS,
} from './checkpoint-signer.ts';
import { formatEndorsement, readEndorsements } from './key-endorsement.ts';
import { isSigningKey, type SigningKey } from './signing-key.ts';

const rotationOptions = z.strictObject({
  dir: z.string().min(1),
  from: z.custom<SigningKey>(isSigningKey, 'must be a SigningKey'),
  to: z.custom<SigningKey>(isSigningKey, 'must be a SigningKey'),
  by: z.string().min(1).max(256),
  reason: z.string().min(1).max(1024),
  lockWatchMs: z.int().min(1).default(DEFAULT_LOCK_WATCH_MS),
  signAttempts: z.int().min(1).default(DEFAULT_SIGN_ATTEMPTS),
});

/** What {@link rotateSigningKey} is told. */
export interface KeyRotation {
  /** Folder of the logs. */
  readonly dir: string;
  readonly from: SigningKey;
  readonly to: SigningKey;
  /** Who rotates, and why: recorded in every log. */
  readonly by: string;
  readonly reason: string;
  /** @defaultValue {@link DEFAULT_LOCK_WATCH_MS} */
  readonly lockWatchMs?: number;
  /** @defaultValue {@link DEFAULT_SIGN_ATTEMPTS} */
  readonly signAttempts?: number;
}

/** A log that has its new key. */
export interface RotatedLog {
  readonly name: string;
  readonly origin: string;
  /** The new public key as a `vkey` line. */
  readonly vkey: string;
}

interface Handover {
  readonly name: string;
  readonly folder: string;
  readonly old: CheckpointSigner;
  readonly next: CheckpointSigner;
}

/**
 * Gives every log of a folder a new signing key: records it as an event `key_rotated`, has the old key
 * endorse the new one, signs the checkpoint with the new one, and publishes it. No log may be open. May be
 * done again after it was interrupted, with the same two keys; logs that have the new key are left alone.
 * @throws {GovernanceError} OPTIONS_INVALID; EVIDENCE_LOCKED; EVIDENCE_KEY_INVALID for a log that has
 * neither key; EVIDENCE_CORRUPT; EVIDENCE_WRITE_FAILED.
 */
export async function rotateSigningKey(rotation: KeyRotation): Promise<readonly RotatedLog[]> {
  const checked = parseOptions(rotationOptions, rotation, 'rotateSigningKey(rotation)');
  const dir = resolve(checked.dir);
  try {
    const handovers: Handover[] = [];
    for (const key of await publishedKeys(dir)) handovers.push(prepare(dir, key, checked));
    for (const handover of handovers) await handOver(dir, handover, checked);
    return handovers.map(({ name, next }) => ({ name, origin: next.name, vkey: next.vkey }));
  } catch (error) {
    if (error instanceof GovernanceError) throw error;
    const details = { file: dir, problem: errorMessage(error) };
    throw new GovernanceError('EVIDENCE_WRITE_FAILED', details, { cause: error });
  }
}

/** The public keys in the folder; one for every log. */
async function publishedKeys(dir: string): Promise<readonly { file: string; key: VerifierKey }[]> {
  const keys: { file: string; key: VerifierKey }[] = [];
  for (const name of await folderNames(dir)) {
    if (!name.endsWith(KEY_FILE_SUFFIX)) continue;
    const file = join(dir, name);
    const key = parseVerifierKey((await readBounded(file, MAX_KEY_FILE_BYTES))?.toString() ?? '');
    if (key === null) throw keyError(file, 'not an Ed25519 vkey line');
    keys.push({ file, key });
  }
  return keys;
}

async function folderNames(dir: string): Promise<readonly string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function prepare(
  dir: string,
  { file, key }: { readonly file: string; readonly key: VerifierKey },
  { from, to, signAttempts }: z.output<typeof rotationOptions>,
): Handover {
  const name = basename(file, KEY_FILE_SUFFIX);
  const old = createCheckpointSigner(key.name, from, signAttempts);
  const next = createCheckpointSigner(key.name, to, signAttempts);
  if (key.line !== old.vkey && key.line !== next.vkey) {
    throw keyError(file, 'names neither the old key nor the new one');
  }
  if (!key.name.endsWith(`/${name}`))
    throw keyError(file, `is of ${key.name}, not of a log ${name}`);
  return { name, folder: join(dir, name), old, next };
}

async function handOver(
  dir: string,
  handover: Handover,
  rotation: z.output<typeof rotationOptions>,
): Promise<void> {
  const { folder, next } = handover;
  const vkeyFile = keyFileOf(folder);
  const published = (await readBounded(vkeyFile, MAX_KEY_FILE_BYTES))?.toString().trim();
  if (published === next.vkey) return;
  if (!(await readHead(folder, handover)).isNew) await record(dir, handover, rotation);
  const lock = await LogLock.acquire(`${folder}.lock`, folder, rotation.lockWatchMs);
  try {
    const { checkpoint, isNew } = await readHead(folder, handover);
    if (!isNew) await endorse(folder, checkpoint, handover);
    await nodeLogFiles.replaceFile(vkeyFile, `${next.vkey}\n`);
  } finally {
    await lock.release();
  }
}

/** The event is the last thing that the old key signs for. */
async function record(
  dir: string,
  { name, old, next }: Handover,
  { from, by, reason, lockWatchMs, signAttempts }: z.output<typeof rotationOptions>,
): Promise<void> {
  const originPrefix = old.name.slice(0, -name.length - 1);
  const opening = { dir, name, originPrefix, key: from, lockWatchMs, signAttempts };
  const writer = await createEvidenceWriter(opening);
  try {
    const properties = { oldKey: old.vkey, newKey: next.vkey, by, reason };
    const ticket = writer.appendEvent({ type: 'key_rotated', properties });
    if (ticket === EVIDENCE_DROPPED) throw keyError(name, 'the log did not take the event');
    await writer.durable(ticket, 'checkpointed');
  } finally {
    await writer.close();
  }
}

async function endorse(
  folder: string,
  checkpoint: Checkpoint,
  { old, next }: Handover,
): Promise<void> {
  const file = join(folder, KEY_ENDORSEMENTS_FILE);
  const last = (await readEndorsements(file)).at(-1);
  if (last?.newKey !== next.vkey) {
    const { origin, size } = checkpoint;
    const root = Buffer.from(checkpoint.root).toString('base64');
    const text = formatEndorsement({ origin, oldKey: old.vkey, newKey: next.vkey, size, root });
    const known = (await readBounded(file, Number.MAX_SAFE_INTEGER)) ?? Buffer.alloc(0);
    const note = Buffer.from(await old.sign(text));
    await nodeLogFiles.replaceFile(file, Buffer.concat([known, note]));
  }
  await resignWitnessed(folder, old, next);
  const note = await next.sign(formatCheckpoint(checkpoint));
  await nodeLogFiles.replaceFile(join(folder, CHECKPOINT_FILE), note);
}

/**
 * Cosignatures are of the text, whoever signs it for the log: they stay, under the new key. What the old
 * key has not signed is left as it is.
 */
async function resignWitnessed(
  folder: string,
  old: CheckpointSigner,
  next: CheckpointSigner,
): Promise<void> {
  const file = join(folder, WITNESSED_CHECKPOINT_FILE);
  const note = await readLogFile(file, MAX_NOTE_BYTES);
  if (note === null || !isSignedBy(note, old, file)) return;
  const { text, signatures } = parseNote(note, file);
  const others = signatures.filter(({ name }) => name !== next.name);
  const lines = others.map(({ name, keyId, signature }) =>
    formatSignatureLine(name, keyId, signature),
  );
  await nodeLogFiles.replaceFile(file, (await next.sign(text)) + lines.join(''));
}

function isSignedBy(note: Uint8Array, { verifier }: CheckpointSigner, file: string): boolean {
  try {
    openSignedNote(note, [verifier], file);
    return true;
  } catch {
    return false;
  }
}

/** The newest checkpoint, and which of the two keys signed it. */
async function readHead(
  folder: string,
  { old, next }: Handover,
): Promise<{ readonly checkpoint: Checkpoint; readonly isNew: boolean }> {
  const file = join(folder, CHECKPOINT_FILE);
  const note = await readLogFile(file, MAX_NOTE_BYTES);
  if (note === null) throw corruptEvidence(file, 'file', 'missing');
  const keys = [old.verifier, next.verifier];
  const { signingKeys } = openSignedNote(note, keys, file);
  return { checkpoint: openCheckpoint(note, keys, file), isNew: signingKeys.includes(next.vkey) };
}

function keyError(file: string, problem: string): GovernanceError {
  return new GovernanceError('EVIDENCE_KEY_INVALID', { file, problem });
}
