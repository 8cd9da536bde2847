import type { LimitUsage, Verdict } from '@cortex-governance/core';
import type { Governor } from '@cortex-governance/governor';

/** Most units that a call can say it used: integers up to here are exact, and so are sums of two. */
const MAX_UNITS = 2 ** 52;

/**
 * What one allowed call holds of its limits. It is given back when the call {@link end}s without having
 * begun, and settled when it has; the first end counts.
 */
export class CallReservation {
  readonly #governor: Governor;
  readonly #verdict: Verdict;
  #begun = false;
  #ended = false;

  constructor(governor: Governor, verdict: Verdict) {
    this.#governor = governor;
    this.#verdict = verdict;
  }

  /** From now on the call may have had an effect. */
  begin(): void {
    this.#begun = true;
  }

  /** @param usage what the call used; a unit that is left out, as reserved. */
  end(usage: LimitUsage = {}): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#begun) this.#governor.settle(this.#verdict, usage);
    else this.#governor.cancel(this.#verdict);
  }
}

/**
 * What `read` says that a result used. A unit that is no number from 0 to 2^52 is left out; nothing is
 * said when `read` throws or answers with anything but an object. Fractions are rounded up.
 */
export function usageOf<Result>(
  read: ((result: Result) => LimitUsage) | undefined,
  result: Result,
): LimitUsage {
  if (read === undefined) return {};
  try {
    const said: unknown = read(result);
    // A promise says nothing in time; its rejection must not end the process either.
    if (said instanceof Promise) said.catch(() => {});
    if (typeof said !== 'object' || said === null) return {};
    const { tokens, cost } = said as Readonly<Record<string, unknown>>;
    return {
      ...(isUnits(tokens) ? { tokens: Math.ceil(tokens) } : {}),
      ...(isUnits(cost) ? { cost: Math.ceil(cost) } : {}),
    };
  } catch {
    return {};
  }
}

function isUnits(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_UNITS;
}
