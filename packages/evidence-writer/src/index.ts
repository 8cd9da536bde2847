/*
 * The complete public surface of @cortex-governance/evidence-writer: named exports only; adding a line here is adding API.
 */

export { findMaskProblem, MASKED } from './attribute-mask.ts';
export {
  BOOT_EVIDENCE_VERSION,
  type BootEvidence,
  type BootEvidenceOptions,
  writeBootEvidence,
} from './boot-evidence.ts';
export { type Checkpoint, openCheckpoint, parseCheckpoint } from './checkpoint.ts';
export { CompactRange, type NodeListener } from './compact-range.ts';
export { MAX_RECORD_BYTES } from './entry-bundle.ts';
export type { Erasure, ErasureOrder, ErasureSelection } from './erase-records.ts';
export {
  DEFAULT_CHECKPOINT_INTERVAL_MS,
  DEFAULT_GROUP_BYTES,
  DEFAULT_GROUP_IDLE_MS,
  DEFAULT_GROUP_MAX_AGE_MS,
  DEFAULT_GROUP_RECORDS,
  DEFAULT_LOCK_WATCH_MS,
  DEFAULT_LOG_NAME,
  DEFAULT_MAX_QUEUE_BYTES,
  DEFAULT_MAX_QUEUE_RECORDS,
  DEFAULT_ORIGIN_PREFIX,
  DEFAULT_SEGMENT_BYTES,
  type EvidenceWriterOptions,
} from './evidence-options.ts';
export {
  type DecisionRecord,
  DIGEST_UNAVAILABLE,
  EVIDENCE_RECORD_FIELDS,
  EVIDENCE_RECORD_VERSION,
  type EventRecord,
  type EvidenceRecord,
  type EvidenceRecordKind,
  type EvidenceRecordVersion,
  type GapRecord,
} from './evidence-record.ts';
export type { EvidenceCounts, EvidenceFault, EvidenceReport } from './evidence-report.ts';
export { createEvidenceWriter, type EvidenceLog } from './evidence-writer.ts';
export {
  type DsseEnvelope,
  type EnvelopeSigner,
  openEnvelope,
  parseEnvelope,
  preAuthEncoding,
  signEnvelope,
} from './export/dsse.ts';
export {
  type EvidenceExport,
  type ExportEvidenceOptions,
  exportEvidence,
} from './export/export-evidence.ts';
export type { ExportSelection } from './export/export-selection.ts';
export { EXPORT_PAYLOAD_TYPE, EXPORT_PREDICATE_TYPE } from './export/export-statement.ts';
export { CLOUD_EVENT_TYPE_PREFIX, type CloudEvent, toCloudEvent } from './export/to-cloud-event.ts';
export { OCSF_VERSION, type OcsfEvent, toOcsf } from './export/to-ocsf.ts';
export {
  OTEL_SEMANTIC_CONVENTIONS_VERSION,
  type OtelAttributes,
  type OtelAttributeValue,
  toOtelAttributes,
} from './export/to-otel-attributes.ts';
export {
  type ExportReport,
  type VerifiedExport,
  verifyEvidenceExport,
} from './export/verify-export.ts';
export { environmentSigningKey } from './keys/environment-signing-key.ts';
export { fileSigningKey } from './keys/file-signing-key.ts';
export { type KeyRotation, type RotatedLog, rotateSigningKey } from './keys/rotate-signing-key.ts';
export { keyObjectSigningKey, type SigningKey } from './keys/signing-key.ts';
export { type AppendFile, type LogFiles, nodeLogFiles } from './log-files.ts';
export type { LogRecovery } from './log-recovery.ts';
export { EMPTY_ROOT, leafHash, nodeHash } from './merkle-hash.ts';
export { verifyConsistencyProof, verifyInclusionProof } from './merkle-proof.ts';
export { type LogProver, type LogProverOptions, openLogProver } from './proof/log-prover.ts';
export {
  type ProvedRecord,
  type ProveRecordOptions,
  proveRecord,
  type RecordChoice,
  type RecordProof,
} from './proof/prove-record.ts';
export {
  formatTlogProof,
  MAX_PROOF_BYTES,
  parseTlogProof,
  type TlogProof,
} from './proof/tlog-proof.ts';
export {
  type ProvedLeaf,
  type TlogProofReport,
  verifyTlogProof,
} from './proof/verify-tlog-proof.ts';
export { type ReadEvidenceOptions, readEvidence } from './read-evidence.ts';
export { matchesFilter, type RecordFilter } from './record-filter.ts';
export { type OpenedNote, openSignedNote } from './signed-note.ts';
export { isKeyName, type KeyType, parseVerifierKey, type VerifierKey } from './verifier-key.ts';
export { type VerifyEvidenceOptions, verifyEvidence } from './verify-evidence.ts';
export { type EvidenceTreeReport, verifyEvidenceTree } from './verify-evidence-tree.ts';
export { type Cosignature, readCosignatures } from './witness/cosignature.ts';
export type { WitnessAddress } from './witness/witness-client.ts';
export {
  createWitnessFollower,
  DEFAULT_WITNESS_INTERVAL_MS,
  DEFAULT_WITNESS_TIMEOUT_MS,
  isWithoutCredentials,
  isWitnessKey,
  type WitnessFollower,
  type WitnessFollowerOptions,
  type WitnessStatus,
} from './witness/witness-follower.ts';
