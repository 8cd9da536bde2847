import {
  type ArgumentProblem,
  type CompiledGrant,
  type DecisionRequest,
  type EngineParts,
  EVIDENCE_DROPPED,
  type GrantedAction,
  type KillSwitchEntry,
  type LimitRule,
  type Verdict,
} from '../src/index.ts';

/** What the evidence part was given. */
export interface Recorded {
  readonly request: DecisionRequest;
  readonly verdict: Verdict;
}

/** Engine parts whose answers a test can change between decisions. */
export class TestParts implements EngineParts {
  engagedBits = 0;
  stop: KillSwitchEntry | null = null;
  tenantDenial: ReturnType<EngineParts['tenants']['check']> = null;
  subjectDenial: ReturnType<CompiledGrant['checkSubject']> = null;
  problem: ArgumentProblem | null = null;
  approval = false;
  shadow = false;
  wait = 0;
  readonly takenIds: string[] = [];
  readonly cancelledIds: string[] = [];
  evidenceReady = true;
  evidenceRequired = true;
  dropRecords = false;
  nowMs = 1_000;
  epochMs = 1_790_000_000_000;
  readonly recorded: Recorded[] = [];
  readonly faults: unknown[] = [];
  policy: EngineParts['policy'] = null;

  /** Calls that the limiter admitted. */
  get taken(): number {
    return this.takenIds.length;
  }

  readonly clock = { monotonicMs: () => this.nowMs, wallMs: () => this.epochMs + this.nowMs };
  readonly killSwitch = { engaged: () => this.engagedBits, find: () => this.stop };
  readonly tenants = { check: () => this.tenantDenial };
  readonly limiter = {
    take: (_rule: LimitRule, _request: DecisionRequest, id: string): number => {
      if (this.wait === 0) this.takenIds.push(id);
      return this.wait;
    },
    settle: () => false,
    cancel: (id: string): boolean => {
      this.cancelledIds.push(id);
      return true;
    },
    reservedBy: () => undefined,
    inspect: () => [],
    prepare: null,
    notice: '',
    size: () => 0,
    close: async () => {},
  };
  readonly evidence = this.#makeEvidence();
  readonly onFault = (stage: string, error: unknown): void => {
    this.faults.push([stage, error]);
  };

  readonly #action: GrantedAction;
  readonly grants: EngineParts['grants'];

  constructor() {
    this.#action = this.#makeAction();
    const grant = this.#makeGrant();
    const snapshot = {
      policyHash: 'hash',
      epoch: 1,
      find: (tool: string) => (tool === 'git-map' ? grant : undefined),
      tools: () => ['git-map'],
    };
    this.grants = { current: () => snapshot };
  }

  #makeEvidence() {
    const parts = this;
    return {
      get required() {
        return parts.evidenceRequired;
      },
      ready: () => this.evidenceReady,
      appendDecision: (request: DecisionRequest, verdict: Verdict) => {
        if (this.dropRecords) return EVIDENCE_DROPPED;
        return this.recorded.push({ request, verdict }) - 1;
      },
    };
  }

  #makeAction(): GrantedAction {
    const parts = this;
    return {
      name: 'tree',
      effect: 'read',
      get approval() {
        return parts.approval;
      },
      limit: {
        tool: 'git-map',
        action: 'tree',
        limits: [{ kind: 'window', by: ['tenant'], limit: 1, windowMs: 1 }],
        shadow: false,
      },
      checkArguments: () => this.problem,
      resolvePaths: async () => ({ args: {}, problem: null }),
    };
  }

  #makeGrant(): CompiledGrant {
    const parts = this;
    return {
      tool: 'git-map',
      get shadow() {
        return parts.shadow;
      },
      checkSubject: () => this.subjectDenial,
      action: (name) => (name === 'tree' ? this.#action : undefined),
      actions: () => ['tree'],
    };
  }
}
