/*
 * The complete public surface of @cortex-governance/evidence-writer/cold: named exports only; adding a line here is adding API.
 */

export { COMPRESS_ABOVE_BYTES } from './cold/archive-codec.ts';
export {
  type ArchiveFollowerOptions,
  createArchiveFollower,
  DEFAULT_EDGE_INTERVAL_MS,
} from './cold/archive-follower.ts';
export type { ArchivedObject, ArchiveStore } from './cold/archive-store.ts';
export { type ArchivedLogName, listArchivedLogs } from './cold/archived-log-name.ts';
export { createFolderStore } from './cold/folder-store.ts';
export {
  type RestoredLog,
  type RestoreLogOptions,
  restoreLog,
} from './cold/restore-log.ts';
export {
  expireArchive,
  type LifecycleRule,
  lifecycleRules,
  RETENTION_DAYS,
  type RetentionClass,
} from './cold/retention.ts';
export { createS3Store, DEFAULT_REQUEST_TIMEOUT_MS, type S3StoreOptions } from './cold/s3-store.ts';
export type { RecordRange } from './erasure-announcement.ts';
export { type FollowedLogs, followedLogs } from './tier/followed-logs.ts';
export type { FollowedKeys } from './tier/signed-log.ts';
export type { TierFollower, TierStatus } from './tier/tier-follower.ts';
export type { TierTimers } from './tier/tier-timers.ts';
