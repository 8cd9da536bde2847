import { canonicalJson, errorMessage, type GovernanceError } from '@cortex-governance/core';
import { type Checkpoint, openCheckpoint } from '../checkpoint.ts';
import { CompactRange } from '../compact-range.ts';
import { corruptEvidence } from '../corrupt-evidence.ts';
import type { EvidenceRecord } from '../evidence-record.ts';
import { leafHash } from '../merkle-hash.ts';
import { verifyInclusionProof } from '../merkle-proof.ts';
import { parseKeyLines } from '../proof/log-keys.ts';
import { parseRecord } from '../record-parser.ts';
import { decodeBase64 } from '../strict-base64.ts';
import type { VerifierKey } from '../verifier-key.ts';
import { openEnvelope } from './dsse.ts';
import { type ExportSelection, exportId, isSelected } from './export-selection.ts';
import {
  EXPORT_PAYLOAD_TYPE,
  type ExportedRecord,
  type ExportHead,
  parseStatement,
} from './export-statement.ts';

const EXPORT = 'the export';

/** What an export holds, once it is checked. */
export interface VerifiedExport {
  readonly id: string;
  /** The log that the records are from, whose key signed the export. */
  readonly origin: string;
  /** Records under the checkpoint, and its root in base64. */
  readonly size: number;
  readonly root: string;
  readonly selection: ExportSelection;
  readonly erased: number;
  /** In the order of the log. */
  readonly records: readonly EvidenceRecord[];
}

/** What {@link verifyEvidenceExport} found. */
export type ExportReport =
  | { readonly ok: true; readonly problem: null; readonly content: VerifiedExport }
  | { readonly ok: false; readonly problem: string; readonly content: null };

/**
 * Checks an export offline: the envelope's signature, the checkpoint's, that every record is in the log
 * where it says and belongs to the selection, and that the id is that of these records. It does not show
 * that no record was left out. Never throws for what the export holds.
 * @param envelope what {@link exportEvidence} gave.
 * @param publicKeys C2SP `vkey` lines that the verifier trusts; after a rotation, all of the log's.
 * @throws {GovernanceError} EVIDENCE_KEY_INVALID
 */
export function verifyEvidenceExport(
  envelope: string,
  publicKeys: readonly string[],
): ExportReport {
  const keys = parseKeyLines(publicKeys, 'the given public keys');
  try {
    return { ok: true, problem: null, content: check(envelope, keys) };
  } catch (error) {
    return { ok: false, problem: errorMessage(error), content: null };
  }
}

function check(envelope: string, keys: readonly VerifierKey[]): VerifiedExport {
  const { payload, signedBy } = openEnvelope(envelope, EXPORT_PAYLOAD_TYPE, keys, EXPORT);
  const { head, records: exported } = parseStatement(payload, EXPORT);
  const checkpoint = openCheckpoint(Buffer.from(head.checkpoint), keys, EXPORT);
  const { origin, size } = checkpoint;
  if (head.origin !== origin) throw refused('origin', `is not ${origin}, whose checkpoint it has`);
  if (!signedBy.includes(origin)) throw refused('signatures', `none by a key of ${origin}`);
  const records = checkRecords(exported, head, checkpoint);
  return {
    id: head.id,
    origin,
    size,
    root: Buffer.from(checkpoint.root).toString('base64'),
    selection: head.selection,
    erased: head.erased,
    records,
  };
}

function checkRecords(
  exported: readonly ExportedRecord[],
  head: ExportHead,
  checkpoint: Checkpoint,
): readonly EvidenceRecord[] {
  const tree = new CompactRange();
  const records: EvidenceRecord[] = [];
  let last = -1;
  for (const one of exported) {
    if (one.index <= last) throw refused(`record ${one.index}`, 'is not in the order of the log');
    last = one.index;
    const bytes = Buffer.from(canonicalJson(one.record));
    const leaf = leafHash(bytes);
    records.push(checkRecord(one, bytes, leaf, head.selection, checkpoint));
    tree.append(leaf);
  }
  const root = tree.root();
  if (Buffer.from(root).toString('hex') !== head.root) {
    throw refused('subject', 'the digest is not the root of these records');
  }
  if (exportId(head.selection, root) !== head.id) {
    throw refused('subject', 'the id is not that of these records');
  }
  return records;
}

function checkRecord(
  { index, proof }: ExportedRecord,
  bytes: Buffer,
  leaf: Uint8Array,
  selection: ExportSelection,
  { size, root }: Checkpoint,
): EvidenceRecord {
  const place = `record ${index}`;
  const hashes = proof.map((text) => {
    const hash = decodeBase64(text);
    if (hash === null) throw refused(place, 'its proof is not base64');
    return hash;
  });
  if (!verifyInclusionProof(index, size, leaf, hashes, root)) {
    throw refused(place, 'is not in the log under this checkpoint');
  }
  const { record, problem } = parseRecord(bytes, index);
  if (record === null) throw refused(place, problem);
  if (!isSelected(record, selection)) throw refused(place, 'does not belong to the selection');
  return record;
}

function refused(place: string, problem: string): GovernanceError {
  return corruptEvidence(EXPORT, place, problem);
}
