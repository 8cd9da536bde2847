import type { LimitRule } from '@cortex-governance/core';
import { createLimitPlan, type LimitPlan } from './limit-plan.ts';
import type { LimitStore } from './limit-store.ts';

/** The plans of the rules that a limiter has seen: each is made once, for as long as its rule is used. */
export class PlanBook {
  readonly #store: LimitStore;
  readonly #plans = new WeakMap<LimitRule, { readonly plan: LimitPlan | null }>();
  /** The rule of the latest call and its plan: most calls come in runs. */
  #rule: LimitRule | null = null;
  #plan: LimitPlan | null = null;

  constructor(store: LimitStore) {
    this.#store = store;
  }

  /** The plan of a rule; null when it cannot be enforced. */
  find(rule: LimitRule): LimitPlan | null {
    if (rule === this.#rule) return this.#plan;
    if (typeof rule !== 'object' || rule === null) return null;
    const { memo } = rule;
    if (memo !== undefined && memo.owner === this) return memo.plan as LimitPlan | null;
    return this.#lookUp(rule);
  }

  #lookUp(rule: LimitRule): LimitPlan | null {
    let known = this.#plans.get(rule);
    if (known === undefined) {
      known = { plan: createLimitPlan(rule, this.#store) };
      this.#plans.set(rule, known);
    }
    this.#rule = rule;
    this.#plan = known.plan;
    const { memo } = rule;
    // The first limiter that sees the rule has its memo; any other looks the rule up.
    if (memo !== undefined && memo.owner === null) {
      memo.plan = known.plan;
      memo.owner = this;
    }
    return known.plan;
  }
}
