/*
 * The complete public surface of @cortex-governance/testkit: named exports only; adding a line here is adding API.
 */

export {
  describeEvidenceWriter,
  type EvidenceWriterFixture,
  type EvidenceWriterSetup,
} from './evidence-writer-conformance.ts';
export { type ExposedFamily, type ExposedSample, parseExposition } from './exposition.ts';
export { FaultProxy, type Toxic } from './fault-proxy.ts';
export { describeGrantIndex, type GrantIndexFixture } from './grant-index-conformance.ts';
export type { KillSwitchFixture } from './kill-switch-cases.ts';
export { describeKillSwitch } from './kill-switch-conformance.ts';
export { describeLogger, type LoggerFixture } from './logger-conformance.ts';
export { describeMetricsRegistry } from './metrics-registry-conformance.ts';
export { type PostgresServer, postgresOrSkip, startPostgres } from './postgres-server.ts';
export { describeRateLimiter } from './rate-limiter-conformance.ts';
export type { RateLimiterTraits } from './rate-limiter-fixture.ts';
export { type LoggedEvent, RecordingLogger } from './recording-logger.ts';
export { type RedisCluster, startRedisCluster } from './redis-cluster.ts';
export { RedisReplyError, redisCommand } from './redis-command.ts';
export {
  freePort,
  hasRedis,
  type RedisServer,
  type RedisServerOptions,
  redisOrSkip,
  startRedis,
} from './redis-server.ts';
export { type S3Server, s3OrSkip, startS3 } from './s3-server.ts';
export {
  GIT_MAP_GRANT,
  type GrantFile,
  TempWorkspace,
  type TempWorkspaceFiles,
} from './temp-workspace.ts';
export {
  describeTenantRegistry,
  type TenantRegistryFixture,
} from './tenant-registry-conformance.ts';
export { startWitness, type TestWitness, type WitnessedHead } from './witness.ts';
