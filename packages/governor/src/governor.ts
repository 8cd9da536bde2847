import type {
  Attributes,
  DecisionCounters,
  DecisionRequest,
  DenialCode,
  Durability,
  EvidenceWriter,
  GrantIndex,
  KillSwitch,
  LimitState,
  LimitUsage,
  Logger,
  MetricsRegistry,
  Stage,
  Verdict,
} from '@cortex-governance/core';
import type { TenantGuard } from '@cortex-governance/tenant-guard';
import type { GovernanceConfig } from './governance-config.ts';
import type { GovernorPaths } from './governor-paths.ts';
import type { GovernorStatus } from './governor-status.ts';

/** How {@link Governor.evaluate} answers. */
export interface EvaluateOptions {
  /** How safe the record must be before the verdict is given; `evidence.durability` of the configuration when left out. */
  readonly durability?: Durability;
}

/** A verdict, and the arguments it was given on. */
export interface Authorization {
  readonly verdict: Verdict;
  /**
   * A deep copy of the call's arguments in which every path is the absolute real path that was
   * decided on. Run the call with these: the caller's own object can change after the decision.
   */
  readonly args: Attributes;
}

/** One governed workspace: everything that decides, stops and records. */
export interface Governor {
  /**
   * The verdict from local state alone: synchronous, no I/O. Paths are judged by their text; links on
   * disk are not followed. Never throws.
   */
  decide(request: DecisionRequest): Verdict;
  /**
   * As {@link decide}, and besides: takes in a kill switch that another process changed, follows links on
   * disk, answers when the record is as durable as asked, and asks the switch once more before it does. A record
   * that cannot become so turns an allow into EVIDENCE_UNAVAILABLE; with `evidence.whenFull: gap` only where the
   * caller asked for a level. Never rejects.
   */
  evaluate(request: DecisionRequest, options?: EvaluateOptions): Promise<Verdict>;
  /** As {@link evaluate}, with the arguments to run the call with. */
  authorize(request: DecisionRequest, options?: EvaluateOptions): Promise<Authorization>;
  /**
   * As {@link decide}, and throws at once on anything but an allow whose obligations are supported.
   * @throws {GovernanceError} with the verdict's code, and the verdict.
   */
  enforce(request: DecisionRequest): Verdict;
  /**
   * A denial that an enforcer adds to an allow it cannot carry out, recorded and counted like any other.
   * Such as OBLIGATION_UNSUPPORTED at stage `policy`.
   */
  refuse(request: DecisionRequest, code: DenialCode, stage: Stage, detail?: string): Verdict;
  /**
   * Watches a call that is running: calls back at most once, with a recorded denial, when a stop that
   * covers it is in force. Returns the function that ends the watch; call it when the call has ended.
   */
  onStop(request: DecisionRequest, listener: (verdict: Verdict) => void): () => void;
  /**
   * Ends an allowed call: its place under `concurrency` limits is free, and its `tokens` and `cost` are
   * charged as used; a unit that is left out, as reserved. What was used is recorded. To be called once for
   * each allow of an action with such a limit; one that is never settled keeps its reservation, and its place
   * for `leaseSeconds`. False, and nothing done, when there is nothing (any more) to settle.
   */
  settle(verdict: Verdict | string, usage?: LimitUsage): boolean;
  /** Gives back everything that an allowed call took, because it never ran. As {@link settle}. */
  cancel(verdict: Verdict | string): boolean;
  /** The tenant whose call {@link settle} and {@link cancel} would end; undefined when there is none. */
  reservedBy(verdict: Verdict | string): string | undefined;
  /** Where every limit on such a request stands; takes nothing. Empty when nothing limits it. */
  limits(request: DecisionRequest): readonly LimitState[];
  readonly killSwitch: KillSwitch;
  readonly evidence: EvidenceWriter;
  readonly grants: GrantIndex;
  readonly tenants: TenantGuard;
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  readonly counters: DecisionCounters;
  readonly config: GovernanceConfig;
  /** Absolute paths in use. */
  readonly paths: GovernorPaths;
  status(): GovernorStatus;
  /** Ends everything: further decisions are GOVERNOR_CLOSED, evidence is flushed and checkpointed. */
  close(): Promise<void>;
}
