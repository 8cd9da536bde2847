import { DURABILITIES } from '@cortex-governance/core';
import {
  findMaskProblem,
  isKeyName,
  isWithoutCredentials,
  isWitnessKey,
} from '@cortex-governance/evidence-writer';
import { z } from 'zod';
import { coldConfig, EVIDENCE_TIER_DEFAULTS, warmConfig } from './evidence-tier-config.ts';

/** The defaults of `evidence`. Units are in the names. */
export const EVIDENCE_DEFAULTS = Object.freeze({
  evidenceDir: '../artifacts/governance/evidence',
  runtimeDir: '../artifacts/governance/runtime',
  evidenceKeyFile: 'keys/evidence.pem',
  /** First part of a log's origin. Logs that one witness or auditor knows must differ in it, or in their names. */
  evidenceOriginPrefix: 'cortex-governance.local',
  /** Longest time from a record to the signed checkpoint that covers it. */
  evidenceCheckpointMs: 1_000,
  evidenceMaxQueuedRecords: 65_536,
  evidenceMaxQueuedBytes: 67_108_864,
  /** Records that are worth a write and a sync of their own. */
  evidenceGroupRecords: 100,
  /** Longest wait of a record for its group. */
  evidenceGroupMaxAgeMs: 5_000,
  /** Longest wait while nothing is added; counts where it is the shorter. */
  evidenceGroupIdleMs: 10_000,
  /** How often a new checkpoint is shown to the witnesses: every minute. */
  evidenceWitnessIntervalMs: 60_000,
  /** How often what is past its retention is looked for: every hour. */
  evidenceRetentionCheckMs: 3_600_000,
  ...EVIDENCE_TIER_DEFAULTS,
});

const D = EVIDENCE_DEFAULTS;

const maskPointer = z.string().check((check) => {
  const problem = findMaskProblem(check.value);
  if (problem !== null) check.issues.push({ code: 'custom', message: problem, input: check.value });
});

const timerMs = z.int().min(1).max(2_147_483_647);

const retention = z
  .strictObject({
    days: z.int().min(1).max(36_500).describe('Decisions older than this lose their content.'),
    checkMs: timerMs.default(D.evidenceRetentionCheckMs).describe('How often it is looked for.'),
  })
  .optional()
  .describe(
    'Erase old decisions of the log that this process writes; hashes and proofs stay. Absent: nothing is erased.',
  );

const witnesses = z
  .strictObject({
    of: z
      .array(
        z.strictObject({
          url: z
            .url({ protocol: /^https?$/ })
            .refine(isWithoutCredentials, 'must hold no user or password')
            .describe('Its submission prefix.'),
          key: z
            .string()
            .refine(isWitnessKey, 'not the vkey line of a witness')
            .describe('Its public key, a `vkey` line.'),
        }),
      )
      .min(1)
      .max(16)
      .describe('Who cosigns the checkpoints (C2SP tlog-witness).'),
    quorum: z.int().min(1).max(16).optional().describe('How many must; absent: all.'),
    intervalMs: timerMs
      .default(D.evidenceWitnessIntervalMs)
      .describe('How often a new checkpoint is shown to them.'),
  })
  .refine(({ of, quorum = 1 }) => quorum <= of.length, {
    path: ['quorum'],
    message: 'more than there are witnesses',
  })
  .optional()
  .describe('Witnesses make a log that was cut back or forked known. Absent: none.');

const group = z
  .strictObject({
    records: z.int().min(1).max(1_000_000).default(D.evidenceGroupRecords).describe('So many.'),
    maxAgeMs: timerMs.default(D.evidenceGroupMaxAgeMs).describe('The oldest waits so long.'),
    idleMs: timerMs.default(D.evidenceGroupIdleMs).describe('Nothing was added for so long.'),
  })
  .prefault({})
  .describe('When waiting records are written and synced; whoever asks for a level does not wait.');

/** `evidence` of `governance.yaml`. */
export const evidenceConfig = z
  .strictObject({
    mode: z
      .enum(['strict', 'standard'])
      .default('strict')
      .describe('strict: no evidence, no start. standard: start without, loudly.'),
    dir: z.string().min(1).default(D.evidenceDir).describe('Folder of the evidence logs.'),
    runtimeDir: z.string().min(1).default(D.runtimeDir).describe('Folder of `boot.json`.'),
    keyFile: z
      .string()
      .min(1)
      .default(D.evidenceKeyFile)
      .describe('Ed25519 signing key, PKCS#8 PEM, mode 0600.'),
    keyEnv: z
      .string()
      .min(1)
      .optional()
      .describe('Environment variable with the signing key, PEM or its base64, instead of a file.'),
    whenFull: z
      .enum(['deny', 'gap'])
      .default('deny')
      .describe('A full queue or failed writer: deny, or go on and record a signed gap.'),
    durability: z
      .enum(DURABILITIES)
      .default('os')
      .describe('How safe a record is before `evaluate` answers.'),
    checkpointMs: timerMs
      .default(D.evidenceCheckpointMs)
      .describe('Longest time to a signed checkpoint.'),
    maxQueuedRecords: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(D.evidenceMaxQueuedRecords)
      .describe('Queue bound.'),
    maxQueuedBytes: z
      .int()
      .min(65_536)
      .max(8_589_934_592)
      .default(D.evidenceMaxQueuedBytes)
      .describe('Queue bound, estimated bytes.'),
    group,
    originPrefix: z
      .string()
      .max(255)
      .refine(isKeyName, 'must be a key name: not empty, without white space and +')
      .default(D.evidenceOriginPrefix)
      .describe(
        "First part of the logs' names, as witnesses and checkpoints know them: one of your own per host.",
      ),
    mask: z
      .array(maskPointer)
      .max(1_000)
      .default([])
      .describe('JSON Pointers such as /action/properties/password: masked before any hashing.'),
    retention,
    witnesses,
    warm: warmConfig,
    cold: coldConfig,
  })
  .prefault({})
  .describe('The evidence log.');
