import { resolve } from 'node:path';
import { canonicalJson, GovernanceError, parseOptions } from '@cortex-governance/core';
import { z } from 'zod';
import { CompactRange } from '../compact-range.ts';
import { corruptEvidence } from '../corrupt-evidence.ts';
import { isSigningKey, type SigningKey } from '../keys/signing-key.ts';
import { leafHash } from '../merkle-hash.ts';
import { keysOfLog } from '../proof/log-keys.ts';
import { type LogProver, openLogProver } from '../proof/log-prover.ts';
import { readSignedEntries, type SignedEntry } from '../proof/signed-entries.ts';
import { readEvidence } from '../read-evidence.ts';
import { parseRecord } from '../record-parser.ts';
import { keyIdOf, type VerifierKey } from '../verifier-key.ts';
import { signEnvelope } from './dsse.ts';
import {
  type ExportSelection,
  exportId,
  exportSelection,
  isSelected,
  selectionNeedles,
} from './export-selection.ts';
import {
  EXPORT_PAYLOAD_TYPE,
  type ExportHead,
  formatExportedRecord,
  formatStatement,
} from './export-statement.ts';

/** Most records of an export unless told otherwise: about 20 MB. */
const DEFAULT_MAX_RECORDS = 10_000;

/** Most records that an export may be told to hold: all of it is in memory when it is signed. */
const MAX_EXPORT_RECORDS = 100_000;

/** Longest payload, in UTF-16 code units (128 Mi): what a verifier must hold in memory. */
const MAX_PAYLOAD_LENGTH = 128 * 1024 * 1024;

/** Options of {@link exportEvidence}. */
export interface ExportEvidenceOptions {
  readonly selection: ExportSelection;
  /** A key of the log. */
  readonly key: SigningKey;
  /** Public keys of the log as C2SP `vkey` lines. @defaultValue the file beside the log */
  readonly publicKeys?: readonly string[];
  /** More than so many are refused. @defaultValue 10,000 */
  readonly maxRecords?: number;
}

/** Records of one log that anyone can check offline. */
export interface EvidenceExport {
  /** `evid:<scope>:<root of the exported records>` */
  readonly id: string;
  readonly origin: string;
  /** Records in the export. */
  readonly records: number;
  /** Records under the checkpoint that all proofs lead to. */
  readonly size: number;
  /** Of those, how many have no body any more, so that nobody can say whether they belong here. */
  readonly erased: number;
  /** Records that belong here, and that no checkpoint covered yet: they are left out. */
  readonly unsigned: number;
  /** The export: a DSSE envelope, JSON. */
  readonly envelope: string;
}

const exportOptions = z.strictObject({
  selection: exportSelection,
  key: z.custom<SigningKey>(isSigningKey, 'must be a SigningKey'),
  publicKeys: z.array(z.string()).min(1).optional(),
  maxRecords: z.int().min(1).max(MAX_EXPORT_RECORDS).default(DEFAULT_MAX_RECORDS),
});

const WHERE = 'exportEvidence(dir, options)';

/**
 * The selected records of one log with a proof for each, in one signed file; null when there is none.
 * Reads the log once, bundle by bundle; works while it is written.
 * @param dir the log's folder, such as `<dir>/default`.
 * @throws {GovernanceError} OPTIONS_INVALID, also for more records than `maxRecords`;
 * EVIDENCE_KEY_INVALID, also for a `key` that is not of this log; EVIDENCE_CORRUPT for what cannot be
 * read, or does not lead to the signed root.
 */
export async function exportEvidence(
  dir: string,
  options: ExportEvidenceOptions,
): Promise<EvidenceExport | null> {
  const checked = parseOptions(exportOptions, options, WHERE);
  const { selection, key, publicKeys, maxRecords } = checked;
  const folder = resolve(dir);
  const prover = await openLogProver(folder, publicKeys === undefined ? {} : { publicKeys });
  const keys = await keysOfLog(folder, publicKeys);
  const found = new Gathering(folder, prover, maxRecords);
  const needles = selectionNeedles(selection);
  for await (const entry of readSignedEntries(folder, 0, prover.checkpoint.size)) {
    if (entry.bytes.length === 0) found.erased += 1;
    else if (needles.every((needle) => entry.bytes.includes(needle))) {
      await found.takeIfSelected(entry, selection);
    }
  }
  if (found.records.length === 0) return null;
  const head = found.head(selection);
  const payload = Buffer.from(formatStatement(head, found.records));
  return {
    id: head.id,
    origin: head.origin,
    records: found.records.length,
    size: prover.checkpoint.size,
    erased: found.erased,
    unsigned: await countUnsigned(folder, prover.checkpoint.size, selection),
    envelope: await signAs(head.origin, payload, key, keys),
  };
}

/** The records found so far, as the statement will hold them. */
class Gathering {
  readonly records: string[] = [];
  erased = 0;
  readonly #folder: string;
  readonly #prover: LogProver;
  readonly #maxRecords: number;
  readonly #tree = new CompactRange();
  #length = 0;

  constructor(folder: string, prover: LogProver, maxRecords: number) {
    this.#folder = folder;
    this.#prover = prover;
    this.#maxRecords = maxRecords;
  }

  async takeIfSelected({ index, bytes }: SignedEntry, selection: ExportSelection): Promise<void> {
    const { record, problem } = parseRecord(bytes, index);
    if (record === null) throw corruptEvidence(this.#folder, `record ${index}`, problem);
    if (!isSelected(record, selection)) return;
    const leaf = leafHash(bytes);
    if (Buffer.compare(leaf, await this.#prover.leafHash(index)) !== 0) {
      throw corruptEvidence(
        this.#folder,
        `record ${index}`,
        'is not the one under the signed root',
      );
    }
    // Who checks the export has the value alone, and makes the bytes from it.
    if (canonicalJson(record) !== bytes.toString()) {
      throw corruptEvidence(this.#folder, `record ${index}`, 'is not canonical JSON');
    }
    const proof = await this.#prover.inclusionProof(index);
    this.#add(formatExportedRecord(index, proof, bytes), leaf);
  }

  head(selection: ExportSelection): ExportHead {
    const root = this.#tree.root();
    return {
      id: exportId(selection, root),
      root: Buffer.from(root).toString('hex'),
      origin: this.#prover.checkpoint.origin,
      checkpoint: this.#prover.note,
      selection,
      erased: this.erased,
    };
  }

  #add(text: string, leaf: Uint8Array): void {
    this.#length += text.length;
    if (this.records.length === this.#maxRecords) {
      throw tooMany(
        `more than ${this.#maxRecords} records match: narrow the selection or raise it`,
      );
    }
    if (this.#length > MAX_PAYLOAD_LENGTH) {
      throw tooMany(
        `the records come to more than ${MAX_PAYLOAD_LENGTH} bytes: narrow the selection`,
      );
    }
    this.records.push(text);
    this.#tree.append(leaf);
  }
}

async function countUnsigned(
  folder: string,
  size: number,
  selection: ExportSelection,
): Promise<number> {
  let count = 0;
  for await (const record of readEvidence(folder, { from: size })) {
    if (isSelected(record, selection)) count += 1;
  }
  return count;
}

/** Signs as a log, and lets no signature out that the log's keys do not verify. */
async function signAs(
  origin: string,
  payload: Buffer,
  key: SigningKey,
  known: readonly VerifierKey[],
): Promise<string> {
  const sign = async (message: Uint8Array): Promise<Uint8Array> => {
    const signature = await key.sign(message);
    if (known.some(({ name, verify }) => name === origin && verify(message, signature))) {
      return signature;
    }
    const details = { file: 'the signing key', problem: `is no key of ${origin}` };
    throw new GovernanceError('EVIDENCE_KEY_INVALID', details);
  };
  const keyId = `${origin}+${keyIdOf(origin, key.publicKey)}`;
  return signEnvelope(EXPORT_PAYLOAD_TYPE, payload, { keyId, sign });
}

function tooMany(problem: string): GovernanceError {
  return new GovernanceError('OPTIONS_INVALID', { where: `${WHERE}.maxRecords`, problem });
}
