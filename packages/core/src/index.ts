// The complete public surface of @cortex-governance/core: named exports only; adding a line here is adding API.

export {
  type Attributes,
  copyAttributes,
  findAttributeProblem,
  isPlainObject,
  MAX_ATTRIBUTE_DEPTH,
  MAX_ATTRIBUTE_NAME_LENGTH,
  MAX_ATTRIBUTE_STRING_LENGTH,
  MAX_ATTRIBUTE_VALUES,
} from './attributes.ts';
export { canonicalJson, MAX_CANONICAL_DEPTH } from './canonical-json.ts';
export { type Clock, systemClock } from './clock.ts';
export { type DecisionCount, DecisionCounters } from './decision-counters.ts';
export { DecisionEngine } from './decision-engine.ts';
export type { Action, DecisionRequest, Resource, Subject } from './decision-request.ts';
export { canonicalDigest, sha256Hex } from './digest.ts';
export { replaceFileDurably } from './durable-file.ts';
export { EFFECTS, type Effect } from './effect.ts';
export type { EngineParts } from './engine-parts.ts';
export { findForeignOwner, findUnsafeMode } from './file-safety.ts';
export {
  type ErrorDetails,
  errorMessage,
  GovernanceError,
  type GovernanceErrorOptions,
} from './governance-error.ts';
export { findUnsupportedObligation, type Obligation } from './obligation.ts';
export { parseOptions } from './options.ts';
export {
  DURABILITIES,
  type Durability,
  EVIDENCE_DROPPED,
  type EvidenceDropReason,
  type EvidenceEvent,
  type EvidenceGroup,
  type EvidenceSink,
  type EvidenceStatus,
  type EvidenceWriter,
} from './ports/evidence-sink.ts';
export type {
  ArgumentProblem,
  CompiledGrant,
  GrantedAction,
  GrantIndex,
  GrantIndexStatus,
  GrantReload,
  GrantSnapshot,
  GrantSource,
  ResolvedArguments,
} from './ports/grant-source.ts';
export {
  KILL_BITS,
  KILL_SCOPES,
  type KillOrder,
  type KillScope,
  type KillSwitch,
  type KillSwitchChange,
  type KillSwitchEntry,
  type KillSwitchReader,
  type KillSwitchStatus,
  type KillTarget,
} from './ports/kill-switch.ts';
export {
  BUDGET_UNITS,
  type BudgetLimit,
  type BudgetUnit,
  type ConcurrencyLimit,
  type GcraLimit,
  LIMIT_DIMENSIONS,
  type Limit,
  type LimitDimension,
  type LimitRule,
  type LimitRuleMemo,
  type WindowLimit,
} from './ports/limit-rule.ts';
export { type LogFields, type Logger, silentLogger } from './ports/logger.ts';
export type {
  Histogram,
  MetricDefinition,
  MetricSample,
  MetricsExposition,
  MetricsRegistry,
} from './ports/metrics-registry.ts';
export type { PolicyAnswer, PolicyBackend } from './ports/policy-backend.ts';
export {
  LIMITER_FULL,
  LIMITER_UNAVAILABLE,
  type LimitState,
  type LimitUsage,
  type RateLimiter,
} from './ports/rate-limiter.ts';
export type { TenantRegistry } from './ports/tenant-registry.ts';
export {
  type DenialCode,
  isReasonCode,
  REASON_CODES,
  type ReasonCode,
  type ReasonCodeDefinition,
  type VerdictCode,
} from './reason-code.ts';
export { copyRequest, findRequestProblem, MAX_IDENTIFIER_LENGTH } from './request-check.ts';
export { STAGES, type Stage } from './stage.ts';
export { JsonProblem, MAX_JSON_DEPTH, parseStrictJson } from './strict-json.ts';
export { type ToolCall, toolCall } from './tool-call.ts';
export { createVerdict, NO_OBLIGATIONS, type Verdict } from './verdict.ts';
export { VerdictIdSource, verdictTime } from './verdict-id.ts';
