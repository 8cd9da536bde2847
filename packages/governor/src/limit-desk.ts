import type {
  Clock,
  DecisionRequest,
  EvidenceWriter,
  GrantedAction,
  LimitState,
  LimitUsage,
  RateLimiter,
} from '@cortex-governance/core';

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
    if (!this.#limiter.settle(id, usage, this.#clock.monotonicMs())) return false;
    const { tokens, cost } = usage;
    if (tokens !== undefined || cost !== undefined) {
      const used = {
        ...(tokens === undefined ? {} : { tokens }),
        ...(cost === undefined ? {} : { cost }),
      };
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
