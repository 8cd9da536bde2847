import {
  type Clock,
  type Logger,
  parseOptions,
  silentLogger,
  systemClock,
} from '@cortex-governance/core';
import { z } from 'zod';
import { findMaskProblem } from './attribute-mask.ts';
import { MIN_SEGMENT_BYTES } from './journal.ts';
import { DEFAULT_SIGN_ATTEMPTS } from './keys/checkpoint-signer.ts';
import { isSigningKey, type SigningKey } from './keys/signing-key.ts';
import { type LogFiles, nodeLogFiles } from './log-files.ts';
import { isKeyName } from './verifier-key.ts';

/** Name of a process's log when it is not told another. */
export const DEFAULT_LOG_NAME = 'default';

/** First part of a log's origin; `<prefix>/<name>` should be unique among the logs you compare. */
export const DEFAULT_ORIGIN_PREFIX = 'cortex-governance.local';

/** Records that may wait in memory: seconds of a busy engine, as many as a slow disk takes to recover. */
export const DEFAULT_MAX_QUEUE_RECORDS = 65_536;

/** Estimated bytes that may wait in memory (64 MiB). */
export const DEFAULT_MAX_QUEUE_BYTES = 64 * 1024 * 1024;

/** Records that are worth a write and a sync of their own. */
export const DEFAULT_GROUP_RECORDS = 100;

/** Longest time that an accepted record waits for its group to be written, in milliseconds. */
export const DEFAULT_GROUP_MAX_AGE_MS = 5_000;

/** Estimated bytes that are worth a write and a sync of their own (256 KiB). */
export const DEFAULT_GROUP_BYTES = 256 * 1024;

/** Longest that accepted records wait while none is added, in milliseconds; counts where it is the shorter. */
export const DEFAULT_GROUP_IDLE_MS = 10_000;

/** Longest time from a record's sync to a signed checkpoint over it, in milliseconds. */
export const DEFAULT_CHECKPOINT_INTERVAL_MS = 1_000;

/** Size at which the journal starts a new file, in bytes (8 MiB); what a start may have to replay. */
export const DEFAULT_SEGMENT_BYTES = 8 * 1024 * 1024;

/** How long a lock must be untouched when its holder cannot be asked, in milliseconds. */
export const DEFAULT_LOCK_WATCH_MS = 3_000;

/** Largest segment, in bytes; half of what a reader takes. */
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;

/** Most masks. */
const MAX_MASKS = 1_000;

/** Longest timer that the runtime keeps, in milliseconds; a longer one fires at once. */
const MAX_TIMER_MS = 2_147_483_647;

const logName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be 1 to 64 of a-z, 0-9 and -, not starting with -');

const maskPointer = z.string().check((check) => {
  const problem = findMaskProblem(check.value);
  if (problem !== null) check.issues.push({ code: 'custom', message: problem, input: check.value });
});

const ORIGIN_PROBLEM = 'must be a key name: not empty, without white space and +';

const evidenceOptions = z.strictObject({
  dir: z
    .string()
    .min(1)
    .refine((dir) => !dir.includes('\0'), 'holds a NUL byte'),
  name: logName.default(DEFAULT_LOG_NAME),
  nameOnConflict: z.enum(['fail', 'next']).default('fail'),
  originPrefix: z
    .string()
    .max(255)
    .refine(isKeyName, ORIGIN_PROBLEM)
    .default(DEFAULT_ORIGIN_PREFIX),
  key: z.custom<SigningKey>(isSigningKey, 'must be a SigningKey').optional(),
  keyFile: z.string().min(1).optional(),
  createKey: z.boolean().default(true),
  signAttempts: z.int().min(1).max(100).default(DEFAULT_SIGN_ATTEMPTS),
  maxQueueRecords: z.int().min(1).default(DEFAULT_MAX_QUEUE_RECORDS),
  maxQueueBytes: z.int().min(1).default(DEFAULT_MAX_QUEUE_BYTES),
  whenFull: z.enum(['deny', 'gap']).default('deny'),
  groupRecords: z.int().min(1).default(DEFAULT_GROUP_RECORDS),
  groupBytes: z.int().min(1).default(DEFAULT_GROUP_BYTES),
  groupIdleMs: z.int().min(0).max(MAX_TIMER_MS).default(DEFAULT_GROUP_IDLE_MS),
  groupMaxAgeMs: z.int().min(0).max(MAX_TIMER_MS).default(DEFAULT_GROUP_MAX_AGE_MS),
  checkpointIntervalMs: z.int().min(0).max(MAX_TIMER_MS).default(DEFAULT_CHECKPOINT_INTERVAL_MS),
  segmentBytes: z
    .int()
    .min(MIN_SEGMENT_BYTES)
    .max(MAX_SEGMENT_BYTES)
    .default(DEFAULT_SEGMENT_BYTES),
  mask: z.array(maskPointer).max(MAX_MASKS).default([]),
  lockWatchMs: z.int().min(1).max(MAX_TIMER_MS).default(DEFAULT_LOCK_WATCH_MS),
  clock: z.custom<Clock>(isObject, 'must be a Clock').default(systemClock),
  logger: z.custom<Logger>(isObject, 'must be a Logger').default(silentLogger),
  files: z.custom<LogFiles>(isObject, 'must be LogFiles').default(nodeLogFiles),
});

/** Options of {@link createEvidenceWriter}. */
export interface EvidenceWriterOptions {
  /** Folder that holds the logs, each in a folder of its own, their public keys and locks. */
  readonly dir: string;
  /** Name of the log. @defaultValue {@link DEFAULT_LOG_NAME} */
  readonly name?: string;
  /**
   * What to do when another process holds the log: `fail`, or take the first free one of `<name>-2` to
   * `<name>-64`. @defaultValue `fail`
   */
  readonly nameOnConflict?: 'fail' | 'next';
  /** @defaultValue {@link DEFAULT_ORIGIN_PREFIX} */
  readonly originPrefix?: string;
  /** A key that is not in a file: from the environment, or in a key management service. */
  readonly key?: SigningKey;
  /** Ed25519 private key, PKCS#8 PEM, mode 0600. @defaultValue `<dir>/signing-key.pem` */
  readonly keyFile?: string;
  /** Whether to make the key when there is none. @defaultValue true */
  readonly createKey?: boolean;
  /** How often the key is asked for a signature before the writer ends. @defaultValue {@link DEFAULT_SIGN_ATTEMPTS} */
  readonly signAttempts?: number;
  /** @defaultValue {@link DEFAULT_MAX_QUEUE_RECORDS} */
  readonly maxQueueRecords?: number;
  /** @defaultValue {@link DEFAULT_MAX_QUEUE_BYTES} */
  readonly maxQueueBytes?: number;
  /**
   * What happens to calls when a record could not be taken: `deny` them, or let them pass and leave a
   * signed `gap` record. @defaultValue `deny`
   */
  readonly whenFull?: 'deny' | 'gap';
  /** @defaultValue {@link DEFAULT_GROUP_RECORDS} */
  readonly groupRecords?: number;
  /** @defaultValue {@link DEFAULT_GROUP_BYTES} */
  readonly groupBytes?: number;
  /** @defaultValue {@link DEFAULT_GROUP_IDLE_MS} */
  readonly groupIdleMs?: number;
  /** @defaultValue {@link DEFAULT_GROUP_MAX_AGE_MS} */
  readonly groupMaxAgeMs?: number;
  /** @defaultValue {@link DEFAULT_CHECKPOINT_INTERVAL_MS} */
  readonly checkpointIntervalMs?: number;
  /** @defaultValue {@link DEFAULT_SEGMENT_BYTES} */
  readonly segmentBytes?: number;
  /** @defaultValue {@link DEFAULT_LOCK_WATCH_MS} */
  readonly lockWatchMs?: number;
  /**
   * JSON Pointers (RFC 6901) to values that are replaced by `[masked]` before anything is hashed or
   * written: below `/action/properties`, `/subject/properties`, `/resource/properties`, `/context` and
   * `/event`; a token `*` stands for every member. @defaultValue none
   */
  readonly mask?: readonly string[];
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** The file operations; replaced by fault tests. @defaultValue {@link nodeLogFiles} */
  readonly files?: LogFiles;
}

export type CheckedEvidenceOptions = z.output<typeof evidenceOptions>;

/** @throws {GovernanceError} OPTIONS_INVALID */
export function parseEvidenceOptions(options: EvidenceWriterOptions): CheckedEvidenceOptions {
  return parseOptions(evidenceOptions, options, 'createEvidenceWriter(options)');
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
