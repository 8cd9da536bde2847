import type { Verdict } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';
import type { ModelPrice } from './model-price.ts';
import { limitUsage, type ModelUsage } from './model-usage.ts';

/**
 * What one allowed model call holds of its limits. It ends once: cancelled when the upstream was never
 * reached, otherwise settled with what the upstream said was used, or as reserved when it did not say.
 */
export class CallAccount {
  readonly #governor: Governor;
  readonly #verdict: Verdict;
  readonly #price: ModelPrice | null;
  #reached = false;
  #ended = false;
  #used: () => ModelUsage | null = () => null;

  /** @param price of the model; null when it has none. */
  constructor(governor: Governor, verdict: Verdict, price: ModelPrice | null) {
    this.#governor = governor;
    this.#verdict = verdict;
    this.#price = price;
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
  meteredBy(meter: { readonly usage: ModelUsage | null }): void {
    this.#used = () => meter.usage;
  }

  /** The call is over, however it ended. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#reached) {
      this.#governor.cancel(this.#verdict);
      return;
    }
    const used = this.#used();
    this.#governor.settle(this.#verdict, used === null ? {} : limitUsage(used, this.#price));
  }
}
