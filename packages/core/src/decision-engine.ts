import type { Clock } from './clock.ts';
import { DecisionCounters } from './decision-counters.ts';
import type { DecisionRequest } from './decision-request.ts';
import type { EngineParts } from './engine-parts.ts';
import type { Obligation } from './obligation.ts';
import { readPolicyAnswer } from './policy-answer.ts';
import type { EvidenceSink } from './ports/evidence-sink.ts';
import { EVIDENCE_DROPPED } from './ports/evidence-sink.ts';
import type {
  CompiledGrant,
  GrantedAction,
  GrantSource,
  ResolvedArguments,
} from './ports/grant-source.ts';
import type { KillSwitchReader } from './ports/kill-switch.ts';
import type { PolicyBackend } from './ports/policy-backend.ts';
import { LIMITER_FULL, LIMITER_UNAVAILABLE, type RateLimiter } from './ports/rate-limiter.ts';
import type { TenantRegistry } from './ports/tenant-registry.ts';
import type { DenialCode, VerdictCode } from './reason-code.ts';
import { recordableRequest } from './recordable-request.ts';
import { findRequestProblem, isWellFormedRequest } from './request-check.ts';
import type { Stage } from './stage.ts';
import { globalStopCode, scopedStopCode } from './stop-code.ts';
import { createVerdict, NO_OBLIGATIONS, type Verdict } from './verdict.ts';
import { shortDetail } from './verdict-detail.ts';
import { VerdictIdSource } from './verdict-id.ts';
import { WallTime } from './wall-time.ts';

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
  #nowMs = 0;
  #policyHash = '';
  /** Id of the verdict to come, when the limiter was told it before there is one. */
  #reservedId = '';
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
    this.#stage = 'kill_switch';
    this.#wellFormed = false;
    this.#reservedId = '';
    try {
      this.#nowMs = this.#clock.monotonicMs();
      return this.#record(request, this.#judge(request, resolved));
    } catch (error) {
      return this.#record(request, this.#fault(error));
    }
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
    this.#stage = stage;
    this.#wellFormed = false;
    try {
      this.#nowMs = this.#clock.monotonicMs();
      this.#policyHash = this.#grants.current().policyHash;
    } catch (error) {
      this.#report(error);
    }
    return this.#record(request, this.#answer(code, detail));
  }

  /** The code of the stop that covers a well-formed request now, or null. Fails closed: a kill switch that throws stops. */
  findStop(request: DecisionRequest): DenialCode | null {
    try {
      const engaged = this.#killSwitch.engaged();
      return globalStopCode(engaged) ?? scopedStopCode(this.#killSwitch, engaged, request);
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

  #judge(request: DecisionRequest, resolved: ResolvedArguments | null): Verdict {
    const snapshot = this.#grants.current();
    this.#policyHash = snapshot.policyHash;
    if (this.#closed) return this.#answer('GOVERNOR_CLOSED');
    const engaged = this.#killSwitch.engaged();
    const stopOfAll = globalStopCode(engaged);
    if (stopOfAll !== null) return this.#answer(stopOfAll);

    this.#stage = 'request';
    if (!isWellFormedRequest(request)) {
      return this.#answer('REQUEST_INVALID', findRequestProblem(request) ?? 'request: not stable');
    }
    this.#wellFormed = true;

    this.#stage = 'tenant';
    const tenantDenial = this.#tenants.check(request.tenant);
    if (tenantDenial !== null) return this.#answer(tenantDenial);

    this.#stage = 'scoped_kill_switch';
    const stop = scopedStopCode(this.#killSwitch, engaged, request);
    if (stop !== null) return this.#answer(stop);

    this.#stage = 'grant';
    if (request.resource.type !== 'tool') return this.#answer('RESOURCE_TYPE_UNKNOWN');
    const grant = snapshot.find(request.resource.id);
    if (grant === undefined) return this.#answer('TOOL_UNKNOWN');
    return this.#judgeGranted(request, grant, resolved);
  }

  #judgeGranted(
    request: DecisionRequest,
    grant: CompiledGrant,
    resolved: ResolvedArguments | null,
  ): Verdict {
    const subjectDenial = grant.checkSubject(request);
    if (subjectDenial !== null) return this.#refuse(grant, subjectDenial);
    const action = grant.action(request.action.name);
    if (action === undefined) return this.#refuse(grant, 'ACTION_NOT_ALLOWED');

    this.#stage = 'arguments';
    const problem =
      action.checkArguments(request.action.properties) ??
      (resolved === null ? null : resolved.problem);
    if (problem !== null) return this.#refuse(grant, problem.code, problem.argument);
    if (action.approval) return this.#refuse(grant, 'APPROVAL_REQUIRED');

    this.#stage = 'policy';
    let obligations = NO_OBLIGATIONS;
    if (this.#policy !== null) {
      const answer = readPolicyAnswer(this.#policy.evaluate(request));
      if (answer.effect !== 'allow') {
        const code = answer.effect === 'escalate' ? 'APPROVAL_REQUIRED' : 'POLICY_DENIED';
        return this.#refuse(grant, code, answer.reason, answer.obligations);
      }
      obligations = answer.obligations;
    }
    return this.#admit(request, grant, action, obligations);
  }

  #admit(
    request: DecisionRequest,
    grant: CompiledGrant,
    action: GrantedAction,
    obligations: readonly Obligation[],
  ): Verdict {
    // Asked before the limit is charged: a call that cannot be recorded must not consume one.
    this.#stage = 'evidence';
    if (!this.#evidence.ready()) return this.#answer('EVIDENCE_UNAVAILABLE');
    let notice = '';
    if (action.limit !== null) {
      this.#stage = 'limits';
      this.#reservedId = this.#nextId();
      const wait = this.#limiter.take(action.limit, request, this.#reservedId, this.#nowMs);
      notice = this.#limiter.notice;
      if (wait !== 0) {
        const retryAfterMs = Math.max(0, Math.ceil(wait));
        return this.#refuse(grant, limitCode(wait), notice, obligations, retryAfterMs);
      }
    }
    this.#stage = 'evidence';
    return this.#answer('ALLOWED', notice, obligations);
  }

  /** A denial or escalation that the grant's shadow mode turns into a reported allow. */
  #refuse(
    grant: CompiledGrant,
    code: VerdictCode,
    detail = '',
    obligations: readonly Obligation[] = NO_OBLIGATIONS,
    retryAfterMs = 0,
  ): Verdict {
    if (grant.shadow && !this.#evidence.ready()) {
      // Shadow mode lets a call pass; it does not let one pass unrecorded.
      this.#stage = 'evidence';
      return this.#answer('EVIDENCE_UNAVAILABLE');
    }
    return this.#answer(code, detail, obligations, retryAfterMs, grant.shadow);
  }

  #answer(
    code: VerdictCode,
    detail = '',
    obligations: readonly Obligation[] = NO_OBLIGATIONS,
    retryAfterMs = 0,
    shadowed = false,
  ): Verdict {
    const id = this.#reservedId === '' ? this.#nextId() : this.#reservedId;
    this.#reservedId = '';
    return createVerdict(
      id,
      code,
      this.#stage,
      this.#policyHash,
      shortDetail(detail),
      retryAfterMs,
      obligations,
      shadowed,
    );
  }

  #nextId(): string {
    return this.#ids.next(this.#wall.at(this.#nowMs));
  }

  #fault(error: unknown): Verdict {
    this.#report(error);
    return this.#answer('ENGINE_FAULT');
  }

  #report(error: unknown): void {
    try {
      this.#onFault(this.#stage, error);
    } catch {
      // A reporter that fails must not turn a denial into a throw; the verdict still says what happened.
    }
  }

  #record(request: DecisionRequest, verdict: Verdict): Verdict {
    let answer = verdict;
    try {
      const recorded = this.#wellFormed ? request : recordableRequest(request);
      this.#ticket = this.#evidence.appendDecision(recorded, verdict);
      if (
        this.#ticket === EVIDENCE_DROPPED &&
        verdict.effect === 'allow' &&
        this.#evidence.required
      ) {
        this.#giveBack(verdict);
        this.#stage = 'evidence';
        answer = this.#answer('EVIDENCE_UNAVAILABLE');
      }
    } catch (error) {
      this.#stage = 'evidence';
      this.#ticket = EVIDENCE_DROPPED;
      this.#giveBack(verdict);
      answer = this.#fault(error);
    }
    this.counters.count(answer);
    return answer;
  }

  /** A call that does not run after all must not have consumed anything. */
  #giveBack(verdict: Verdict): void {
    if (verdict.effect !== 'allow') return;
    try {
      this.#limiter.cancel(verdict.id, this.#nowMs);
    } catch (error) {
      this.#report(error);
    }
  }
}

function limitCode(wait: number): DenialCode {
  if (wait === LIMITER_FULL) return 'LIMITER_FULL';
  return wait === LIMITER_UNAVAILABLE ? 'LIMITER_UNAVAILABLE' : 'RATE_LIMITED';
}
