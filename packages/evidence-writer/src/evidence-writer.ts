import { join, resolve } from 'node:path';
import { type EvidenceWriter, errorMessage, GovernanceError } from '@cortex-governance/core';
import { AttributeMask } from './attribute-mask.ts';
import { readBounded } from './bounded-read.ts';
import { type Erasure, type ErasureOrder, RecordEraser } from './erase-records.ts';
import {
  type CheckedEvidenceOptions,
  type EvidenceWriterOptions,
  parseEvidenceOptions,
} from './evidence-options.ts';
import { Journal } from './journal.ts';
import { type CheckpointSigner, createCheckpointSigner } from './keys/checkpoint-signer.ts';
import { fileSigningKey } from './keys/file-signing-key.ts';
import { JOURNAL_FOLDER, keyFileOf, MAX_KEY_FILE_BYTES } from './log-layout.ts';
import { LogLock } from './log-lock.ts';
import { type LogRecovery, recoverLog } from './log-recovery.ts';
import { LogWriter } from './log-writer.ts';

/** Names tried with `nameOnConflict: 'next'`: the name itself, then `<name>-2` to `<name>-64`. */
const MAX_NAMES = 64;

/** The evidence log of one process, opened. */
export interface EvidenceLog extends EvidenceWriter {
  /** The log's name; another than the one asked for when that was held. */
  readonly name: string;
  /** The log's public key as a C2SP `vkey` line: what a verifier needs, and should get from elsewhere. */
  readonly vkey: string;
  /** What was found at the start. */
  readonly recovery: LogRecovery;
  /**
   * Erases decisions, announced and with all proofs kept valid; see {@link RecordEraser}.
   * @throws {GovernanceError} OPTIONS_INVALID, EVIDENCE_CORRUPT, EVIDENCE_WRITE_FAILED.
   */
  erase(order: ErasureOrder): Promise<Erasure>;
}

/**
 * Opens a log for writing, or makes it: takes its lock, loads its key, and recovers what a crash left.
 * A torn frame that was cut is recorded as an event `log_recovered`.
 *
 * `durable(ticket, level)` of the returned writer: `os` when the record's group was handed to the
 * operating system, `disk` after its fdatasync, `checkpointed` when a signed checkpoint covers it.
 * Nothing here listens to the process: call `close()` before it ends, or lose what is not yet `os`.
 *
 * @throws {GovernanceError} OPTIONS_INVALID, EVIDENCE_LOCKED, EVIDENCE_KEY_INVALID, EVIDENCE_CORRUPT, or
 * EVIDENCE_WRITE_FAILED when the folder cannot be written.
 */
export async function createEvidenceWriter(options: EvidenceWriterOptions): Promise<EvidenceLog> {
  const checked = { ...parseEvidenceOptions(options) };
  checked.dir = resolve(checked.dir);
  return asWriteFailure(checked.dir, async () => {
    await checked.files.makeFolder(checked.dir);
    for (let i = 1; ; i += 1) {
      const name = i === 1 ? checked.name : `${checked.name}-${i}`;
      try {
        return await openNamed(checked, name);
      } catch (error) {
        const isHeld = error instanceof GovernanceError && error.code === 'EVIDENCE_LOCKED';
        if (!isHeld || checked.nameOnConflict === 'fail' || i === MAX_NAMES) throw error;
      }
    }
  });
}

async function openNamed(options: CheckedEvidenceOptions, name: string): Promise<EvidenceLog> {
  const folder = join(options.dir, name);
  const lock = await LogLock.acquire(`${folder}.lock`, folder, options.lockWatchMs);
  try {
    return await openLocked(options, name, folder, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openLocked(
  options: CheckedEvidenceOptions,
  name: string,
  folder: string,
  lock: LogLock,
): Promise<EvidenceLog> {
  const { files, logger } = options;
  const keyFile = resolve(options.keyFile ?? join(options.dir, 'signing-key.pem'));
  const key = options.key ?? (await fileSigningKey(keyFile, options.createKey));
  const signer = createCheckpointSigner(
    `${options.originPrefix}/${name}`,
    key,
    options.signAttempts,
  );
  await files.makeFolder(folder);
  await publishKey(options, keyFileOf(folder), signer);
  const { tree, recovery } = await recoverLog(files, folder, signer);
  const writer = new LogWriter({
    ...options,
    folder,
    origin: signer.name,
    lock,
    journal: new Journal(files, join(folder, JOURNAL_FOLDER), options.segmentBytes),
    tree,
    denyWhenFull: options.whenFull === 'deny',
    mask: new AttributeMask(options.mask),
  });
  if (recovery.replayedRecords > 0 || recovery.cutBytes > 0) {
    logger.warn('EVIDENCE_RECOVERED', { dir: folder, ...recovery });
  }
  if (recovery.cutBytes > 0) {
    writer.appendEvent({ type: 'log_recovered', properties: { ...recovery } });
  }
  const eraser = new RecordEraser(writer, {
    folder,
    files,
    verifier: signer.verifier,
    clock: options.clock,
  });
  const erase = (order: ErasureOrder): Promise<Erasure> => eraser.erase(order);
  return Object.assign(writer, { name, vkey: signer.vkey, recovery, erase });
}

/** Puts the public key beside the log; a log keeps its key and its origin for life. */
async function publishKey(
  options: CheckedEvidenceOptions,
  file: string,
  signer: CheckpointSigner,
): Promise<void> {
  const line = `${signer.vkey}\n`;
  const known = await readBounded(file, MAX_KEY_FILE_BYTES);
  if (known === null) {
    await options.files.replaceFile(file, line);
  } else if (known.toString() !== line) {
    const problem = 'names another key or origin than the one given; start a log of another name';
    throw new GovernanceError('EVIDENCE_KEY_INVALID', { file, problem });
  }
}

async function asWriteFailure<T>(dir: string, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof GovernanceError) throw error;
    const details = { file: dir, problem: errorMessage(error) };
    throw new GovernanceError('EVIDENCE_WRITE_FAILED', details, { cause: error });
  }
}
