import { canonicalJson, isPlainObject } from '@cortex-governance/core';
import { z } from 'zod';
import { corruptEvidence } from '../corrupt-evidence.ts';
import { type ExportSelection, exportSelection } from './export-selection.ts';

/** Type of the payload in the envelope. */
export const EXPORT_PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** Type of the statement in the payload (in-toto attestation framework, v1). */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

/** Type of what the statement says; `docs/reference/evidence-exports.md` describes it. */
export const EXPORT_PREDICATE_TYPE =
  'https://github.com/cortex-governance/cortex-governance/evidence-export/v1';

/** Name of the subject's digest: the SHA-256 root of an RFC 6962 tree. */
const ROOT_DIGEST = 'rfc6962_sha256';

/** Most hashes of an inclusion proof. */
const MAX_PROOF_HASHES = 63;

/** One exported record. */
export interface ExportedRecord {
  /** Index in the log. */
  readonly index: number;
  /** Inclusion proof to the checkpoint, base64. */
  readonly proof: readonly string[];
  /** The record as a JSON value; its canonical form is what was logged. */
  readonly record: Readonly<Record<string, unknown>>;
}

/** What an export says, apart from its records. */
export interface ExportHead {
  readonly id: string;
  /** Root of the exported records' own tree, hex. */
  readonly root: string;
  readonly origin: string;
  /** The signed checkpoint that all proofs lead to. */
  readonly checkpoint: string;
  readonly selection: ExportSelection;
  /** Records under the checkpoint whose bodies were erased: nobody can say whether they belong here. */
  readonly erased: number;
}

const statement = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  predicateType: z.literal(EXPORT_PREDICATE_TYPE),
  subject: z.tuple([
    z.strictObject({
      name: z.string(),
      digest: z.strictObject({ [ROOT_DIGEST]: z.string().regex(/^[0-9a-f]{64}$/) }),
    }),
  ]),
  predicate: z.strictObject({
    checkpoint: z.string(),
    erased: z.int().min(0),
    origin: z.string(),
    records: z.array(
      z.strictObject({
        index: z.int().min(0),
        proof: z.array(z.string()).max(MAX_PROOF_HASHES),
        record: z.custom<Readonly<Record<string, unknown>>>(isPlainObject, 'not an object'),
      }),
    ),
    selection: exportSelection,
  }),
});

/**
 * One record as it stands in a statement, in canonical JSON.
 * @param record the logged bytes: canonical JSON already.
 */
export function formatExportedRecord(
  index: number,
  proof: readonly Uint8Array[],
  record: Uint8Array,
): string {
  const hashes = proof.map((hash) => `"${Buffer.from(hash).toString('base64')}"`);
  return `{"index":${index},"proof":[${hashes.join(',')}],"record":${Buffer.from(record).toString()}}`;
}

/**
 * The statement in canonical JSON. It is put together from texts that are canonical, so that records
 * stand in it byte for byte, however deep they are.
 */
export function formatStatement(head: ExportHead, records: readonly string[]): string {
  const predicate = [
    `"checkpoint":${canonicalJson(head.checkpoint)}`,
    `"erased":${head.erased}`,
    `"origin":${canonicalJson(head.origin)}`,
    `"records":[${records.join(',')}]`,
    `"selection":${canonicalJson(head.selection)}`,
  ];
  const subject = canonicalJson([{ name: head.id, digest: { [ROOT_DIGEST]: head.root } }]);
  const members = [
    `"_type":"${STATEMENT_TYPE}"`,
    `"predicate":{${predicate.join(',')}}`,
    `"predicateType":"${EXPORT_PREDICATE_TYPE}"`,
    `"subject":${subject}`,
  ];
  return `{${members.join(',')}}`;
}

/**
 * The statement in a payload. Checks form alone.
 * @param file names the export in errors.
 * @throws {GovernanceError} EVIDENCE_CORRUPT
 */
export function parseStatement(
  payload: Uint8Array,
  file: string,
): { readonly head: ExportHead; readonly records: readonly ExportedRecord[] } {
  const result = statement.safeParse(parseJson(payload, file));
  if (!result.success) {
    const issue = result.error.issues[0];
    throw corruptEvidence(file, issue?.path.join('.') || 'payload', issue?.message ?? 'malformed');
  }
  const { subject, predicate } = result.data;
  const [{ name, digest }] = subject;
  const { records, ...rest } = predicate;
  return { head: { id: name, root: digest[ROOT_DIGEST], ...rest }, records };
}

function parseJson(payload: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    throw corruptEvidence(file, 'payload', 'not JSON');
  }
}
