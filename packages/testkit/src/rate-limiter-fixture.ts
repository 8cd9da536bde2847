import type {
  BudgetLimit,
  ConcurrencyLimit,
  DecisionRequest,
  GcraLimit,
  Limit,
  LimitRule,
  LimitState,
  LimitUsage,
  RateLimiter,
  WindowLimit,
} from '@cortex-governance/core';

/** What a limiter may do otherwise than one that counts exactly in its own process. */
export interface RateLimiterTraits {
  /**
   * Whether answers equal the definition to the millisecond, waits and `inspect` included. Otherwise only
   * what every limiter promises is checked.
   * @defaultValue true
   */
  readonly exact?: boolean;
  /**
   * Whether time is what `take` is told. False where the store has a clock of its own: cases that move
   * time are left out, and times given stay near 0.
   * @defaultValue true
   */
  readonly ownTime?: boolean;
  /**
   * How much later than promised units may be free, as a part of their window.
   * @defaultValue 1/60
   */
  readonly freedLate?: number;
  /**
   * How often a property is tried.
   * @defaultValue 100
   */
  readonly runs?: number;
}

/** What the case files of the suite are given. */
export interface RateLimiterSuite {
  /** An empty limiter with room for at least 100 keys, behind its probe. */
  readonly open: () => Promise<LimiterProbe>;
  readonly traits: Required<RateLimiterTraits>;
}

/** A limiter as an engine uses it: `prepare` first where there is one, an id for every call. */
export class LimiterProbe {
  readonly limiter: RateLimiter;
  #ids = 0;
  /** The id of the latest take. */
  lastId = '';

  constructor(limiter: RateLimiter) {
    this.limiter = limiter;
  }

  async take(rule: LimitRule, request: DecisionRequest, nowMs: number): Promise<number> {
    if (this.limiter.prepare !== null) await this.limiter.prepare(rule, request);
    this.#ids += 1;
    this.lastId = `verdict-${this.#ids}`;
    return this.limiter.take(rule, request, this.lastId, nowMs);
  }

  /** How many of `count` takes at one time are admitted. */
  async admit(
    count: number,
    rule: LimitRule,
    request: DecisionRequest,
    nowMs: number,
  ): Promise<number> {
    let admitted = 0;
    for (let i = 0; i < count; i++) {
      if ((await this.take(rule, request, nowMs)) === 0) admitted += 1;
    }
    return admitted;
  }

  settle(id: string, usage: LimitUsage, nowMs: number): boolean {
    return this.limiter.settle(id, usage, nowMs);
  }

  cancel(id: string, nowMs: number): boolean {
    return this.limiter.cancel(id, nowMs);
  }

  async inspect(
    rule: LimitRule,
    request: DecisionRequest,
    nowMs: number,
  ): Promise<readonly LimitState[]> {
    if (this.limiter.prepare !== null) await this.limiter.prepare(rule, request);
    return this.limiter.inspect(rule, request, nowMs);
  }
}

/** A whole request of which a test says what matters to it. */
export interface RequestParts {
  readonly tenant?: string;
  readonly agent?: string;
  readonly callId?: string | undefined;
  readonly properties?: DecisionRequest['context'];
  readonly context?: DecisionRequest['context'];
}

export function limitedRequest(parts: RequestParts = {}): DecisionRequest {
  const { tenant = 't', agent = 'agent', callId, properties, context } = parts;
  return {
    tenant,
    subject: { type: 'agent', id: agent },
    action: { name: 'read', ...(properties === undefined ? {} : { properties }) },
    resource: { type: 'tool', id: 'files' },
    ...(context === undefined ? {} : { context }),
    ...(callId === undefined ? {} : { callId }),
  };
}

export function limitRule(limits: readonly Limit[], parts: Partial<LimitRule> = {}): LimitRule {
  return { tool: 'files', action: 'read', shadow: false, limits, ...parts };
}

/** What limits are counted by unless a test says otherwise. */
const BY = ['tenant', 'tool', 'action'] as const;

export function windowLimit(limit: number, windowMs: number): WindowLimit {
  return { kind: 'window', by: BY, limit, windowMs };
}

export function gcraLimit(limit: number, windowMs: number, burst: number): GcraLimit {
  return { kind: 'gcra', by: BY, limit, windowMs, burst };
}

export function concurrencyLimit(limit: number, leaseMs: number): ConcurrencyLimit {
  return { kind: 'concurrency', by: BY, limit, leaseMs };
}

export function tokenBudget(limit: number, windowMs: number, perCall = 1): BudgetLimit {
  return { kind: 'budget', by: BY, unit: 'tokens', limit, windowMs, perCall };
}
