import type { Clock } from './clock.ts';
import { DecisionCounters } from './decision-counters.ts';
import type { DecisionRequest } from './decision-request.ts';
import { EFFECTS } from './effect.ts';
import type { EngineParts } from './engine-parts.ts';
import type { Obligation } from './obligation.ts';
import type { EvidenceSink } from './ports/evidence-sink.ts';
import { EVIDENCE_DROPPED } from './ports/evidence-sink.ts';
import type {
  CompiledGrant,
  GrantedAction,
  GrantSource,
  ResolvedArguments,
} from './ports/grant-source.ts';
import { KILL_BITS, type KillScope, type KillSwitchReader } from './ports/kill-switch.ts';
import type { PolicyBackend } from './ports/policy-backend.ts';
import { LIMITER_FULL, type RateLimiter } from './ports/rate-limiter.ts';
import type { TenantRegistry } from './ports/tenant-registry.ts';
import type { DenialCode, VerdictCode } from './reason-code.ts';
import { findRequestProblem } from './request-check.ts';
import type { Stage } from './stage.ts';
import { createVerdict, NO_OBLIGATIONS, type Verdict } from './verdict.ts';
import { VerdictIdSource } from './verdict-id.ts';
import { WallTime } from './wall-time.ts';

const STOP_ALL = KILL_BITS.global | KILL_BITS.UNREADABLE;

const KILLED: Readonly<Record<KillScope, DenialCode>> = {
  global: 'KILLED_GLOBAL',
  tenant: 'KILLED_TENANT',
  agent: 'KILLED_AGENT',
  tool: 'KILLED_TOOL',
  action: 'KILLED_ACTION',
};

/** What evidence shows in place of a request that is not well formed. */
const MALFORMED_REQUEST: DecisionRequest = Object.freeze({
  tenant: '',
  subject: Object.freeze({ type: 'unknown', id: 'unknown' }),
  action: Object.freeze({ name: 'unknown' }),
  resource: Object.freeze({ type: 'unknown', id: 'unknown' }),
});

/**
 * Runs the stages in order and answers with the first denial, or with an allow.
 *
 * Nothing that a part does turns into an allow: unknown is denied with its code, and a part that
 * throws is denied with ENGINE_FAULT. Limits are charged last, and only for a call that every
 * other stage allows and that evidence can record.
 */
export class DecisionEngine {
  readonly counters = new DecisionCounters();
  readonly #killSwitch: KillSwitchReader;
  readonly #tenants: TenantRegistry;
  readonly #grants: GrantSource;
  readonly #limiter: RateLimiter;
  readonly #evidence: EvidenceSink;
  readonly #policy: PolicyBackend | null;
  readonly #clock: Clock;
  readonly #ids: VerdictIdSource;
  readonly #wall: WallTime;
  readonly #onFault: (stage: Stage, error: unknown) => void;
  #stage: Stage = 'kill_switch';
  #wellFormed = false;
  #policyHash = '';
  #ticket = EVIDENCE_DROPPED;
  #closed = false;

  constructor(parts: EngineParts) {
    this.#killSwitch = parts.killSwitch;
    this.#tenants = parts.tenants;
    this.#grants = parts.grants;
    this.#limiter = parts.limiter;
    this.#evidence = parts.evidence;
    this.#policy = parts.policy;
    this.#clock = parts.clock;
    this.#wall = new WallTime(parts.clock);
    this.#ids = parts.ids ?? new VerdictIdSource();
    this.#onFault = parts.onFault ?? (() => {});
  }

  /**
   * The verdict on one request. Synchronous, without I/O; never throws, whatever it is given.
   * @param resolved what `GrantedAction.resolvePaths` found for this request; null when links on
   * disk were not followed, and paths are then judged by their text.
   */
  decide(request: DecisionRequest, resolved: ResolvedArguments | null = null): Verdict {
    const nowMs = this.#clock.monotonicMs();
    this.#stage = 'kill_switch';
    this.#wellFormed = false;
    let verdict: Verdict;
    try {
      verdict = this.#judge(request, resolved, nowMs);
    } catch (error) {
      verdict = this.#fault(error, nowMs);
    }
    return this.#record(request, verdict, nowMs);
  }

  /** Evidence ticket of the latest decision, or EVIDENCE_DROPPED. Read it before anything else is decided. */
  get lastTicket(): number {
    return this.#ticket;
  }

  /**
   * A denial from outside the stages, recorded and counted: the enforcer cannot meet an obligation, or a
   * stop caught a call that was already running. The allow before it stays recorded and counted.
   */
  refuse(request: DecisionRequest, code: DenialCode, stage: Stage, detail = ''): Verdict {
    const nowMs = this.#clock.monotonicMs();
    this.#stage = stage;
    this.#wellFormed = false;
    try {
      this.#policyHash = this.#grants.current().policyHash;
    } catch (error) {
      this.#report(error);
    }
    return this.#record(request, this.#answer(code, nowMs, detail), nowMs);
  }

  /** The code of the stop that covers a well-formed request now, or null. Fails closed: a kill switch that throws stops. */
  findStop(request: DecisionRequest): DenialCode | null {
    try {
      const engaged = this.#killSwitch.engaged();
      if ((engaged & STOP_ALL) !== 0) return stopAllCode(engaged);
      return this.#findScopedStop(request, engaged);
    } catch (error) {
      this.#stage = 'kill_switch';
      this.#report(error);
      return 'KILL_SWITCH_UNREADABLE';
    }
  }

  /** From now on every decision is a denial with code GOVERNOR_CLOSED. */
  close(): void {
    this.#closed = true;
  }

  #judge(request: DecisionRequest, resolved: ResolvedArguments | null, nowMs: number): Verdict {
    const snapshot = this.#grants.current();
    this.#policyHash = snapshot.policyHash;
    if (this.#closed) return this.#answer('GOVERNOR_CLOSED', nowMs);
    const engaged = this.#killSwitch.engaged();
    if ((engaged & STOP_ALL) !== 0) return this.#answer(stopAllCode(engaged), nowMs);

    this.#stage = 'request';
    const problem = findRequestProblem(request);
    if (problem !== null) return this.#answer('REQUEST_INVALID', nowMs, problem);
    this.#wellFormed = true;

    this.#stage = 'tenant';
    const tenantDenial = this.#tenants.check(request.tenant);
    if (tenantDenial !== null) return this.#answer(tenantDenial, nowMs);

    this.#stage = 'scoped_kill_switch';
    const stop = this.#findScopedStop(request, engaged);
    if (stop !== null) return this.#answer(stop, nowMs);

    this.#stage = 'grant';
    if (request.resource.type !== 'tool') return this.#answer('RESOURCE_TYPE_UNKNOWN', nowMs);
    const grant = snapshot.find(request.resource.id);
    if (grant === undefined) return this.#answer('TOOL_UNKNOWN', nowMs);
    return this.#judgeGranted(request, grant, resolved, nowMs);
  }

  #judgeGranted(
    request: DecisionRequest,
    grant: CompiledGrant,
    resolved: ResolvedArguments | null,
    nowMs: number,
  ): Verdict {
    const subjectDenial = grant.checkSubject(request);
    if (subjectDenial !== null) return this.#refuse(grant, subjectDenial, nowMs);
    const action = grant.action(request.action.name);
    if (action === undefined) return this.#refuse(grant, 'ACTION_NOT_ALLOWED', nowMs);

    this.#stage = 'arguments';
    const problem =
      action.checkArguments(request.action.properties) ??
      (resolved === null ? null : resolved.problem);
    if (problem !== null) return this.#refuse(grant, problem.code, nowMs, problem.argument);
    if (action.approval) return this.#refuse(grant, 'APPROVAL_REQUIRED', nowMs);

    this.#stage = 'policy';
    let obligations = NO_OBLIGATIONS;
    if (this.#policy !== null) {
      const answer = this.#policy.evaluate(request);
      if (!EFFECTS.includes(answer.effect)) throw new TypeError('policy backend: unknown effect');
      if (answer.effect !== 'allow') {
        const code = answer.effect === 'escalate' ? 'APPROVAL_REQUIRED' : 'POLICY_DENIED';
        return this.#refuse(grant, code, nowMs, answer.reason, answer.obligations);
      }
      obligations = answer.obligations;
    }
    return this.#admit(request, grant, action, obligations, nowMs);
  }

  #admit(
    request: DecisionRequest,
    grant: CompiledGrant,
    action: GrantedAction,
    obligations: readonly Obligation[],
    nowMs: number,
  ): Verdict {
    // Asked before the limit is charged: a call that cannot be recorded must not consume one.
    this.#stage = 'evidence';
    if (!this.#evidence.ready()) return this.#answer('EVIDENCE_UNAVAILABLE', nowMs);
    if (action.limit !== null) {
      this.#stage = 'limits';
      const wait = this.#limiter.take(action.limit, request.tenant, request.callId, nowMs);
      if (wait === LIMITER_FULL) return this.#refuse(grant, 'LIMITER_FULL', nowMs);
      if (wait !== 0) {
        return this.#refuse(grant, 'RATE_LIMITED', nowMs, '', NO_OBLIGATIONS, Math.ceil(wait));
      }
    }
    this.#stage = 'evidence';
    return this.#answer('ALLOWED', nowMs, '', obligations);
  }

  #findScopedStop(request: DecisionRequest, engaged: number): DenialCode | null {
    if (engaged === 0) return null;
    const { tenant, subject, resource, action } = request;
    const stop = this.#killSwitch.find(tenant, subject.id, resource.id, action.name);
    return stop === null ? null : KILLED[stop.scope];
  }

  /** A denial or escalation that the grant's shadow mode turns into a reported allow. */
  #refuse(
    grant: CompiledGrant,
    code: VerdictCode,
    nowMs: number,
    detail = '',
    obligations: readonly Obligation[] = NO_OBLIGATIONS,
    retryAfterMs = 0,
  ): Verdict {
    return this.#answer(code, nowMs, detail, obligations, retryAfterMs, grant.shadow);
  }

  #answer(
    code: VerdictCode,
    nowMs: number,
    detail = '',
    obligations: readonly Obligation[] = NO_OBLIGATIONS,
    retryAfterMs = 0,
    shadowed = false,
  ): Verdict {
    return createVerdict(
      this.#ids.next(this.#wall.at(nowMs)),
      code,
      this.#stage,
      this.#policyHash,
      detail,
      retryAfterMs,
      obligations,
      shadowed,
    );
  }

  #fault(error: unknown, nowMs: number): Verdict {
    this.#report(error);
    return this.#answer('ENGINE_FAULT', nowMs);
  }

  #report(error: unknown): void {
    try {
      this.#onFault(this.#stage, error);
    } catch {
      // A reporter that fails must not turn a denial into a throw; the verdict still says what happened.
    }
  }

  #record(request: DecisionRequest, verdict: Verdict, nowMs: number): Verdict {
    let answer = verdict;
    try {
      const wellFormed = this.#wellFormed || isWellFormed(request);
      this.#ticket = this.#evidence.appendDecision(
        wellFormed ? request : MALFORMED_REQUEST,
        verdict,
      );
    } catch (error) {
      this.#stage = 'evidence';
      this.#ticket = EVIDENCE_DROPPED;
      answer = this.#fault(error, nowMs);
    }
    this.counters.count(answer);
    return answer;
  }
}

function stopAllCode(engaged: number): DenialCode {
  return (engaged & KILL_BITS.global) !== 0 ? 'KILLED_GLOBAL' : 'KILL_SWITCH_UNREADABLE';
}

function isWellFormed(request: unknown): boolean {
  try {
    return findRequestProblem(request) === null;
  } catch {
    return false;
  }
}
