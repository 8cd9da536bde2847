import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { errorMessage, GovernanceError, parseOptions } from '@cortex-governance/core';
import { z } from 'zod';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { corruptEvidence } from './corrupt-evidence.ts';
import type { EvidenceFault, EvidenceReport } from './evidence-report.ts';
import { LogAudit, type LogAuditResult } from './log-audit.ts';
import { CHECKPOINT_FILE, WITNESSED_CHECKPOINT_FILE } from './log-layout.ts';
import { isLockHeld } from './log-lock.ts';
import { keysOfLog } from './proof/log-keys.ts';
import { readLogFile } from './read-log-file.ts';
import { RecordCounts } from './record-counts.ts';
import { MAX_NOTE_BYTES } from './signed-note.ts';
import { type KeyType, parseVerifierKey, type VerifierKey } from './verifier-key.ts';
import { readWitnessedHead, type WitnessedHead } from './witness/witnessed-head.ts';

/** Most threads that are started when it is not said how many. */
const DEFAULT_MAX_WORKERS = 4;

/** Most threads that can be asked for. */
const MAX_WORKERS = 64;

/** Records of a log that this thread has checked before others could be started. */
const SMALL_LOG_RECORDS = 65_536;

/** Most kept checkpoints that a log is compared with. */
const MAX_CHECKPOINTS = 1_000;

/** How often a log is read anew because records were erased while it was read. */
const MAX_RACES = 5;

/** Options of {@link verifyEvidence} and `verifyEvidenceTree`. */
export interface VerifyEvidenceOptions {
  /**
   * Public keys as C2SP `vkey` lines, from a source that the log's owner cannot change. When left out, the
   * key file beside the log is taken: that finds damage, and nothing that the key's owner did.
   */
  readonly publicKeys?: readonly string[];
  /**
   * Signed checkpoints of the same log, kept where its owner cannot change them: the log must hold all
   * that they sign.
   */
  readonly checkpoint?: string | readonly string[];
  /**
   * Public keys of witnesses, as `vkey` lines of type 0x04: enough of them must have cosigned a head of
   * the log, `checkpoint.witnessed` in its folder, and the log must hold all that it signs.
   */
  readonly witnessKeys?: readonly string[];
  /** How many of these witnesses are enough. @defaultValue all */
  readonly quorum?: number;
  /**
   * Threads that check records; 0 or 1: none but this one. The report is the same.
   * @defaultValue as many as the machine has processors, at most 4; none for small logs
   */
  readonly workers?: number;
  /** Called now and then with the number of records read. */
  readonly onProgress?: (records: number) => void;
}

const verifyOptions = z
  .strictObject({
    publicKeys: z
      .array(
        z.string().refine((line) => parseVerifierKey(line) !== null, 'not an Ed25519 vkey line'),
      )
      .min(1)
      .optional(),
    checkpoint: z
      .union([z.string().transform((note) => [note]), z.array(z.string()).max(MAX_CHECKPOINTS)])
      .default([]),
    witnessKeys: z
      .array(
        z
          .string()
          .refine(
            (line) => parseVerifierKey(line, 'cosignature') !== null,
            'not a vkey line of a witness',
          ),
      )
      .min(1)
      .optional(),
    quorum: z.int().min(1).optional(),
    workers: z.int().min(0).max(MAX_WORKERS).optional(),
    onProgress: z.custom<(records: number) => void>((f) => typeof f === 'function').optional(),
  })
  .refine(
    ({ quorum, witnessKeys = [] }) => quorum === undefined || quorum <= new Set(witnessKeys).size,
    {
      path: ['quorum'],
      message: 'more than there are witness keys',
    },
  );

/** The options as `verifyEvidence` uses them. */
export type CheckedVerifyOptions = z.output<typeof verifyOptions>;

/** @throws {GovernanceError} OPTIONS_INVALID */
export function parseVerifyOptions(options: VerifyEvidenceOptions): CheckedVerifyOptions {
  return parseOptions(verifyOptions, options, 'verifyEvidence(dir, options)');
}

/**
 * Checks every byte of one log, offline: the checkpoint's signature, every record against the signed
 * root, every hash tile, the journal, that nothing was erased unannounced, and that nothing else lies in
 * the folder. Reads the log once. Memory does not grow with the log, but with the number of separate
 * ranges that were erased. Never throws for what it finds.
 * @param dir the log's folder, such as `<dir>/default`.
 * @throws {GovernanceError} OPTIONS_INVALID
 */
export async function verifyEvidence(
  dir: string,
  options: VerifyEvidenceOptions = {},
): Promise<EvidenceReport> {
  const checked = parseVerifyOptions(options);
  const folder = resolve(dir);
  const live = await isLockHeld(`${folder}.lock`);
  const keySource = checked.publicKeys === undefined ? 'beside' : 'given';
  const head = { dir: folder, live, keySource } as const;
  try {
    const keys = await keysOfLog(folder, checked.publicKeys);
    const witnessKeys = (checked.witnessKeys ?? []).map((line) => knownKey(line, 'cosignature'));
    // Before the checkpoint, which is then at least as new.
    const witnessed = await readWitnessedHead(folder, keys, witnessKeys);
    const heads = witnessed === null ? [] : [witnessed.checkpoint];
    const { checkpoint, result } = await audit(folder, keys, live, heads, checked);
    const { records, signed, counts } = result;
    const firstFault = result.firstFault ?? witnessFault(folder, witnessed, checked);
    return {
      ok: firstFault === null,
      ...head,
      origin: checkpoint.origin,
      records,
      checkpointSize: checkpoint.size,
      root: Buffer.from(checkpoint.root).toString('base64'),
      unsignedTail: Math.max(0, records - signed),
      witnessed: witnessed === null ? null : describeWitnessed(witnessed),
      firstFault,
      counts,
    };
  } catch (error) {
    return {
      ok: false,
      ...head,
      origin: '',
      records: 0,
      checkpointSize: 0,
      root: '',
      unsignedTail: 0,
      witnessed: null,
      firstFault: asFault(error, folder),
      counts: new RecordCounts().counts(),
    };
  }
}

async function audit(
  folder: string,
  keys: readonly VerifierKey[],
  live: boolean,
  heads: readonly Checkpoint[],
  options: CheckedVerifyOptions,
): Promise<{ readonly checkpoint: Checkpoint; readonly result: LogAuditResult }> {
  const onProgress = options.onProgress ?? (() => {});
  for (let races = 0; ; races += 1) {
    const checkpoint = await readCheckpoint(folder, keys);
    const given = options.checkpoint.map((note, i) => openKept(note, i, keys, checkpoint));
    const kept = [...given, ...heads];
    const threads = options.workers ?? defaultWorkers(checkpoint.size);
    const parts = { folder, checkpoint, kept, live, threads, onProgress };
    const result = await new LogAudit(parts).run();
    // What was erased after the checkpoint was read is announced under a newer one.
    if (!live || !result.hasUnannounced || races === MAX_RACES) return { checkpoint, result };
  }
}

function defaultWorkers(records: number): number {
  return records < SMALL_LOG_RECORDS ? 0 : Math.min(availableParallelism(), DEFAULT_MAX_WORKERS);
}

function knownKey(line: string, type?: KeyType): VerifierKey {
  const key = parseVerifierKey(line, type);
  if (key === null) throw new TypeError('not a vkey line');
  return key;
}

/** What is wrong when too few of the witnesses that were asked for have cosigned; null when nothing is. */
function witnessFault(
  folder: string,
  witnessed: WitnessedHead | null,
  { witnessKeys = [], quorum = witnessKeys.length }: CheckedVerifyOptions,
): EvidenceFault | null {
  const found = witnessed?.cosignatures.length ?? 0;
  if (found >= quorum) return null;
  const file = join(folder, WITNESSED_CHECKPOINT_FILE);
  const problem = `cosigned by ${found} of ${witnessKeys.length} witnesses, not ${quorum}`;
  return { index: null, file, offset: null, problem, kind: 'damaged' };
}

function describeWitnessed({
  checkpoint,
  cosignatures,
}: WitnessedHead): EvidenceReport['witnessed'] {
  const by = cosignatures.map(({ name, timeMs }) => ({
    name,
    time: new Date(timeMs).toISOString(),
  }));
  return { size: checkpoint.size, by };
}

async function readCheckpoint(folder: string, keys: readonly VerifierKey[]): Promise<Checkpoint> {
  const file = join(folder, CHECKPOINT_FILE);
  const note = await readLogFile(file, MAX_NOTE_BYTES);
  if (note === null) throw corruptEvidence(file, 'file', 'missing');
  return openCheckpoint(note, keys, file);
}

function openKept(
  note: string,
  i: number,
  keys: readonly VerifierKey[],
  checkpoint: Checkpoint,
): Checkpoint {
  const place = `given checkpoint ${i + 1}`;
  const kept = openCheckpoint(Buffer.from(note), keys, place);
  if (kept.origin !== checkpoint.origin) {
    throw corruptEvidence(place, '', `is of ${kept.origin}, not of ${checkpoint.origin}`);
  }
  return kept;
}

function asFault(error: unknown, folder: string): EvidenceFault {
  const isNamed =
    error instanceof GovernanceError &&
    (error.code === 'EVIDENCE_CORRUPT' || error.code === 'EVIDENCE_KEY_INVALID');
  const { file, place, problem } = isNamed
    ? error.details
    : { file: folder, place: '', problem: errorMessage(error) };
  const isWhole = place === undefined || place === '' || place === 'file';
  const text = isWhole ? String(problem) : `${String(place)}: ${String(problem)}`;
  return { index: null, file: String(file), offset: null, problem: text, kind: 'damaged' };
}
