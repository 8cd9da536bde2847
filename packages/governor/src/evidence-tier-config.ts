import { z } from 'zod';

/** The defaults of `evidence.warm` and `evidence.cold`. Units are in the names. */
export const EVIDENCE_TIER_DEFAULTS = Object.freeze({
  /** Folder of the embedded database. */
  evidenceIndexDir: '../artifacts/governance/evidence-index',
  /** Days of records in the index. */
  evidenceRetainDays: 7,
});

const D = EVIDENCE_TIER_DEFAULTS;

/** Most days in the index; each is a table. */
const MAX_RETAIN_DAYS = 366;

const text = z.string().min(1);

export const warmConfig = z
  .strictObject({
    urlEnv: text.optional().describe('Environment variable with the URL of a PostgreSQL database.'),
    urlFile: text.optional().describe('File with that URL, mode 0600.'),
    dir: text
      .default(D.evidenceIndexDir)
      .describe('Folder of the embedded database (PGlite), when no URL is given.'),
    retainDays: z
      .int()
      .min(1)
      .max(MAX_RETAIN_DAYS)
      .default(D.evidenceRetainDays)
      .describe('Days of records that are kept, today among them.'),
  })
  .refine(({ urlEnv, urlFile }) => urlEnv === undefined || urlFile === undefined, {
    message: 'give urlEnv or urlFile, one of them',
  })
  .optional()
  .describe('The index that answers queries; off unless given.');

const s3 = z
  .strictObject({
    bucket: text.describe('Bucket; it must exist.'),
    prefix: z
      .string()
      .regex(/^([\w.-]+\/)*$/, 'must be empty, or end with /')
      .default('')
      .describe('Begins every key.'),
    region: text.optional().describe('Region; otherwise as the SDK finds it.'),
    endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('URL of a store other than AWS.'),
    forcePathStyle: z
      .boolean()
      .default(false)
      .describe('Put the bucket into the path, not the host name.'),
  })
  .optional()
  .describe("A bucket. Credentials come from the SDK's default chain.");

export const coldConfig = z
  .strictObject({
    dir: text.optional().describe('Folder of the archive.'),
    s3,
    class: z
      .enum(['operational', 'regulated'])
      .default('operational')
      .describe('How long records are kept: 90 days or 7 years.'),
  })
  .refine((cold) => (cold.dir === undefined) !== (cold.s3 === undefined), {
    message: 'give dir or s3, one of them',
  })
  .optional()
  .describe('The archive of sealed records and proofs; off unless given.');
