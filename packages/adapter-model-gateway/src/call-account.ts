import type { LimitUsage, Verdict } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import type { ModelPrice } from './model-price.ts';
import { limitUsage, type ModelUsage } from './model-usage.ts';
import type { UsageMeter } from './usage-meter.ts';

/**
 * What one allowed model call holds of its limits. It ends once: cancelled when the upstream was never
 * reached, otherwise settled with what the upstream said was used. When it did not say, the call stands
 * as reserved, or at what it has surely used where that is more: a client that leaves a call without a
 * cap just before its end pays for what it got.
 */
export class CallAccount {
  readonly #governor: Governor;
  readonly #verdict: Verdict;
  readonly #price: ModelPrice | null;
  readonly #reserved: Required<LimitUsage>;
  #reached = false;
  #ended = false;
  #meter: Pick<UsageMeter, 'usage' | 'leastTokens'> | null = null;

  /**
   * @param price of the model; null when it has none.
   * @param reserved the most that any limit holds for the call.
   */
  constructor(
    governor: Governor,
    verdict: Verdict,
    price: ModelPrice | null,
    reserved: Required<LimitUsage>,
  ) {
    this.#governor = governor;
    this.#verdict = verdict;
    this.#price = price;
    this.#reserved = reserved;
  }

  /** The call is on its way: the upstream may have it. */
  sent(): void {
    this.#reached = true;
  }

  /** The upstream does not have the call after all: there was no connection. */
  unreached(): void {
    this.#reached = false;
  }

  /** Where the usage is read from when the call ends. */
  meteredBy(meter: Pick<UsageMeter, 'usage' | 'leastTokens'>): void {
    this.#meter = meter;
  }

  /** The call is over, however it ended. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#reached) {
      this.#governor.cancel(this.#verdict);
      return;
    }
    this.#governor.settle(this.#verdict, this.#used());
  }

  #used(): LimitUsage {
    const stated: ModelUsage | null = this.#meter?.usage ?? null;
    if (stated !== null) return limitUsage(stated, this.#price);
    const total = this.#meter?.leastTokens ?? 0;
    // All of it as the cheaper kind: it is the least that is looked for.
    const cheapest = Math.min(this.#price?.input ?? 0, this.#price?.output ?? 0);
    const cost = Math.floor(total * cheapest);
    return {
      ...(total > this.#reserved.tokens ? { tokens: total } : {}),
      ...(cost > this.#reserved.cost ? { cost } : {}),
    };
  }
}
