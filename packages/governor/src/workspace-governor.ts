import {
  type Attributes,
  copyRequest,
  type DecisionCounters,
  type DecisionEngine,
  type DecisionRequest,
  type DenialCode,
  type Durability,
  EVIDENCE_DROPPED,
  type EvidenceWriter,
  findRequestProblem,
  findUnsupportedObligation,
  GovernanceError,
  type GrantedAction,
  type GrantIndex,
  type KillSwitch,
  type LimitState,
  type LimitUsage,
  type Logger,
  type MetricsRegistry,
  type ResolvedArguments,
  type Stage,
  type Verdict,
} from '@cortex-governance/core';
import type { TenantGuard } from '@cortex-governance/tenant-guard';
import type { GovernanceConfig } from './governance-config.ts';
import type { Authorization, EvaluateOptions, Governor } from './governor.ts';
import type { GovernorPaths } from './governor-paths.ts';
import { describeStatus, type GovernorStatus } from './governor-status.ts';
import type { LimitDesk } from './limit-desk.ts';

/** The wired parts of a {@link WorkspaceGovernor}. */
export interface GovernorParts {
  readonly engine: DecisionEngine;
  readonly limits: LimitDesk;
  readonly killSwitch: KillSwitch;
  readonly evidence: EvidenceWriter;
  readonly grants: GrantIndex;
  readonly tenants: TenantGuard;
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  readonly config: GovernanceConfig;
  readonly paths: GovernorPaths;
  readonly supportedObligations: ReadonlySet<string>;
  /** Ends what `createGovernor` started, in order. */
  readonly release: () => Promise<void>;
}

const NO_ARGUMENTS: Attributes = Object.freeze({});
const NO_USAGE: LimitUsage = Object.freeze({});

/** How often paths are resolved again because the policy changed meanwhile. */
const MAX_RESOLUTIONS = 5;

/** What is decided on when the policy never stood still. */
const UNSETTLED: ResolvedArguments = Object.freeze({
  args: null,
  problem: Object.freeze({ code: 'ENGINE_FAULT', argument: 'the policy keeps changing' }),
});

/** The {@link Governor} of one `.cortex` folder. */
export class WorkspaceGovernor implements Governor {
  readonly killSwitch: KillSwitch;
  readonly evidence: EvidenceWriter;
  readonly grants: GrantIndex;
  readonly tenants: TenantGuard;
  readonly metrics: MetricsRegistry;
  readonly logger: Logger;
  readonly counters: DecisionCounters;
  readonly config: GovernanceConfig;
  readonly paths: GovernorPaths;
  readonly #engine: DecisionEngine;
  readonly #limits: LimitDesk;
  readonly #supportedObligations: ReadonlySet<string>;
  readonly #release: () => Promise<void>;
  #closing: Promise<void> | null = null;

  constructor(parts: GovernorParts) {
    this.killSwitch = parts.killSwitch;
    this.evidence = parts.evidence;
    this.grants = parts.grants;
    this.tenants = parts.tenants;
    this.metrics = parts.metrics;
    this.logger = parts.logger;
    this.counters = parts.engine.counters;
    this.config = parts.config;
    this.paths = parts.paths;
    this.#engine = parts.engine;
    this.#limits = parts.limits;
    this.#supportedObligations = parts.supportedObligations;
    this.#release = parts.release;
  }

  decide(request: DecisionRequest): Verdict {
    return this.#engine.decide(request);
  }

  async evaluate(request: DecisionRequest, options: EvaluateOptions = {}): Promise<Verdict> {
    return (await this.authorize(request, options)).verdict;
  }

  async authorize(request: DecisionRequest, options: EvaluateOptions = {}): Promise<Authorization> {
    const asked = options?.durability;
    const own = ownCopy(request);
    if (own === null) {
      await this.killSwitch.refresh();
      return this.#conclude(request, this.#engine.decide(request), NO_ARGUMENTS, asked);
    }
    for (let attempt = 1; ; attempt += 1) {
      const action = this.#findAction(own);
      const resolved = await resolvePaths(action, own);
      await this.#limits.prepare(action, own);
      await this.killSwitch.refresh();
      // The policy may have changed meanwhile; paths resolved for one version must not pass another.
      const settled = this.#findAction(own) === action;
      if (!settled && attempt < MAX_RESOLUTIONS) continue;
      const args = resolved?.args ?? own.action.properties ?? NO_ARGUMENTS;
      const verdict = this.#engine.decide(own, settled ? resolved : UNSETTLED);
      return this.#conclude(own, verdict, args, asked);
    }
  }

  enforce(request: DecisionRequest): Verdict {
    const verdict = this.#engine.decide(request);
    if (verdict.effect !== 'allow') throw new GovernanceError(verdict.code, {}, { verdict });
    const unmet = findUnsupportedObligation(verdict.obligations, this.#supportedObligations);
    if (unmet === null) return verdict;
    this.cancel(verdict);
    const refusal = this.refuse(request, 'OBLIGATION_UNSUPPORTED', 'policy', unmet.type);
    throw new GovernanceError('OBLIGATION_UNSUPPORTED', {}, { verdict: refusal });
  }

  refuse(request: DecisionRequest, code: DenialCode, stage: Stage, detail = ''): Verdict {
    return this.#engine.refuse(request, code, stage, detail);
  }

  onStop(request: DecisionRequest, listener: (verdict: Verdict) => void): () => void {
    let ended = false;
    const check = (): void => {
      const code = ended ? null : this.#engine.findStop(request);
      if (code === null) return;
      ended = true;
      listener(this.refuse(request, code, stopStage(code), 'stopped while it ran'));
    };
    const unsubscribe = this.killSwitch.onChange(check);
    const end = (): void => {
      ended = true;
      unsubscribe();
    };
    try {
      // A stop that came between the decision and this call would otherwise go unseen.
      check();
    } catch (error) {
      end();
      throw error;
    }
    return end;
  }

  settle(verdict: Verdict | string, usage: LimitUsage = NO_USAGE): boolean {
    return this.#limits.settle(idOf(verdict), usage);
  }

  cancel(verdict: Verdict | string): boolean {
    return this.#limits.cancel(idOf(verdict));
  }

  reservedBy(verdict: Verdict | string): string | undefined {
    return this.#limits.reservedBy(idOf(verdict));
  }

  limits(request: DecisionRequest): readonly LimitState[] {
    return findRequestProblem(request) === null
      ? this.#limits.inspect(this.#findAction(request), request)
      : [];
  }

  status(): GovernorStatus {
    return describeStatus(this, this.#closing !== null);
  }

  close(): Promise<void> {
    this.#engine.close();
    this.#closing ??= this.#release();
    return this.#closing;
  }

  #findAction(request: DecisionRequest): GrantedAction | undefined {
    if (request.resource.type !== 'tool') return undefined;
    return this.grants.current().find(request.resource.id)?.action(request.action.name);
  }

  /**
   * Waits for the record of the decision just made; called in the same turn, so that the ticket is its own.
   * The switch is asked again after the wait: a stop that came meanwhile holds for what has not begun.
   */
  async #conclude(
    request: DecisionRequest,
    verdict: Verdict,
    args: Attributes,
    asked: Durability | undefined,
  ): Promise<Authorization> {
    const level = asked ?? this.config.evidence.durability;
    const recorded = await this.#isDurable(this.#engine.lastTicket, level);
    if (verdict.effect !== 'allow') return { verdict, args };
    const tolerated = asked === undefined && this.config.evidence.whenFull === 'gap';
    const stop = recorded || tolerated ? this.#engine.findStop(request) : null;
    if (stop === null && (recorded || tolerated)) return { verdict, args };
    this.cancel(verdict);
    const code = stop ?? 'EVIDENCE_UNAVAILABLE';
    return {
      verdict: this.refuse(request, code, stop === null ? 'evidence' : stopStage(stop)),
      args,
    };
  }

  async #isDurable(ticket: number, level: Durability): Promise<boolean> {
    if (ticket === EVIDENCE_DROPPED) return false;
    if (level === 'accepted') return true;
    try {
      await this.evidence.durable(ticket, level);
      return true;
    } catch {
      // The writer has logged and counted its failure; here only the posture matters.
      return false;
    }
  }
}

function idOf(verdict: Verdict | string): string {
  return typeof verdict === 'string' ? verdict : verdict.id;
}

function stopStage(code: DenialCode): Stage {
  return code === 'KILLED_GLOBAL' || code === 'KILL_SWITCH_UNREADABLE'
    ? 'kill_switch'
    : 'scoped_kill_switch';
}

/** Real paths for an action that accepts the arguments; null when there is nothing to follow. */
async function resolvePaths(
  action: GrantedAction | undefined,
  request: DecisionRequest,
): Promise<ResolvedArguments | null> {
  const args = request.action.properties;
  if (action === undefined || action.checkArguments(args) !== null) return null;
  return action.resolvePaths(args);
}

/** A copy of a well-formed request that the caller cannot change any more; null for any other value. */
function ownCopy(request: DecisionRequest): DecisionRequest | null {
  try {
    return findRequestProblem(request) === null ? copyRequest(request) : null;
  } catch {
    return null;
  }
}
