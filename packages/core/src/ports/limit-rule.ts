/** What a limit counts apart: one counter for each combination of the values it names. */
export const LIMIT_DIMENSIONS = ['tenant', 'subject', 'tool', 'action'] as const;

export type LimitDimension = (typeof LIMIT_DIMENSIONS)[number];

/** What a budget is counted in. `cost` is in millionths of the operator's currency unit. */
export const BUDGET_UNITS = ['calls', 'tokens', 'cost'] as const;

export type BudgetUnit = (typeof BUDGET_UNITS)[number];

interface CountedBy {
  /** Empty: one counter for everything under rules that carry this limit. */
  readonly by: readonly LimitDimension[];
}

/** At most `limit` admissions in any stretch of `windowMs` milliseconds; exact, for small limits. */
export interface WindowLimit extends CountedBy {
  readonly kind: 'window';
  readonly limit: number;
  readonly windowMs: number;
}

/**
 * A steady rate of `limit` per `windowMs` with room for `burst` calls at once (GCRA, ITU-T I.371): at
 * most `limit + burst` admissions in any stretch of `windowMs`. For large limits.
 */
export interface GcraLimit extends CountedBy {
  readonly kind: 'gcra';
  readonly limit: number;
  readonly windowMs: number;
  readonly burst: number;
}

/** At most `limit` calls that run at a time; one that is never settled ends after `leaseMs`. */
export interface ConcurrencyLimit extends CountedBy {
  readonly kind: 'concurrency';
  readonly limit: number;
  readonly leaseMs: number;
}

/**
 * At most `limit` units in any stretch of `windowMs`. A call reserves its estimate, and is settled at
 * what it used. Units become free in steps, up to a sixtieth of the window late and never early.
 */
export interface BudgetLimit extends CountedBy {
  readonly kind: 'budget';
  readonly unit: BudgetUnit;
  readonly limit: number;
  readonly windowMs: number;
  /** Units reserved by a call of which no estimate is known. */
  readonly perCall: number;
}

export type Limit = WindowLimit | GcraLimit | ConcurrencyLimit | BudgetLimit;

/**
 * Where one limiter keeps what it worked out for a rule, so that a call finds it without a lookup. Whoever
 * makes rules for the request path gives each a new one; nobody but the limiter touches it.
 */
export interface LimitRuleMemo {
  /** The limiter that {@link plan} is of; null at first. */
  owner: object | null;
  plan: unknown;
}

/** The limits of one action of one tool. All of them admit a call, or none is charged. */
export interface LimitRule {
  readonly tool: string;
  readonly action: string;
  readonly limits: readonly Limit[];
  /** Whether the grant is in shadow mode: its calls are counted apart from those that are enforced. */
  readonly shadow: boolean;
  readonly memo?: LimitRuleMemo;
}
