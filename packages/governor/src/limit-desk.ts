import type {
  Clock,
  DecisionRequest,
  EvidenceWriter,
  GrantedAction,
  LimitState,
  LimitUsage,
  RateLimiter,
} from '@cortex-governance/core';

/** Most units of one call: up to here whole numbers, and sums of two of them, are exact. */
const MAX_UNITS = 2 ** 52;

/** What a governor does with its limiter besides deciding. */
export class LimitDesk {
  readonly #limiter: RateLimiter;
  readonly #clock: Clock;
  readonly #evidence: Pick<EvidenceWriter, 'appendEvent'>;

  constructor(limiter: RateLimiter, clock: Clock, evidence: Pick<EvidenceWriter, 'appendEvent'>) {
    this.#limiter = limiter;
    this.#clock = clock;
    this.#evidence = evidence;
  }

  /** Fetches what the decision on this request needs from a shared store. */
  async prepare(action: GrantedAction | undefined, request: DecisionRequest): Promise<void> {
    const limit = action?.limit ?? null;
    if (limit !== null) await this.#limiter.prepare?.(limit, request);
  }

  settle(id: string, usage: LimitUsage): boolean {
    const used = statedUsage(usage);
    if (!this.#limiter.settle(id, used, this.#clock.monotonicMs())) return false;
    if (used.tokens !== undefined || used.cost !== undefined) {
      this.#evidence.appendEvent({ type: 'usage', properties: { decision: id, ...used } });
    }
    return true;
  }

  cancel(id: string): boolean {
    return this.#limiter.cancel(id, this.#clock.monotonicMs());
  }

  reservedBy(id: string): string | undefined {
    return this.#limiter.reservedBy(id);
  }

  inspect(action: GrantedAction | undefined, request: DecisionRequest): readonly LimitState[] {
    const limit = action?.limit ?? null;
    return limit === null ? [] : this.#limiter.inspect(limit, request, this.#clock.monotonicMs());
  }
}

/**
 * What of a usage can be charged, read once: whole amounts, rounded up. A member that is no amount counts
 * as left out; what is charged and what is recorded are the same, whatever the caller's object does.
 */
function statedUsage(usage: LimitUsage): LimitUsage {
  const tokens = amountOf(usage, 'tokens');
  const cost = amountOf(usage, 'cost');
  return {
    ...(tokens === undefined ? {} : { tokens }),
    ...(cost === undefined ? {} : { cost }),
  };
}

function amountOf(usage: LimitUsage, unit: keyof LimitUsage): number | undefined {
  try {
    const amount: unknown = usage?.[unit];
    if (typeof amount !== 'number' || !(amount >= 0)) return undefined;
    return Math.min(Math.ceil(amount), MAX_UNITS);
  } catch {
    // The call is over all the same: it must not stay among those that run.
    return undefined;
  }
}
