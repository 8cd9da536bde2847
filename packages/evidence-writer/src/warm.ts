/*
 * The complete public surface of @cortex-governance/evidence-writer/warm: named exports only; adding a line here is adding API.
 */

export type { RecordRange } from './erasure-announcement.ts';
export type { RecordFilter } from './record-filter.ts';
export { type FollowedLogs, followedLogs } from './tier/followed-logs.ts';
export { type LogState, readLogState } from './tier/log-state.ts';
export type { FollowedKeys } from './tier/signed-log.ts';
export type { TierFollower, TierStatus } from './tier/tier-follower.ts';
export type { TierTimers } from './tier/tier-timers.ts';
export {
  DEFAULT_RETAIN_DAYS,
  EvidenceIndex,
  type EvidenceIndexOptions,
  type IndexBatch,
  type IndexProgress,
  MAX_RETAIN_DAYS,
} from './warm/evidence-index.ts';
export {
  DEFAULT_PAGE_RECORDS,
  type EvidenceHit,
  type EvidencePage,
  type EvidencePosition,
  type EvidenceQuery,
  MAX_PAGE_RECORDS,
  newestFirst,
  positionOf,
} from './warm/evidence-query.ts';
export { createIndexFollower, type IndexFollowerOptions } from './warm/index-follower.ts';
export type { IndexedRecord } from './warm/index-row.ts';
export {
  createPgClient,
  DEFAULT_QUERY_TIMEOUT_MS,
  type PgClientOptions,
} from './warm/pg-client.ts';
export { createPgliteClient, type PgliteClientOptions } from './warm/pglite-client.ts';
export { scanEvidence } from './warm/scan-evidence.ts';
export type { SqlClient, SqlRow } from './warm/sql-client.ts';
